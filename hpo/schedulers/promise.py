"""What trials promise that stand somewhere on the way, by the curves of those that came to the end.

Pure functions of a state at a barrier, where nobody trains; `ends` are the trials that have come to
the last epoch.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from hpo.core.ordered import Result
from hpo.core.state import PAUSED, Prediction, TrialState, losses_at
from hpo.core.types import Predict, Predicted
from hpo.core.vector import Vector
from hpo.forecasting.chances import chance_of_place
from hpo.forecasting.prospects import (
    PROSPECT,
    expected_gain,
    in_logarithms,
    prospects,
    ratio_prospects,
    trust,
)
from hpo.forecasting.regression import Forecast, Losses
from hpo.forecasting.scale import down, exponent_of
from hpo.schedulers.questions import Foresee, forecast_of

_LEAST = 2.0**-900  # the unit of gains where the best loss is 0, as a share of the largest loss


class AdaptiveState(NamedTuple):
    """Everything a study knows.

    stage      0: the hedges train; then one for each bracket; then whoever is worth it goes on;
               then all is over
    round      of the bracket
    members    of the round, that have not paused for good
    ready      trials with a job to be asked; `running` counts jobs
    requests   what is asked at the present barrier; `answers` have come
    lowest     the lowest loss of any epoch of a job that has ended, None before the first
    leaders    at each epoch where trials may stand the best of all that came there
    """

    seed: int
    sign: int
    trials: Vector[TrialState]
    stage: int
    round: int
    members: tuple[int, ...]
    ready: tuple[int, ...]
    running: int
    requests: tuple[Predict, ...]
    answers: tuple[Predicted, ...]
    predictions: tuple[Prediction, ...]
    lowest: float | None
    leaders: tuple[tuple[Result, ...], ...]


def paused(state: AdaptiveState) -> dict[int, tuple[int, ...]]:
    """Trials that stand somewhere on the way, by the epochs they have done."""
    found: dict[int, list[int]] = {}
    for trial in state.trials:
        if trial.status == PAUSED and trial.curve:
            found.setdefault(len(trial.curve), []).append(trial.number)
    return {epoch: tuple(numbers) for epoch, numbers in found.items()}


def prospect_of(state: AdaptiveState, answer: Predicted) -> Forecast:
    """The losses that an answer foresees."""
    return forecast_of(state.sign, answer, PROSPECT)


def foresight(ratios: bool) -> Foresee:
    """What answers requests: `prospects`, or that of logarithms."""
    return ratio_prospects if ratios else prospects


def gains(
    state: AdaptiveState,
    answer: Predicted,
    late: Losses,
    hedges: tuple[int, ...],
    relative: float,
    ratios: bool = False,
) -> Float[np.ndarray, " trials"]:
    """Expected gains over the best loss so far, in the units of `pricing.Price`, of the trials that
    the answer foresees at the end; `late` are the losses there of those that taught it. With
    `ratios` gains and unit are differences of logarithms, where all of these losses are above 0."""
    prospect = prospect_of(state, answer)
    exponent = exponent_of(late, prospect.mean, prospect.spread)
    late, mean, spread = (down(v, exponent) for v in (late, *prospect[:2]))
    best, hedging = float(late.min()), [n in hedges for n in answer.request.trained_on]
    typical = float(np.median(late[hedging] if any(hedging) else late))
    if ratios and best > 0 and (mean > 0).all():
        unit = max(min(math.log(typical / best), relative), _LEAST)
        shares = in_logarithms(Forecast(mean, spread, prospect.degrees), best)
        return expected_gain(shares, 0.0) / unit
    lacking = typical - best
    unit = max(min(lacking, relative * abs(best)), _LEAST)
    return expected_gain(Forecast(mean, spread, prospect.degrees), best) / unit


def chance_of_round(
    state: AdaptiveState, answer: Predicted, places: int, ratios: bool = False
) -> tuple[Float[np.ndarray, " trials"], float]:
    """P(a place in the next round) of the trials that the answer foresees at the end of this one,
    and the loss that takes (`chances.chance_of_place`); `ratios` as in `gains`."""
    prospect, nobody = prospect_of(state, answer), np.array([])
    if not (ratios and (prospect.mean > 0).all()):
        return chance_of_place(nobody, *prospect, places)
    unit = float(prospect.mean.max())
    chance, needed = chance_of_place(nobody, *in_logarithms(prospect, unit), places)
    with np.errstate(over="ignore"):
        return chance, float(unit * np.exp(needed))


def trusted(state: AdaptiveState, epoch: int, ends: tuple[int, ...], late: Losses) -> float:
    """How far losses at the epoch can be trusted (`prospects.trust`); `late` are those of the
    trials `ends` at their end."""
    return trust(np.array(losses_at(state, ends, epoch)), late)


def with_leaders(
    state: AdaptiveState, trial: TrialState, stands: tuple[int, ...], most: int
) -> AdaptiveState:
    """The state that knows the `most` best at each epoch, with a trial whose job has ended."""
    leaders = list(state.leaders)
    for place, epoch in enumerate(stands):
        if epoch > len(trial.curve):
            break
        best, result = leaders[place], Result(state.sign * trial.curve[epoch - 1], trial.number)
        beaten = len(best) == most and best[-1:] < (result,)
        if not beaten and result not in best:
            leaders[place] = tuple(sorted((*best, result))[:most])
    return state._replace(leaders=tuple(leaders))


def leading(
    state: AdaptiveState, request: Predict, stands: tuple[int, ...]
) -> Bool[np.ndarray, " trials"]:
    """Who is as good as the best of all that came to the epoch (`with_leaders`)."""
    best = state.leaders[stands.index(request.epoch)]
    limit = best[-1].loss if best else -np.inf
    return np.array(losses_at(state, request.trials, request.epoch)) <= limit
