"""A study's log as trials, without the scheduler that made it: to look at, and to branch from."""

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from hpo.core.searcher import Searcher
from hpo.core.types import (
    Completed,
    Configuration,
    Event,
    Failed,
    Job,
    Predicted,
    Reported,
    Trial,
    WorkerLost,
)
from hpo.study.errors import corrupt
from hpo.study.journal import Entry

UNKNOWN = "not in the record"
"""How the error begins of a trial that a branch would have trained where nobody did."""


@dataclass(frozen=True)
class TrialRecord:
    """`goal` is the last epoch asked for; `running` whether its job had not ended; `seconds` how
    long its jobs ran, up to the last word of each, without the time in which the study lay still.

    A log does not say when the study was taken up again; it is taken to be where all jobs that
    run are lost at once. So where one job runs alone (or all workers die together) and its worker
    is lost while the study is played, what passed since the row before is not counted.
    """

    number: int
    configuration: Configuration
    curve: tuple[float, ...] = ()
    goal: int = 0
    jobs: int = 0
    running: bool = False
    error: str | None = None
    lost: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Record:
    """Everything that a log says, trial by trial."""

    metric: str
    trials: tuple[TrialRecord, ...]
    predictions: tuple[Predicted, ...]
    rows: int
    begun: float | None
    last: float | None

    @property
    def epochs(self) -> int:
        return sum(len(trial.curve) for trial in self.trials)

    def searcher(self) -> Searcher:
        """Proposes to trial `number` what it had; {} for numbers that the study did not come to."""
        known = {trial.number: trial.configuration for trial in self.trials}
        return Searcher(
            lambda seed, number: known.get(number, {}),
            {"searcher": "record", "trials": len(self.trials)},
        )

    def objective(self, trial: Trial) -> Iterator[Mapping[str, float]]:
        """The recorded curve as `loss`, and then what became of the trial.

        Raises RuntimeError where it failed, and LookupError, with UNKNOWN, beyond the record.
        """
        known = {t.number: t for t in self.trials}.get(trial.number)
        curve = known.curve if known else ()
        for value in curve[trial.first_epoch : trial.last_epoch]:
            yield {"loss": value}
        if len(curve) < trial.last_epoch:
            if known and known.error:
                raise RuntimeError(known.error)
            raise LookupError(f"{UNKNOWN}: epoch {len(curve) + 1}")


def read(entries: Iterable[Entry], metric: str) -> Record:
    """The record of a log, whole or cut off anywhere.

    Raises JournalCorrupt where a row tells of a trial that no row before it began, or reports no
    such metric.
    """
    entries = list(entries)
    _check(entries, metric)
    trials: dict[int, TrialRecord] = {}
    heard: dict[int, float] = {}  # of each running trial, on the clock
    predictions = []
    for clock, (_, item) in zip(played(entries), entries, strict=True):
        if isinstance(item, Predicted):
            predictions.append(item)
        elif isinstance(item, Job):
            known = trials.get(item.trial, TrialRecord(item.trial, item.configuration))
            goal = item.last_epoch
            trials[item.trial] = replace(known, goal=goal, jobs=known.jobs + 1, running=True)
            heard[item.trial] = clock
        elif isinstance(item, Reported | Completed | Failed | WorkerLost):
            known = trials[item.trial]
            known = replace(known, seconds=known.seconds + clock - heard.pop(item.trial, clock))
            trials[item.trial] = _after(known, item, metric)
            if isinstance(item, Reported):
                heard[item.trial] = clock
    ordered = tuple(trials[number] for number in sorted(trials))
    begun, last = (entries[0].time, entries[-1].time) if entries else (None, None)
    return Record(metric, ordered, tuple(predictions), len(entries), begun, last)


def _check(entries: Sequence[Entry], metric: str) -> None:
    begun = set()
    for row, (_, item) in enumerate(entries, 1):
        if isinstance(item, Job):
            begun.add(item.trial)
        elif isinstance(item, Reported | Completed | Failed | WorkerLost):
            if item.trial not in begun:
                what = f"row {row} tells of trial {item.trial}, which was not begun"
                raise corrupt("the journal", what)
            if isinstance(item, Reported) and metric not in item.metrics:
                raise corrupt("the journal", f"row {row} reports no {metric}")


def played(entries: Sequence[Entry]) -> list[float]:
    """For how long the study had been played at each row, in s, without the time it lay still.

    It never gets less: where a clock was set back, or the driver of another machine has gone on
    whose clock is behind, no time is known to have passed."""
    clock, clocks = 0.0, list[float]()
    running = set[int]()
    for row, (time, item) in enumerate(entries):
        if row and not (isinstance(item, WorkerLost) and _goes_on_again(entries, row, running)):
            clock += max(0.0, time - entries[row - 1].time)
        clocks.append(clock)
        if isinstance(item, Job):
            running.add(item.trial)
        elif isinstance(item, Completed | Failed | WorkerLost):
            running.discard(item.trial)
    return clocks


def _goes_on_again(entries: Sequence[Entry], row: int, running: Collection[int]) -> bool:
    """Whether from this row on all that runs is lost at once: that is how a study goes on which
    was cut off. Nobody trained since the row before (or nobody knows until when). A lone job whose
    worker is lost looks the same."""
    rest = (entries[i].item for i in range(row, len(entries)))
    first = itertools.takewhile(lambda item: isinstance(item, WorkerLost), rest)
    lost = {item.trial for item in first if isinstance(item, WorkerLost)}
    return lost >= set(running)


def _after(trial: TrialRecord, event: Event, metric: str) -> TrialRecord:
    if isinstance(event, Reported):
        return replace(trial, curve=(*trial.curve, event.metrics[metric]))
    if isinstance(event, Failed):
        return replace(trial, running=False, error=event.error)
    if isinstance(event, WorkerLost):
        return replace(trial, running=False, lost=trial.lost + 1)
    return replace(trial, running=False)
