"""The state of a synchronous scheduler: frozen, and JSON by `hpo.core.types.to_json`."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from hpo.core.types import Configuration, Predict, Predicted
from hpo.core.vector import Vector

# What a trial is doing. The last four are final.
WAITING, RUNNING, PAUSED = "waiting", "running", "paused"
COMPLETED, STOPPED, NOT_PROMOTED, FAILED = "completed", "stopped", "not promoted", "failed"


class TrialState(NamedTuple):
    """`curve[i]` is the metric after epoch i+1; `goal` the last epoch of its present job."""

    number: int
    bracket: int
    configuration: Configuration
    curve: tuple[float, ...]
    status: str
    goal: int
    error: str | None


class BracketState(NamedTuple):
    """Where a bracket stands in its present round.

    members     the trials of the round, best first
    queue       those with a job to be asked, of which `sent` have been; `lost` are to be asked
                again, because their workers died
    missing     jobs queued or running: at 0 all have met at a barrier
    barriers    how many have been passed in this round
    requests    predictions that the round waits for, of which `answers` have come
    """

    index: int
    round: int
    members: tuple[int, ...]
    queue: tuple[int, ...]
    sent: int
    lost: tuple[int, ...]
    missing: int
    barriers: int
    requests: tuple[Predict, ...]
    answers: tuple[Predicted, ...]
    finished: bool


class RungCurves(NamedTuple):
    """Trials sent to the rung `epoch` without having been selected by a prediction."""

    epoch: int
    trials: tuple[int, ...]


class Fit(NamedTuple):
    """A predictor of the loss at `rung` from the first `epoch` epochs, and who trained it."""

    rung: int
    epoch: int
    trials: tuple[int, ...]


class Prediction(NamedTuple):
    """What was foreseen at `epoch` for `rung`, in units of the metric, and what was decided.

    `threshold` is None where nobody had finished the rung yet.
    """

    trial: int
    rung: int
    epoch: int
    mean: float
    spread: float
    threshold: float | None
    continued: bool


class State(NamedTuple):
    """Everything a study knows; the fold of its log."""

    seed: int
    sign: int  # +1 where the metric is minimised, -1 where it is maximised
    trials: Vector[TrialState]
    brackets: tuple[BracketState, ...]
    curves: tuple[RungCurves, ...]
    fits: tuple[Fit, ...]
    predictions: tuple[Prediction, ...]


def losses_at(state: State, trials: Iterable[int], epoch: int) -> list[float]:
    """Metric after `epoch`, negated where it is maximised: smaller is better."""
    return [state.sign * state.trials[number].curve[epoch - 1] for number in trials]


def curves_at(state: State, rung: int) -> tuple[int, ...]:
    """Trials that reached the rung unselected, by number."""
    return next((entry.trials for entry in state.curves if entry.epoch == rung), ())


def best_trial(state: State) -> int | None:
    """Of the trials trained longest and not failed the best; None where there is none."""
    candidates = [
        (-len(t.curve), state.sign * t.curve[-1], t.number)
        for t in state.trials
        if t.curve and t.status != FAILED
    ]
    return min(candidates)[2] if candidates else None


def reached(state: Any, epoch: int) -> tuple[int, ...]:
    """All trials that were trained that far."""
    return tuple(trial.number for trial in state.trials if len(trial.curve) >= epoch)


def with_trial(state: State, trial: TrialState) -> State:
    """The state with this trial's record replaced."""
    return state._replace(trials=state.trials.put(trial.number, trial))


def with_bracket(state: State, bracket: BracketState) -> State:
    """The state with this bracket's record replaced."""
    i = bracket.index
    return state._replace(brackets=(*state.brackets[:i], bracket, *state.brackets[i + 1 :]))


def with_curves(state: State, rung: int, trials: tuple[int, ...]) -> State:
    """The state that knows of more trials at a rung."""
    others = tuple(entry for entry in state.curves if entry.epoch != rung)
    entry = RungCurves(rung, tuple(sorted((*curves_at(state, rung), *trials))))
    return state._replace(curves=tuple(sorted((*others, entry))))
