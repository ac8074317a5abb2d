"""What trials promise that stand somewhere on the way, by the curves of those that came to the end.

Pure functions of any state with sign, trials and leaders as `AdaptiveState` has them; `ends` are
the trials that have come to the last epoch by jobs that have ended.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from hpo.core.ordered import Result
from hpo.core.searcher import Searcher
from hpo.core.state import (
    PAUSED,
    RUNNING,
    WAITING,
    Prediction,
    TrialState,
    losses_at,
    reached,
)
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
from hpo.schedulers.brackets import Round, homes_of
from hpo.schedulers.open_rounds import Rivals
from hpo.schedulers.pricing import Price, Terms
from hpo.schedulers.questions import Foresee, forecast_of

NO_RIVALS = Rivals(np.array([]), np.array([]), np.array([]))
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


def all_waiting(terms: Terms, searcher: Searcher, seed: int) -> Vector[TrialState]:
    """Hyperband's trials, before any has begun."""
    return Vector(
        TrialState(number, bracket, searcher.propose(seed, number), Vector(), WAITING, 0, None)
        for number, bracket in enumerate(homes_of(terms.brackets))
    )


def paused(state: Any) -> dict[int, tuple[int, ...]]:
    """Trials that stand somewhere on the way, by the epochs they have done."""
    found: dict[int, list[int]] = {}
    for trial in state.trials:
        if trial.status == PAUSED and trial.curve:
            found.setdefault(len(trial.curve), []).append(trial.number)
    return {epoch: tuple(numbers) for epoch, numbers in found.items()}


def prospect_of(state: Any, answer: Predicted) -> Forecast:
    """The losses that an answer foresees."""
    return forecast_of(state.sign, answer, PROSPECT)


def foresight(ratios: bool) -> Foresee:
    """What answers requests: `prospects`, or that of logarithms."""
    return ratio_prospects if ratios else prospects


def gains(
    state: Any,
    answer: Predicted,
    late: Losses,
    hedges: tuple[int, ...],
    price: Price,
    best: float = np.inf,
) -> Float[np.ndarray, " trials"]:
    """Expected gains over the best loss so far, and over `best`, in the units of `pricing.Price`,
    of the trials that the answer foresees at the end; `late` are the losses there of those that
    taught it. With `price.ratios` gains and unit are differences of logarithms, where all of these
    losses are above 0."""
    prospect, best = prospect_of(state, answer), min(float(late.min()), best)
    exponent = exponent_of(late, prospect.mean, prospect.spread, best)
    best = float(down(best, exponent))
    late, mean, spread = (down(v, exponent) for v in (late, *prospect[:2]))
    hedging = [n in hedges for n in answer.request.trained_on]
    typical = float(np.median(late[hedging] if any(hedging) else late))
    if price.ratios and best > 0 and (mean > 0).all():
        unit = max(min(math.log(typical / best), price.relative), _LEAST)
        shares = in_logarithms(Forecast(mean, spread, prospect.degrees), best)
        return expected_gain(shares, 0.0) / unit
    unit = max(min(typical - best, price.relative * abs(best)), _LEAST)
    return expected_gain(Forecast(mean, spread, prospect.degrees), best) / unit


def chances(
    state: Any, answer: Predicted, places: int, rivals: Rivals, ratios: bool
) -> tuple[Float[np.ndarray, " trials"], float]:
    """P(a place in the next round) of the trials that the answer foresees at the end of this one,
    and the loss that takes (`chances.chance_of_place`); `ratios` as in `gains`, without rivals."""
    prospect = prospect_of(state, answer)
    mean, spread, degrees = prospect
    if ratios and (mean > 0).all():
        unit = float(mean.max())
        logarithms = in_logarithms(prospect, unit)
        chance, needed = chance_of_place(np.array([]), *logarithms, places)
        with np.errstate(over="ignore"):
            return chance, float(unit * np.exp(needed))
    means, spreads = np.append(mean, rivals.mean), np.append(spread, rivals.spread)
    chance, needed = chance_of_place(rivals.arrived, means, spreads, degrees, places)
    return chance[: len(mean)], needed


def coming(state: Any, max_epochs: int) -> float:
    """The best loss at the end that was last foreseen of a trial with a job; inf for none."""
    latest = {p.trial: p for p in state.predictions if p.rung == max_epochs and p.continued}
    jobs = (RUNNING, WAITING)
    means = (state.sign * p.mean for n, p in latest.items() if state.trials[n].status in jobs)
    return min(means, default=np.inf)


def trusted(state: Any, epoch: int, ends: tuple[int, ...], late: Losses) -> float:
    """How far losses at the epoch can be trusted (`prospects.trust`); `late` are those of the
    trials `ends` at their end."""
    return trust(np.array(losses_at(state, ends, epoch)), late)


def with_leaders(state: Any, trial: TrialState, stands: tuple[int, ...], most: int) -> Any:
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


def leading(state: Any, request: Predict, stands: tuple[int, ...]) -> Bool[np.ndarray, " trials"]:
    """Who is as good as the best of all that came to the epoch (`with_leaders`)."""
    best = state.leaders[stands.index(request.epoch)]
    limit = best[-1].loss if best else -np.inf
    return np.array(losses_at(state, request.trials, request.epoch)) <= limit


def questions_of(
    terms: Terms, done: Sequence[int], round: Round, epoch: int, members: tuple[int, ...]
) -> tuple[Predict, ...]:
    """What must be known to judge members of a round that stand at `epoch`: the rung, and the end.

    `done` are the epochs of each trial that may be looked at.
    """
    price, max_epochs = terms.price, terms.max_epochs
    rung, ends = reached(done, round.epoch), reached(done, max_epochs)
    asked: tuple[Predict, ...] = ()
    if epoch < round.epoch and len(rung) >= price.min_curves:
        asked += (Predict(round.epoch, epoch, rung, members),)
    if epoch >= price.spared * max_epochs and len(ends) >= price.min_curves:
        asked += (Predict(max_epochs, epoch, ends, members),)
    return tuple(dict.fromkeys(asked))


def unpromising(
    state: Any,
    terms: Terms,
    answers: tuple[Predicted, ...],
    round: Round,
    ends: tuple[int, ...],
    rivals: Rivals = NO_RIVALS,
    best: float = np.inf,
) -> tuple[Bool[np.ndarray, " trials"], dict[int, float]]:
    """Who promises too little of the members that `questions_of` asked about, and by rung the loss
    that was to be beaten; `rivals` are others of the round, `best` is to be beaten at the end."""
    price, max_epochs, request = terms.price, terms.max_epochs, answers[0].request
    late = np.array(losses_at(state, ends, max_epochs))
    sure = trusted(state, request.epoch, ends, late)
    dropped, thresholds = np.zeros(len(request.trials), bool), dict[int, float]()
    for answer in answers:
        rung = answer.request.rung
        if rung == max_epochs and request.epoch >= price.spared * max_epochs:
            values = gains(state, answer, late, terms.hedges, price, best)
            dropped |= values < price.gain * sure
            thresholds[rung] = min(float(late.min()), best)
        if rung == round.epoch and request.epoch < rung:
            chance, needed = chances(state, answer, round.places, rivals, price.ratios)
            dropped |= chance < price.place * sure
            thresholds.setdefault(rung, needed)
    return dropped & ~leading(state, request, terms.stands), thresholds


def worth(
    state: Any,
    terms: Terms,
    answers: tuple[Predicted, ...],
    ends: tuple[int, ...],
    best: float = np.inf,
) -> dict[int, float]:
    """By trial the expected gain for all the epochs of one training, where it is worth them; a
    leader's is more by 1. The answers are about the last epoch, of trials that pause."""
    price, max_epochs, found = terms.price, terms.max_epochs, dict[int, float]()
    late = np.array(losses_at(state, ends, max_epochs))
    for answer in answers:
        request = answer.request
        share = max_epochs / (max_epochs - request.epoch)
        values = share * gains(state, answer, late, terms.hedges, price, best)
        values += leading(state, request, terms.stands)
        enough = values >= price.thaw * trusted(state, request.epoch, ends, late)
        pairs = zip(request.trials, values.tolist(), strict=True)
        found |= {n: v for (n, v), yes in zip(pairs, enough, strict=True) if yes}
    return found
