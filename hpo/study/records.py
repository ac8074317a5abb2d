"""A study's log as trials, without the scheduler that made it: to look at, and to branch from."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

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
from hpo.searchers.base import Searcher
from hpo.study.journal import Entry

UNKNOWN = "not in the record"
"""How the error begins of a trial that a branch would have trained where nobody did."""


@dataclass(frozen=True)
class TrialRecord:
    """`goal` is the last epoch asked for; `running` whether its job had not ended; `seconds` the
    time between each job's start and its last report."""

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
    """The record of a log, whole or cut off anywhere."""
    trials: dict[int, TrialRecord] = {}
    started: dict[int, float] = {}
    predictions, rows, begun, last = [], 0, None, None
    for time, item in entries:
        rows, begun, last = rows + 1, time if begun is None else begun, time
        if isinstance(item, Predicted):
            predictions.append(item)
        elif isinstance(item, Job):
            known = trials.get(item.trial, TrialRecord(item.trial, item.configuration))
            goal = item.last_epoch
            trials[item.trial] = replace(known, goal=goal, jobs=known.jobs + 1, running=True)
            started[item.trial] = time
        elif isinstance(item, Reported | Completed | Failed | WorkerLost):
            known = trials[item.trial]
            passed = time - started.pop(item.trial, time)
            started[item.trial] = time
            trials[item.trial] = _after(
                replace(known, seconds=known.seconds + passed), item, metric
            )
    ordered = tuple(trials[number] for number in sorted(trials))
    return Record(metric, ordered, tuple(predictions), rows, begun, last)


def _after(trial: TrialRecord, event: Event, metric: str) -> TrialRecord:
    if isinstance(event, Reported):
        return replace(trial, curve=(*trial.curve, event.metrics[metric]))
    if isinstance(event, Failed):
        return replace(trial, running=False, error=event.error)
    if isinstance(event, WorkerLost):
        return replace(trial, running=False, lost=trial.lost + 1)
    return replace(trial, running=False)
