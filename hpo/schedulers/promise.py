"""What trials promise that stand somewhere on the way, by the curves of those that came to the end.

Pure functions of a state at a barrier, where nobody trains; `ends` are the trials that have come to
the last epoch.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from hpo.core.state import PAUSED, Prediction, TrialState, losses_at
from hpo.core.types import Predict, Predicted
from hpo.core.vector import Vector
from hpo.forecasting.prospects import PROSPECT, expected_gain, trust
from hpo.forecasting.regression import Forecast
from hpo.forecasting.scale import exponent_of, scaled
from hpo.schedulers.questions import forecast_of

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


def gains(
    state: AdaptiveState, answer: Predicted, hedges: tuple[int, ...], relative: float
) -> Float[np.ndarray, " trials"]:
    """Expected gains over the best loss so far, in the units of `pricing.Price`, of the trials that
    the answer foresees at the end."""
    known = answer.request.trained_on
    ends = np.array(losses_at(state, known, answer.request.rung))
    prospect = prospect_of(state, answer)
    exponent = exponent_of(ends, prospect.mean, prospect.spread)
    ends, mean, spread = (scaled(v, -exponent) for v in (ends, *prospect[:2]))
    best, hedging = float(ends.min()), [n in hedges for n in known]
    lacking = float(np.median(ends[hedging] if any(hedging) else ends)) - best
    unit = max(min(lacking, relative * abs(best)), _LEAST)
    return expected_gain(Forecast(mean, spread, prospect.degrees), best) / unit


def trusted(state: AdaptiveState, epoch: int, ends: tuple[int, ...], max_epochs: int) -> float:
    """How far losses at the epoch can be trusted (`prospects.trust`)."""
    early, late = (np.array(losses_at(state, ends, e)) for e in (epoch, max_epochs))
    return trust(early, late)


def leading(state: AdaptiveState, request: Predict, leaders: int) -> Bool[np.ndarray, " trials"]:
    """Who is as good as the `leaders` best of all that came to the epoch."""
    place = request.epoch - 1
    everybody = sorted(t.curve[place] * state.sign for t in state.trials if len(t.curve) > place)
    limit = max(everybody[:leaders], default=-np.inf)
    return np.array(losses_at(state, request.trials, request.epoch)) <= limit
