"""What a user sees of a study while it runs, and what ends it early."""

import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from hpo.core.places import BEYOND, Place
from hpo.core.state import FAILED
from hpo.core.types import Completed, Event, Failed, Reported
from hpo.study.keeping import Keeper

ALIKE = 3  # failures that differ in numbers alone and are told
_NUMBERS = re.compile(r"\d[\d.e+-]*")


class StopStudy(Exception):
    """Raise it in a callback of `hpo.tune` to end the study there; `extend` goes on with it."""


class Report(NamedTuple):
    """What a callback is given: `metrics` of a trial after `epoch`."""

    trial: int
    epoch: int
    params: Mapping[str, Any]
    metrics: Mapping[str, Any]


Callback = Callable[[Report], Any]


class Limits(NamedTuple):
    """Epochs of the study in all, and the time (of `time.monotonic`) at which it ends."""

    epochs: int | None = None
    until: float | None = None

    def reached(self, epochs: int) -> bool:
        return (self.epochs is not None and epochs >= self.epochs) or (
            self.until is not None and time.monotonic() >= self.until
        )


def say(line: str) -> None:
    """A line on the screen, where errors go: a program's output is its own."""
    print(line, file=sys.stderr, flush=True)


def silent(line: str) -> None:
    """Nothing."""


class Watch:
    """Hears every event of a part of a study: `watch(event, state)`. Raises StopStudy where a limit
    is reached."""

    def __init__(
        self,
        place: Place,
        callbacks: Sequence[Callback],
        limits: Limits,
        epochs: int,
        tell: Callable[[str], None],
        keeper: Keeper,
    ):
        self._keeper = keeper
        self._place, self._callbacks, self._limits, self._tell = place, callbacks, limits, tell
        self._epochs = epochs
        self._best: tuple[int, float] | None = None
        self._failures: Counter[str] = Counter()

    def __call__(self, event: Event, state: Any) -> None:
        self._keeper(event, state)
        state = getattr(state, "inner", state)
        if isinstance(event, Reported):
            self._epochs += 1
            self._call_back(event, state)
        elif isinstance(event, Failed) and event.error != BEYOND:
            self._tell_failed(self._place.number_of(event.trial), event.error)
        elif isinstance(event, Completed):
            self._tell_best(event, state)
        if self._limits.reached(self._epochs):
            raise StopStudy

    def _call_back(self, event: Reported, state: Any) -> None:
        params = state.trials[event.trial].configuration
        number, epoch = self._place.number_of(event.trial), event.epoch + self._place.epochs
        for callback in self._callbacks:
            callback(Report(number, epoch, params, event.metrics))

    def _tell_failed(self, number: int, error: str) -> None:
        """An objective that is wrong fails in every trial: the same line hundreds of times."""
        kind = _NUMBERS.sub("", error)
        self._failures[kind] += 1
        if self._failures[kind] <= ALIKE:
            self._tell(f"  trial {number} failed: {error}")
        elif self._failures[kind] == ALIKE + 1:
            self._tell(f"  trial {number} failed alike; further such are in study.trials alone")

    def _tell_best(self, event: Completed, state: Any) -> None:
        trial = state.trials[event.trial]
        rank = (-len(trial.curve), state.sign * trial.curve[-1])
        if trial.status == FAILED or (self._best is not None and rank >= self._best):
            return
        self._best = rank
        number, epoch = self._place.number_of(event.trial), event.epoch + self._place.epochs
        values = ", ".join(f"{name} {short(v)}" for name, v in trial.configuration.items())
        self._tell(f"  trial {number}, epoch {epoch}: {short(trial.curve[-1])} ({values})")


def short(value: Any) -> str:
    """A value as one reads it."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
