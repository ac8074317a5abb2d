"""The state of a study from its log, and which row is wrong where no state follows from it."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from hpo.core.types import (
    Completed,
    Event,
    Failed,
    Job,
    Predicted,
    Proposed,
    Reported,
    Scheduler,
    WorkerLost,
)
from hpo.study.admission import Jobs
from hpo.study.errors import ReplayMismatch
from hpo.study.journal import Entry

_CHANGED = (
    "The scheduler's code, or a setting that it does not tell, has changed since: go on with the "
    "versions in the journal's header, or tune in a new folder."
)

# What schedulers raise of events that cannot be: of some they know it, over others they stumble.
_WRONG = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)


def fold(
    scheduler: Scheduler, entries: Iterable[Entry], seed: int, path: object = None
) -> tuple[Any, set[int]]:
    """The state that a log leads to, and the trials that were running at its end.

    Reports that stand one after another are told together. Raises ReplayMismatch where the
    scheduler would not have led there; it names the file at `path`.
    """
    state, running, row = scheduler.init(seed), set[int](), 1
    items = [item for _, item in entries]
    for reports, group in itertools.groupby(items, lambda item: type(item) is Reported):
        block, before = list(group), state
        try:
            if reports:
                told = [item for item in block if isinstance(item, Reported)]
                state = scheduler.extend(state, told)
            else:
                for item in block:
                    state = _replay(scheduler, state, item)
                    _track(running, item)
        except _WRONG as error:
            wrong = row + _first_wrong(scheduler, before, block)
            raise ReplayMismatch(
                f"{f'{path}: ' if path else ''}row {wrong} of the journal does not follow from "
                f"those before it: {_text(error)}. "
                f"{_cause(items[:wrong], scheduler.metric)}"
            ) from error
        row += len(block)
    return state, running


def _first_wrong(scheduler: Scheduler, state: Any, block: Sequence[Job | Event]) -> int:
    """Which of these cannot be, counted from 0: they are replayed once more, one by one."""
    for place, item in enumerate(block):
        try:
            state = _replay(scheduler, state, item)
        except _WRONG:
            return place
    raise AssertionError("told together they cannot be, one by one they can")


def _cause(items: Sequence[Job | Event], metric: str) -> str:
    """Why the last of these cannot be, and what to do. What no executor can have told of the jobs
    before it was written down in error, whatever the scheduler; all else is the scheduler's."""
    *before, wrong = items
    if isinstance(wrong, Job | Predicted | Proposed):
        return _CHANGED
    jobs = Jobs()
    for item in before:
        if isinstance(item, Job):
            jobs.begin(item)
        elif not isinstance(item, Predicted | Proposed):
            jobs.follow(item)
    if jobs.refusal(wrong) is None and jobs.defect(wrong, metric) is None:
        return _CHANGED
    return (
        "An executor told what could not be, and an earlier version of this package wrote it "
        f"down. hpo.fork(journal, {len(before)}, copy) keeps the rows before it: the study can go "
        "on from the copy."
    )


def _text(error: Exception) -> str:
    return str(error) if isinstance(error, ValueError) else f"{type(error).__name__} {error}"


def _replay(scheduler: Scheduler, state: Any, item: Job | Event) -> Any:
    if not isinstance(item, Job):
        return scheduler.tell(state, item)
    state, action = scheduler.ask(state)
    if action != item:
        raise ValueError(f"it asked for {item}, the scheduler now asks for {action}")
    return state


def _track(running: set[int], item: Job | Event) -> None:
    if isinstance(item, Job):
        running.add(item.trial)
    elif isinstance(item, Completed | Failed | WorkerLost):
        running.discard(item.trial)
