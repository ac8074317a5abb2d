"""Asking a machine elsewhere: what can go wrong becomes one `AnnealerError`, without secrets."""

import os
import re
import threading
from collections.abc import Callable
from typing import Any, TypeVar

Answer = TypeVar("Answer")

_SECRET = re.compile(r"(?=[\w-]*\d)[\w-]{20,}")  # tokens are long words with digits


class AnnealerError(RuntimeError):
    """The annealer gave no usable answer: it was not reached, refused, failed or took too long.

    `qsvr.samplers.Fallback` turns it into another sampler's answer.
    """


class ProblemTooLarge(ValueError):
    """The problem does not fit the annealer; nothing was sent."""


def ask(what: str, work: Callable[[], Answer], timeout_s: float) -> Answer:
    """`work()`, in a thread that is left behind where it takes longer than `timeout_s` seconds.

    ProblemTooLarge passes. Any other exception of `work` becomes AnnealerError, with its text but
    nothing in it that could be a token, and without the original exception, whose own text and
    context could hold one.
    """
    outcome: list[Any] = []
    errors: list[str] = []
    too_large: list[str] = []

    def run() -> None:
        try:
            outcome.append(work())
        except ProblemTooLarge as error:
            too_large.append(str(error))
        except Exception as error:
            errors.append(f"{type(error).__name__}: {without_secrets(str(error))}")

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(timeout_s)
    if thread.is_alive():
        raise AnnealerError(
            f"{what} gave no answer within {timeout_s:g} s: try later, raise timeout_s, or name "
            "another sampler to fall back on"
        )
    if too_large:
        raise ProblemTooLarge(too_large[0])
    if errors:
        raise AnnealerError(
            f"{what} cannot be used: {errors[0]} (connection and credentials are those of Ocean's "
            "own configuration: `dwave ping` tests them)"
        )
    return outcome[0]


def without_secrets(text: str) -> str:
    """One line of text in which the configured token, and words that look like one, are masked."""
    token = os.environ.get("DWAVE_API_TOKEN")
    if token:
        text = text.replace(token, "***")
    return _SECRET.sub("***", " ".join(text.split()))
