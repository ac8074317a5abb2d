"""What a user sees of a study while it runs, what ends it early, and which states it forgets."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hpo.core.state import FAILED
from hpo.core.types import MID_JOB, Completed, Event, Failed, Reported, Scheduler
from hpo.executors.folders import folder_of
from hpo.front import states
from hpo.front.gate import BEYOND, Place


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


class Forgetting:
    """Deletes the states of trials that go on no more, where `folder` has the folders of a part's
    trials: all but those that came to `last_epoch`, from which the study can be extended."""

    def __init__(self, scheduler: Scheduler, folder: Path, place: Place, last_epoch: int):
        self._scheduler, self._folder, self._place = scheduler, folder, place
        self._last_epoch = last_epoch
        self._done: set[int] = set()

    def __call__(self, state: Any) -> None:
        """After a job has ended or a stop was decided, which is written down."""
        going_on = self._scheduler.open_trials(state)
        for trial in getattr(state, "inner", state).trials:
            if trial.number in going_on or trial.number in self._done:
                continue
            self._done.add(trial.number)
            if trial.status == FAILED or len(trial.curve) + self._place.epochs < self._last_epoch:
                folder = folder_of(self._folder, self._place.number_of(trial.number))
                states.forget(folder, states.kept(folder))


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
        forget: Callable[[Any], None],
    ):
        self._forget = forget
        self._place, self._callbacks, self._limits, self._tell = place, callbacks, limits, tell
        self._epochs = epochs
        self._best: tuple[int, float] | None = None

    def __call__(self, event: Event, state: Any) -> None:
        if not isinstance(event, MID_JOB):
            self._forget(state)
        state = getattr(state, "inner", state)
        if isinstance(event, Reported):
            self._epochs += 1
            self._call_back(event, state)
        elif isinstance(event, Failed) and event.error != BEYOND:
            self._tell(f"  trial {self._place.number_of(event.trial)} failed: {event.error}")
        elif isinstance(event, Completed):
            self._tell_best(event, state)
        if self._limits.reached(self._epochs):
            raise StopStudy

    def _call_back(self, event: Reported, state: Any) -> None:
        params = state.trials[event.trial].configuration
        number, epoch = self._place.number_of(event.trial), event.epoch + self._place.epochs
        for callback in self._callbacks:
            callback(Report(number, epoch, params, event.metrics))

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
