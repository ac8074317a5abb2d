"""The only loop: ask the scheduler, let an executor train, write down what happened, tell it."""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from hpo.core.trials import defect_of
from hpo.core.types import (
    Completed,
    Event,
    Failed,
    Finished,
    Job,
    Predict,
    Propose,
    Reported,
    Scheduler,
    TrialEvent,
    WorkerLost,
)
from hpo.study.journal import Entry, ReplayMismatch

_ENDS = (Completed, Failed, WorkerLost)  # of a job


class Log(Protocol):
    """What a study is written to: a `Journal`, or `Unrecorded`."""

    def begin(self, settings: Mapping[str, Any], seed: int) -> None:
        """Check that the log is of this study."""

    def entries(self) -> Iterable[Entry]:
        """What earlier runs wrote."""

    def append(self, items: Sequence[Job | Event]) -> None:
        """Write, durably, before it returns."""


class Unrecorded:
    """The log of a study that nobody will resume: tabulated curves, tests."""

    def begin(self, settings: Mapping[str, Any], seed: int) -> None:
        """Any study will do."""

    def entries(self) -> Iterable[Entry]:
        """Nothing."""
        return ()

    def append(self, items: Sequence[Job | Event]) -> None:
        """Forget it."""


class Executor(Protocol):
    """Runs jobs somewhere."""

    slots: int
    """How many jobs can run at once."""

    def submit(self, job: Job) -> None:
        """Start a job; the study keeps at most `slots` running."""

    def wait(self) -> list[TrialEvent]:
        """Block until something happened; events of one trial come in order."""

    def cancel(self, trial: int) -> None:
        """Stop the trial's job; it ends without a further Completed or Failed."""


def run_study(
    scheduler: Scheduler,
    executor: Executor,
    journal: Log,
    seed: int,
    on_event: Callable[[Event, Any], None] | None = None,
) -> Any:
    """Play the study to its end and return the scheduler's last state.

    A journal that holds part of the study is replayed first and the study goes on from there:
    jobs that were running when it was cut off are asked again from their last reported epoch.
    `on_event(event, state)` is called after each new event. Everything is in the journal before
    the scheduler or the executor hears of it.

    Raises SettingsChanged or ReplayMismatch where the journal is of a different study.
    """
    journal.begin(scheduler.settings, seed)
    state, running = fold(scheduler, journal.entries(), seed)

    def tell(events: Sequence[Event]) -> None:
        nonlocal state
        journal.append(events)
        for event in events:
            state = scheduler.tell(state, event)
            _track(running, event)
            if on_event is not None:
                on_event(event, state)

    tell([WorkerLost(trial) for trial in sorted(running)])
    while True:
        action = None
        while len(running) < executor.slots:
            state, action = scheduler.ask(state)
            if isinstance(action, Predict | Propose):
                tell([scheduler.predict(state, action)])
            elif isinstance(action, Job):
                journal.append([action])
                _track(running, action)
                executor.submit(action)
            else:
                break
        if not running:
            if isinstance(action, Finished):
                return state
            raise RuntimeError("the scheduler waits although nothing runs: it can never go on")
        tell(_admitted(executor, running, scheduler.metric))


def fold(scheduler: Scheduler, entries: Iterable[Entry], seed: int) -> tuple[Any, set[int]]:
    """The state that a log leads to, and the trials that were running at its end.

    Reports that stand one after another are told together. Raises ReplayMismatch where the
    scheduler would not have led there.
    """
    state, running, row = scheduler.init(seed), set(), 1
    items = (item for _, item in entries)
    for reports, group in itertools.groupby(items, lambda item: type(item) is Reported):
        block, before = list(group), state
        try:
            if reports:
                state = scheduler.extend(state, block)
            else:
                for item in block:
                    state = _replay(scheduler, state, item)
                    _track(running, item)
        except ValueError as error:
            wrong = row + _first_wrong(scheduler, before, block)
            raise ReplayMismatch(
                f"row {wrong} of the journal does not follow from those before it: {error}. The "
                "code has changed since: go on with the versions in the journal's header, or tune "
                "in a new folder."
            ) from error
        row += len(block)
    return state, running


def _first_wrong(scheduler: Scheduler, state: Any, block: Sequence[Job | Event]) -> int:
    """Which of these cannot be, counted from 0: they are replayed once more, one by one."""
    for place, item in enumerate(block):
        try:
            state = _replay(scheduler, state, item)
        except ValueError:
            return place
    raise AssertionError("told together they cannot be, one by one they can")


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
    elif isinstance(item, _ENDS):
        running.discard(item.trial)


def _admitted(executor: Executor, running: set[int], metric: str) -> list[TrialEvent]:
    """The executor's next events; an unusable report becomes the failure of its trial."""
    admitted, ended = [], set()
    for event in executor.wait():
        if event.trial not in running or event.trial in ended:
            continue  # the last words of a job cancelled below, whose failure is on record
        error = defect_of(event, metric) if isinstance(event, Reported) else None
        if error is not None:
            executor.cancel(event.trial)
            event = Failed(event.trial, f"epoch {event.epoch}: {error}")
        if isinstance(event, _ENDS):
            ended.add(event.trial)
        admitted.append(event)
    return admitted
