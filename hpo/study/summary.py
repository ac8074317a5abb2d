"""A study as a reader wants it: trials, predictions and what they cost."""

from collections.abc import Sequence
from dataclasses import dataclass

from hpo.core.proposals import Searched, own
from hpo.core.state import State, best_trial
from hpo.core.types import Configuration


@dataclass(frozen=True)
class TrialSummary:
    """`status` is one of waiting, running, paused, completed, stopped, not promoted, failed;
    `curve[i]` the metric after epoch i+1."""

    number: int
    bracket: int
    configuration: Configuration
    curve: tuple[float, ...]
    status: str
    error: str | None

    @property
    def epochs(self) -> int:
        return len(self.curve)


@dataclass(frozen=True)
class PredictionSummary:
    """What was foreseen at `epoch` for `rung`; `actual` is None where nobody went to see.

    `threshold` is what the prediction had to beat, None where only the best were taken.
    """

    trial: int
    epoch: int
    rung: int
    mean: float
    spread: float
    threshold: float | None
    continued: bool
    actual: float | None


@dataclass(frozen=True)
class StudySummary:
    """`best` is a trial's number; `epochs` all epochs trained, each counted once."""

    trials: tuple[TrialSummary, ...]
    predictions: tuple[PredictionSummary, ...]
    epochs: int
    best: int | None


def summarise(state: State | Searched) -> StudySummary:
    """The summary of a study at any moment of it."""
    of = own(state)
    trials = tuple(
        TrialSummary(t.number, t.bracket, t.configuration, tuple(t.curve), t.status, t.error)
        for t in of.trials
    )
    predictions = tuple(
        PredictionSummary(
            p.trial,
            p.epoch,
            p.rung,
            p.mean,
            p.spread,
            p.threshold,
            p.continued,
            actual=_value_at(of.trials[p.trial].curve, p.rung),
        )
        for p in of.predictions
    )
    epochs = sum(len(trial.curve) for trial in of.trials)
    return StudySummary(trials, predictions, epochs, best_trial(of))


def _value_at(curve: Sequence[float], epoch: int) -> float | None:
    return curve[epoch - 1] if epoch <= len(curve) else None
