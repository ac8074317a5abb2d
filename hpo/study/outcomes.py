"""What a study came to, and what became of its trials, from its record alone."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol, TypeVar

from hpo.study.records import Record
from hpo.study.summary import StudySummary


class Trained(Protocol):
    """A trial of a record, or of a summary."""

    @property
    def number(self) -> int: ...

    @property
    def curve(self) -> tuple[float, ...]: ...

    @property
    def error(self) -> str | None: ...


Some = TypeVar("Some", bound=Trained)


class Outcome(NamedTuple):
    """`best` is the metric of the best of the trials trained longest, after `at` epochs.

    `best` is None where no trial is left. `unknown` counts the trials of a branch that asked for
    epochs which nobody trained.
    """

    trials: int
    epochs: int
    best: float | None
    at: int
    unknown: int


class Rung(NamedTuple):
    """Trials that were sent to an epoch: how many came, and how many went no further."""

    epoch: int
    came: int
    ended: int


def of_record(record: Record, mode: str = "minimise") -> Outcome:
    """What the recorded study came to."""
    return _outcome(record.trials, record.epochs, mode, 0)


def of_branch(summary: StudySummary, unknown: int, mode: str = "minimise") -> Outcome:
    """What a branch came to (`hpo.branch`); it says little where `unknown` is not 0."""
    return _outcome(summary.trials, summary.epochs, mode, unknown)


def ranked(trials: Iterable[Some], mode: str = "minimise") -> list[Some]:
    """Trials that did not fail, those trained longest first, and among these the best first."""
    sign = -1 if mode == "maximise" else 1
    alive = [t for t in trials if t.curve and not t.error]
    return sorted(alive, key=lambda t: (-len(t.curve), sign * t.curve[-1], t.number))


def rungs(record: Record) -> list[Rung]:
    """Every epoch that trials were sent to."""
    lengths = [len(trial.curve) for trial in record.trials]
    return [
        Rung(goal, sum(n >= goal for n in lengths), lengths.count(goal))
        for goal in sorted({trial.goal for trial in record.trials})
    ]


def _outcome(trials: Sequence[Trained], epochs: int, mode: str, unknown: int) -> Outcome:
    order = ranked(trials, mode)
    best, at = (order[0].curve[-1], len(order[0].curve)) if order else (None, 0)
    return Outcome(len(trials), epochs, best, at, unknown)
