"""The only loop: ask the scheduler, let an executor train, write down what happened, tell it."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from hpo.core.types import Event, Finished, Job, Predict, Propose, Scheduler, WorkerLost
from hpo.executors.protocol import Executor, Unavailable
from hpo.study.admission import Jobs, Refused, warn
from hpo.study.journal import NOBODY, Entry, Workers
from hpo.study.replay import fold

PATIENCE = 10  # how often in a row an executor that runs nothing may be unavailable
PAUSE_S = 1.0  # until it is asked again


class Log(Protocol):
    """What a study is written to: a `Journal`, or `Unrecorded`."""

    def header(self) -> Mapping[str, Any]:
        """What `begin` wrote; empty where the study has not begun."""

    def begin(
        self, settings: Mapping[str, Any], seed: int, executor: Mapping[str, Any] | None = None
    ) -> None:
        """Check that the log is of this study."""

    def entries(self) -> Iterable[Entry]:
        """What earlier runs wrote."""

    def append(self, items: Sequence[Job | Event], workers: Workers = NOBODY) -> None:
        """Write, durably, before it returns; `workers` are those who had trials, by number."""


class Unrecorded:
    """The log of a study that nobody will resume: tabulated curves, tests."""

    def header(self) -> Mapping[str, Any]:
        """Nothing."""
        return {}

    def begin(
        self, settings: Mapping[str, Any], seed: int, executor: Mapping[str, Any] | None = None
    ) -> None:
        """Any study will do."""

    def entries(self) -> Iterable[Entry]:
        """Nothing."""
        return ()

    def append(self, items: Sequence[Job | Event], workers: Workers = NOBODY) -> None:
        """Forget it."""


def run_study(
    scheduler: Scheduler,
    executor: Executor,
    journal: Log,
    seed: int,
    on_event: Callable[[Event, Any], None] | None = None,
    on_refused: Callable[[Refused], None] = warn,
) -> Any:
    """Play the study to its end and return the scheduler's last state.

    A journal that holds part of the study is replayed first and the study goes on from there:
    jobs that were running when it was cut off are asked again from their last reported epoch.
    `on_event(event, state)` is called after each new event, `on_refused(refused)` for each event
    of the executor that could not be. An event is in the journal once the scheduler has a state
    that follows from it, and before anybody else hears of it; a job before the executor does.
    A job that the executor cannot take is lost, and asked again.

    Raises SettingsChanged or ReplayMismatch where the journal is of a different study, and
    ValueError, before anything is written, on a seed that the scheduler refuses; Unavailable where
    the executor can take nothing PATIENCE times in a row.
    """
    scheduler.init(seed)  # refuses a bad seed before it stands in the journal
    header = journal.header()
    executor.begin(_seed_of_trials(header, seed))
    journal.begin(scheduler.settings, seed, _as_named(header, executor.description))
    entries = list(journal.entries())
    state, cut_off = fold(scheduler, entries, seed, getattr(journal, "path", None))
    jobs = Jobs(item for _, item in entries if isinstance(item, Job))
    failed = 0  # rounds in a row after which nothing ran, for the executor could take nothing

    def tell(events: Sequence[Event], workers: Workers = NOBODY) -> None:
        nonlocal state
        states, following = [], state
        for event in events:
            following = scheduler.tell(following, event)
            states.append(following)
        journal.append(events, *([workers] if workers else []))
        state = following
        if on_event is not None:
            for event, following in zip(events, states, strict=True):
                on_event(event, following)

    def start(asked: Sequence[Job]) -> Unavailable | None:
        journal.append(asked)
        lost, reason = [], None
        for job in asked:
            try:
                executor.submit(job, jobs.begin(job))
            except Unavailable as error:
                lost.append(WorkerLost(job.trial))
                jobs.follow(lost[-1])
                reason = error
        tell(lost)
        return reason

    tell([WorkerLost(trial) for trial in sorted(cut_off)])
    while True:
        # What is asked together is written together: a thousand workers start with one look at
        # the disk. Only a prediction, which may take long, does not hold up what was asked before.
        asked, action = list[Job](), None
        while len(jobs) + len(asked) < executor.slots:
            state, action = scheduler.ask(state)
            if isinstance(action, Predict | Propose):
                start(asked)
                asked = []
                tell([scheduler.predict(state, action)])
            elif isinstance(action, Job):
                asked.append(action)
            else:
                break
        unavailable = start(asked)
        failed = failed + 1 if unavailable and not jobs else 0
        if unavailable and failed:
            if failed == PATIENCE:
                raise unavailable
            time.sleep(PAUSE_S)
            continue
        if not jobs:
            _, action = scheduler.ask(state)
            if isinstance(action, Finished):
                return state
            if executor.slots:
                raise RuntimeError("the scheduler waits although nothing runs: it can never go on")
        told = executor.wait()
        admission = jobs.admit(told, scheduler.metric)
        for trial in admission.spoilt:
            executor.cancel(trial)
        for refused in admission.refused:
            on_refused(refused)
        heard = {each.event.trial: each.worker for each in told if each.worker is not None}
        tell(admission.events, heard)


def _seed_of_trials(header: Mapping[str, Any], seed: int) -> int:
    """What the trials' seeds come from, unless the executor has a seed of its own: what they came
    from before, and in a new study the study's. Before headers told it, it was 0."""
    if not header:
        return seed
    return header["executor"].get("seed", seed) if "executor" in header else 0


def _as_named(header: Mapping[str, Any], description: Mapping[str, Any]) -> Mapping[str, Any]:
    """The description, its objective named as in the header where that is the same name with or
    without a module: scripts have none, nor had older headers, whose "partial" was of any function.
    """
    old = header.get("executor", {}).get("objective")
    new = description.get("objective")
    if not (isinstance(old, str) and isinstance(new, str)) or (":" in old and ":" in new):
        return description
    same = old == "partial" or old.rpartition(":")[2] == new.rpartition(":")[2]
    return {**description, "objective": old} if same else description
