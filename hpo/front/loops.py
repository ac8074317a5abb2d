"""An objective as an iterator of what it says of its epochs, whether it yields or reports.

What yields is asked where it stands. What calls `trial.report` in a loop of its own runs in a
thread, and waits in that call until the next epoch is wanted.
"""

import functools
import inspect
import os
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from hpo.core.types import Trial as Asked
from hpo.front.trial import Trial

Objective = Callable[[Trial], Any]
"""A generator of metrics, or a function that calls `trial.report`."""

HOW = "yield {'loss': ...} for every epoch of trial.epochs, or call trial.report(loss=...)"


_TOO_FAR = object()


class TrialStopped(BaseException):
    """Raised by `trial.report` in an objective that goes on although it was told to stop."""


class Plan(NamedTuple):
    """From what epoch (done) to what epoch an objective is to go, and how long each may take.

    `patience` in s, None for ever; it is kept where the objective runs in a thread.
    """

    first: int
    last: int
    horizon: int
    patience: float | None


def loop(objective: Objective, asked: Asked, plan: Plan) -> tuple[Trial, Iterator[Any]]:
    """The trial that the objective is given, and what it says, epoch by epoch."""
    if yields(objective) and plan.patience is None:
        trial = Trial(asked, plan.first, plan.last, plan.horizon)
        return trial, _counted(trial, objective(trial))
    reporting = _Reporting(objective, plan.patience)
    trial = Trial(asked, plan.first, plan.last, plan.horizon, reporting.report)
    return trial, reporting.of(trial)


def yields(objective: Objective) -> bool:
    """Whether it is a generator function; what returns a generator shows it only when called."""
    while isinstance(objective, functools.partial):
        objective = objective.func
    called = (objective, vars(type(objective)).get("__call__"))
    return any(map(inspect.isgeneratorfunction, called))


def _counted(trial: Trial, metrics: Iterator[Any]) -> Iterator[Any]:
    """The metrics, counted in the trial before anybody hears of them."""
    for each in metrics:
        trial.reported += 1
        yield each


class _Reporting:
    """A function in a thread that reports, and waits."""

    def __init__(self, objective: Objective, patience: float | None):
        self._objective, self._patience = objective, patience
        self._said: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._wanted = threading.Semaphore(0)
        self._over = False
        self._trial: Trial  # from `of` on
        self._first = 0

    def of(self, trial: Trial) -> Iterator[Any]:
        """What it reports. Raises what it raises, TimeoutError where an epoch takes too long."""
        self._trial, self._first = trial, trial.reported
        threading.Thread(target=self._run, name=f"trial {trial.number}", daemon=True).start()
        try:
            yield from self._heard()
        finally:
            self._over = True
            self._wanted.release()

    def _heard(self) -> Iterator[Any]:
        while True:
            self._wanted.release()
            try:
                what, value = self._said.get(timeout=self._patience)
            except queue.Empty:
                raise TimeoutError(late(self._trial.reported + 1, self._patience or 0.0)) from None
            if what == "reported":
                yield value
            elif what == "iterates":
                self._trial.yields()
                yield from _counted(self._trial, value)
                return
            elif what == "raised":
                raise value
            else:
                self._check_end(value)
                return

    def _check_end(self, returned: Any) -> None:
        trial = self._trial
        if trial.reported == self._first:
            what = "" if returned is None else f" and returned {_short(returned)}"
            raise ValueError(f"the objective reported nothing{what}: {HOW}")
        if returned is _TOO_FAR and self._first and not trial.looked:
            raise ValueError(
                f"the objective reports more than epochs {self._first + 1} to {trial.last_epoch}, "
                "and never looked where it was to begin: loop over trial.epochs, from the state "
                "of trial.load()"
            )

    def report(self, metrics: Mapping[str, Any]) -> bool:
        """In the thread: say it, and wait until it is known whether more is wanted."""
        trial = self._trial
        if self._over or trial.reported >= trial.last_epoch:
            raise TrialStopped("the objective was told to stop: trial.report returned False")
        trial.reported += 1
        self._said.put(("reported", metrics))
        self._wanted.acquire()
        if self._over:
            raise TrialStopped("the study wants no more of this trial")
        return trial.reported < trial.last_epoch

    def _run(self) -> None:
        self._wanted.acquire()
        try:
            found = self._objective(self._trial)
            if isinstance(found, Iterator):
                self._iterate(found)
            else:
                self._said.put(("ended", found))
        except TrialStopped:
            self._said.put(("ended", _TOO_FAR))
        except BaseException as error:
            self._said.put(("raised", error))

    def _iterate(self, found: Iterator[Any]) -> None:
        """A generator: in this thread where its epochs have a time, else where it is asked."""
        if self._patience is None:
            self._said.put(("iterates", found))
            return
        trial = self._trial
        trial.yields()
        for metrics in found:
            trial.reported += 1
            self._said.put(("reported", metrics))
            self._wanted.acquire()
            if self._over:
                return
        self._said.put(("ended", None))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}..."


def late(epoch: int | None, seconds: float) -> str:
    """What to say of an epoch that took too long."""
    which = f"epoch {epoch}" if epoch else "an epoch"
    return f"{which} took longer than the {seconds:g} s of hpo.tune(timeout=...)"


class Forked(NamedTuple):
    """The process in which a trial began, and where a child that came back leaves word."""

    process: int
    word: Path

    def check(self) -> None:
        """Ends a child that came back as if it were the trial; raises RuntimeError in its parent.

        Whoever forks to load data does not come here.
        """
        if os.getpid() != self.process:
            self.word.touch()
            os._exit(0)
        if self.word.exists():
            self.word.unlink()
            raise RuntimeError(
                "the objective forked, and its child went on as if it were the trial: end children "
                "with os._exit, or start them with subprocess or multiprocessing"
            )
