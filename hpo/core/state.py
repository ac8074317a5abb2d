"""States of schedulers: frozen, and JSON by `hpo.core.types.to_json`.

`State` is that of the synchronous ones. Those with machines of their own share what stands here of
any state with `sign`, `trials` and `lowest`.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from hpo.core.types import Configuration, Job, Predict, Predicted
from hpo.core.vector import Vector

# What a trial is doing. The last four are final.
WAITING, RUNNING, PAUSED = "waiting", "running", "paused"
COMPLETED, STOPPED, NOT_PROMOTED, FAILED = "completed", "stopped", "not promoted", "failed"


class TrialState(NamedTuple):
    """`curve[i]` is the metric after epoch i+1; `goal` the last epoch of its present job."""

    number: int
    bracket: int
    configuration: Configuration
    curve: Vector[float]
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

    index: int  # type: ignore[assignment]  # a tuple's method of that name, which nobody calls
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
    """Everything a study knows; the fold of its log.

    `lowest` is the lowest loss of any epoch of a job that has ended, None before the first.
    """

    seed: int
    sign: int  # +1 where the metric is minimised, -1 where it is maximised
    trials: Vector[TrialState]
    brackets: tuple[BracketState, ...]
    curves: tuple[RungCurves, ...]
    fits: tuple[Fit, ...]
    predictions: tuple[Prediction, ...]
    lowest: float | None


def losses_at(state: Any, trials: Iterable[int], epoch: int) -> list[float]:
    """Metric after `epoch`, negated where it is maximised: smaller is better."""
    return [state.sign * state.trials[number].curve[epoch - 1] for number in trials]


def ranked(state: Any, trials: Sequence[int], epoch: int) -> list[int]:
    """The trials by their losses after `epoch`, best first; ties in the order of their numbers."""
    return [n for _, n in sorted(zip(losses_at(state, trials, epoch), trials, strict=True))]


def lowest_with(state: Any, trial: TrialState) -> float | None:
    """The lowest loss so far, with the trial, whose job has ended."""
    if not trial.curve:
        return state.lowest
    own = min(trial.curve) if state.sign > 0 else -max(trial.curve)
    return own if state.lowest is None else min(state.lowest, own)


def curves_at(state: State, rung: int) -> tuple[int, ...]:
    """Trials that reached the rung unselected, by number."""
    return next((entry.trials for entry in state.curves if entry.epoch == rung), ())


def best_trial(state: Any) -> int | None:
    """Of the trials trained longest and not failed the best; None where there is none."""
    candidates = [
        (-len(t.curve), state.sign * t.curve[-1], t.number)
        for t in state.trials
        if t.curve and t.status != FAILED
    ]
    return min(candidates)[2] if candidates else None


def epochs_done(state: Any) -> list[int]:
    """Of every trial, by number."""
    return [len(trial.curve) for trial in state.trials]


def reached(done: Iterable[int], epoch: int) -> tuple[int, ...]:
    """Those trials, of all by number, that have `done` so many epochs."""
    return tuple(number for number, epochs in enumerate(done) if epochs >= epoch)


def job_of(trial: TrialState) -> Job:
    """The job that takes the trial from where it stands to its goal."""
    return Job(trial.number, trial.configuration, len(trial.curve), trial.goal)


def with_trial(state: Any, trial: TrialState) -> Any:
    """The state with this trial's record replaced."""
    return state._replace(trials=state.trials.put(trial.number, trial))


def underway(state: Any) -> frozenset[int]:
    """Trials that have a job, given or to be given."""
    return frozenset(t.number for t in state.trials if t.status in (WAITING, RUNNING))


def undecided(state: Any) -> frozenset[int]:
    """Those, and all that pause."""
    return underway(state) | {t.number for t in state.trials if t.status == PAUSED}


def dismissed(state: Any) -> Any:
    """The state in which nobody is sent on any more: who still pauses was not promoted."""
    for trial in state.trials:
        if trial.status == PAUSED:
            state = with_trial(state, trial._replace(status=NOT_PROMOTED))
    return state


def with_bracket(state: State, bracket: BracketState) -> State:
    """The state with this bracket's record replaced."""
    i = bracket.index
    return state._replace(brackets=(*state.brackets[:i], bracket, *state.brackets[i + 1 :]))


def with_curves(state: State, rung: int, trials: tuple[int, ...]) -> State:
    """The state that knows of more trials at a rung."""
    others = tuple(entry for entry in state.curves if entry.epoch != rung)
    entry = RungCurves(rung, tuple(sorted((*curves_at(state, rung), *trials))))
    return state._replace(curves=tuple(sorted((*others, entry))))
