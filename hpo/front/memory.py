"""Who begins anew although it was to go on: a trial's first losses, told again."""

import itertools
import json
import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np

_REMEMBERED = 5  # losses of each job
_NAME = "losses.json"


class Memory(NamedTuple):
    """The first losses of the trial's job before this one, and the last of all."""

    first: tuple[float, ...]
    last: float | None


def remembered(folder: Path) -> Memory:
    """Of a trial's folder; nothing where it was not written, or not whole."""
    try:
        found = json.loads((folder / _NAME).read_text())
        return Memory(tuple(found["first"]), found["last"])
    except (OSError, ValueError, KeyError, TypeError):
        return Memory((), None)


def remember(folder: Path, losses: Sequence[float]) -> None:
    """Write down how a job began and ended."""
    memory = {"first": list(losses[:_REMEMBERED]), "last": losses[-1]}
    partial = folder / f".{_NAME}"
    partial.write_text(json.dumps(memory))
    partial.replace(folder / _NAME)


def begins_anew(before: Memory, losses: Sequence[float], resumed: bool) -> bool:
    """Whether a job's losses are those that the job before began with.

    Two different ones that come again in their order are proof; of an objective that did ask for
    its state (`resumed`) three. One is proof where it did not ask, where the loss moves, and where
    it is no share of few: an accuracy of 0.95 may well come twice.
    """
    pairs = zip(before.first, losses, strict=False)
    same = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
    if not same or same < min(len(before.first), len(losses)):
        return False
    if len(set(losses[:same])) > (2 if resumed else 1):
        return True
    moves = before.last != losses[0] or any(loss != losses[0] for loss in losses)
    return not resumed and moves and not _is_share(losses[0])


def _is_share(loss: float) -> bool:
    """Whether it may be a fraction of up to a million, or is too short to tell."""
    with np.errstate(over="ignore"):
        if not math.isfinite(loss) or float(np.float32(loss)) == loss:
            return True
    near = float(Fraction(loss).limit_denominator(10**6))
    return abs(near - loss) <= 4e-16 * abs(loss)
