"""Hyperband's trials at the price that they are worth: nobody is stopped for good before the end.

Hyperband pays for what early losses cannot tell: each later bracket asks less of them. Where they
can be trusted those brackets are wasted, and successive halving would do for a third of the epochs.
Here curves that nobody selected say how far they can be trusted:

1. A few trials of Hyperband's last bracket, chosen by nothing, are trained to the end.
2. The brackets are played as Hyperband's, first to last; but a trial pauses where its expected
   gain over the best loss so far (`forecasting.prospects`, from all curves that came to the end) or
   its chance of a place in the next round is too small. The leaders at an epoch never do.
3. Of all that paused, the leaders train on, and those whose expected gain is worth the epochs it
   takes, the best first, until nobody's is, or what is left of Hyperband's epochs is too little.

What is too small depends on how far the order at that epoch was the order at the end, for those
that came there (`prospects.trust`): where it was not, nobody pauses.

Where forecasts are sure, most trials pause early and stay so; where curves cross, expected gains
stay large, and what one bracket saved is spent where it promises most. All is decided at barriers.
"""

import math
from collections.abc import Iterable
from dataclasses import asdict
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from hpo.core.proposals import searched
from hpo.core.state import (
    COMPLETED,
    NOT_PROMOTED,
    PAUSED,
    RUNNING,
    WAITING,
    Prediction,
    TrialState,
    best_trial,
    losses_at,
    reached,
    with_trial,
)
from hpo.core.trials import extended, told
from hpo.core.types import (
    Action,
    Event,
    Finished,
    Job,
    Predict,
    Predicted,
    Proposed,
    Reported,
    Scheduler,
    Wait,
)
from hpo.core.vector import Vector
from hpo.forecasting.chances import chance_of_place
from hpo.forecasting.prospects import PRIOR, expected_gain, prospects, trust
from hpo.forecasting.regression import Forecast
from hpo.schedulers.brackets import Round, hyperband_brackets, schedule_epochs
from hpo.schedulers.halving import searcher_of
from hpo.schedulers.pricing import Price, points_of, stages_of
from hpo.schedulers.rounds import checked_seed, sign_of
from hpo.searchers.base import Searcher
from hpo.space import Space


class AdaptiveState(NamedTuple):
    """Everything a study knows.

    stage      0: the hedges train; then one for each bracket; then whoever is worth it goes on;
               then all is over
    round      of the bracket
    members    of the round, that have not paused for good
    ready      trials with a job to be asked; `running` counts jobs
    answers    to what is asked at the present barrier
    """

    seed: int
    sign: int
    trials: Vector[TrialState]
    stage: int
    round: int
    members: tuple[int, ...]
    ready: tuple[int, ...]
    running: int
    answers: tuple[Predicted, ...]
    predictions: tuple[Prediction, ...]


def adaptive(
    space: Space | Searcher,
    max_epochs: int,
    eta: int = 2,
    *,
    price: Price | None = None,
    metric: str = "loss",
    mode: str = "minimise",
) -> Scheduler:
    """Hyperband at the price that its trials are worth: see the module.

    Raises ValueError on bad settings, and from `tell` on an event that the state has not asked for.
    """
    price, sign, searcher = price or Price(), sign_of(mode), searcher_of(space)
    brackets = hyperband_brackets(max_epochs, eta)
    stages, budget = stages_of(brackets, price.hedges), schedule_epochs(brackets)
    homes = [b for b, rounds in enumerate(brackets) for _ in range(rounds[0].trials)]
    thawing, over = len(stages), len(stages) + 1
    points = points_of(max_epochs)

    def init(seed: int) -> AdaptiveState:
        seed = checked_seed(seed)
        trials = Vector(
            TrialState(number, bracket, searcher.propose(seed, number), (), WAITING, 0, None)
            for number, bracket in enumerate(homes)
        )
        return begin(AdaptiveState(seed, sign, trials, 0, 0, (), (), 0, (), ()), 0)

    def ask(state: AdaptiveState) -> tuple[AdaptiveState, Action]:
        if state.ready:
            trial = state.trials[state.ready[0]]
            job = Job(trial.number, trial.configuration, len(trial.curve), trial.goal)
            state = with_trial(state, trial._replace(status=RUNNING))
            return state._replace(ready=state.ready[1:], running=state.running + 1), job
        if state.running:
            return state, Wait()
        if state.stage == over:
            return state, Finished(best_trial(state))
        return state, wanted(state)[len(state.answers)]

    def tell(state: AdaptiveState, event: Event) -> AdaptiveState:
        if isinstance(event, Predicted):
            return answered(state, event)
        trial = told(state.trials, event, metric)
        if trial.status == PAUSED and len(trial.curve) == max_epochs:
            trial = trial._replace(status=COMPLETED)
        state = with_trial(state, trial)
        if isinstance(event, Reported | Proposed):
            return state
        state = state._replace(running=state.running - 1)
        if trial.status == WAITING:
            return state._replace(ready=(*state.ready, trial.number))
        return state if state.running or state.ready else meet(state)

    def meet(state: AdaptiveState) -> AdaptiveState:
        """A barrier: nobody is training."""
        if state.stage == thawing:
            return state if wanted(state) else finish(state)
        members = tuple(n for n in state.members if state.trials[n].status == PAUSED)
        if not members:
            return begin(state, state.stage + 1)
        state = state._replace(members=members)
        return state if wanted(state) else advance(state)

    def begin(state: AdaptiveState, stage: int) -> AdaptiveState:
        state = state._replace(stage=stage, round=0, members=(), answers=())
        if stage == thawing:
            return meet(state)
        if not stages[stage].trials:
            return begin(state, stage + 1)
        return advance(state._replace(members=stages[stage].trials))

    def advance(state: AdaptiveState) -> AdaptiveState:
        """The members go on; where they stand at a rung only the best of them."""
        round, epoch = now(state), len(state.trials[state.members[0]].curve)
        if epoch == round.epoch:
            losses = losses_at(state, state.members, epoch)
            ranked = [n for _, n in sorted(zip(losses, state.members, strict=True))]
            state = state._replace(round=state.round + 1, members=tuple(ranked[: round.places]))
            round = now(state)
        point = next(p for p in points if p > epoch)
        goal = max_epochs if state.stage == 0 else min(point, round.epoch)
        return send(state, dict.fromkeys(state.members, goal))

    def send(state: AdaptiveState, goals: dict[int, int]) -> AdaptiveState:
        for number, goal in goals.items():
            state = with_trial(state, state.trials[number]._replace(status=WAITING, goal=goal))
        return state._replace(ready=tuple(goals), answers=())

    def finish(state: AdaptiveState) -> AdaptiveState:
        for trial in state.trials:
            if trial.status == PAUSED:
                state = with_trial(state, trial._replace(status=NOT_PROMOTED))
        return state._replace(stage=over, members=(), answers=())

    def now(state: AdaptiveState) -> Round:
        return stages[state.stage].rounds[state.round]

    def wanted(state: AdaptiveState) -> tuple[Predict, ...]:
        """What must be known at this barrier."""
        ends = reached(state, max_epochs)
        if state.stage == thawing:
            if len(ends) < price.min_curves:
                return ()
            return tuple(
                Predict(max_epochs, epoch, ends, trials)
                for epoch, trials in sorted(paused(state).items())
            )
        round, epoch = now(state), len(state.trials[state.members[0]].curve)
        rung, asked = reached(state, round.epoch), ()
        if epoch < round.epoch and len(rung) >= price.min_curves:
            asked += (Predict(round.epoch, epoch, rung, state.members),)
        if epoch >= price.spared * max_epochs and len(ends) >= price.min_curves:
            asked += (Predict(max_epochs, epoch, ends, state.members),)
        return tuple(dict.fromkeys(asked))

    def answered(state: AdaptiveState, event: Predicted) -> AdaptiveState:
        idle = not state.running and not state.ready and state.stage != over
        requests = wanted(state) if idle else ()
        sizes = {len(event.means), len(event.spreads), len(event.request.trials)}
        if requests[len(state.answers) :][:1] != (event.request,) or len(sizes) > 1:
            raise ValueError(f"{event}: nobody asked for that prediction")
        state = state._replace(answers=(*state.answers, event))
        if len(state.answers) < len(requests):
            return state
        return thaw(state) if state.stage == thawing else pause(state)

    def pause(state: AdaptiveState) -> AdaptiveState:
        """Members that promise too little pause; the others go on."""
        round, request = now(state), state.answers[0].request
        dropped, sure = np.zeros(len(request.trials), bool), trusted(state, request.epoch)
        thresholds = {}
        for answer in state.answers:
            prospect, rung = _prospect(state, answer), answer.request.rung
            if rung == max_epochs and request.epoch >= price.spared * max_epochs:
                dropped |= gains(state, answer) < price.gain * sure
                thresholds[rung] = min(losses_at(state, answer.request.trained_on, rung))
            if rung == round.epoch and request.epoch < rung:
                chance, needed = chance_of_place(np.array([]), *prospect, round.places)
                dropped |= chance < price.place * sure
                thresholds.setdefault(rung, needed)
        dropped &= ~leading(state, request)
        members = tuple(n for n, out in zip(request.trials, dropped, strict=True) if not out)
        for answer in state.answers:
            state = _recorded(state, answer, thresholds[answer.request.rung], members)
        state = state._replace(members=members)
        return advance(state) if members else begin(state, state.stage + 1)

    def thaw(state: AdaptiveState) -> AdaptiveState:
        """Those go on whose expected gain is worth it, the best first."""
        worth = {}
        for answer in state.answers:
            request = answer.request
            share = max_epochs / (max_epochs - request.epoch)
            values = share * gains(state, answer) + leading(state, request)
            enough = values >= price.thaw * trusted(state, request.epoch)
            pairs = zip(request.trials, values.tolist(), strict=True)
            worth |= {n: v for (n, v), yes in zip(pairs, enough, strict=True) if yes}
        ranked = sorted(worth, key=lambda n: (-worth[n], n))[: price.at_once]
        left = budget - sum(len(trial.curve) for trial in state.trials)
        goals = {}
        for number in ranked:
            epoch = len(state.trials[number].curve)
            goal = next(p for p in points if p > epoch)
            if worth[number] >= worth[ranked[0]] / 2 and goal - epoch <= left:
                goals[number], left = goal, left - (goal - epoch)
        best = min(losses_at(state, state.answers[0].request.trained_on, max_epochs))
        for answer in state.answers:
            state = _recorded(state, answer, best, tuple(goals), everybody=False)
        return send(state, goals) if goals else finish(state)

    def gains(state: AdaptiveState, answer: Predicted) -> Float[np.ndarray, " trials"]:
        """Expected gains over the best loss so far, in the units of `pricing.Price`."""
        ends = answer.request.trained_on
        best = min(losses_at(state, ends, max_epochs))
        hedges = [n for n in stages[0].trials if n in ends] or ends
        lacking = float(np.median(losses_at(state, hedges, max_epochs))) - best
        unit = max(min(lacking, price.relative * abs(best)), 1e-300)
        return expected_gain(_prospect(state, answer), best) / unit

    def trusted(state: AdaptiveState, epoch: int) -> float:
        ends = reached(state, max_epochs)
        early, late = (np.array(losses_at(state, ends, e)) for e in (epoch, max_epochs))
        return trust(early, late)

    def leading(state: AdaptiveState, request: Predict) -> Float[np.ndarray, " trials"]:
        """Who is among the leaders at the epoch."""
        everybody = np.sort(losses_at(state, reached(state, request.epoch), request.epoch))
        limit = everybody[: price.leaders].max(initial=-np.inf)
        return np.array(losses_at(state, request.trials, request.epoch)) <= limit

    def predict(state: AdaptiveState, request: Predict) -> Predicted:
        trials, epoch, rung = state.trials, request.epoch, request.rung
        curves = (trial.curve for trial in trials if trial.curve)
        lowest = min(min(c) if sign > 0 else -max(c) for c in curves)
        answer = prospects(
            sign * np.array([trials[n].curve[:epoch] for n in request.trained_on]),
            np.array(losses_at(state, request.trained_on, rung)),
            sign * np.array([trials[n].curve[:epoch] for n in request.trials]),
            math.log2(rung / epoch),
            lowest,
        )
        return Predicted(
            request, tuple((sign * answer.mean).tolist()), tuple(answer.spread.tolist())
        )

    def extend(state: AdaptiveState, reports: list[Reported]) -> AdaptiveState:
        return extended(state, reports, metric)

    settings = {
        "scheduler": "adaptive",
        "metric": metric,
        "mode": mode,
        "brackets": [[list(round) for round in rounds] for rounds in brackets],
        **asdict(price),
        **searcher.settings,
    }
    return searched(Scheduler(init, ask, tell, predict, settings, metric, extend), searcher)


def paused(state: AdaptiveState) -> dict[int, tuple[int, ...]]:
    """Trials that stand somewhere on the way, by the epochs they have done."""
    found: dict[int, list[int]] = {}
    for trial in state.trials:
        if trial.status == PAUSED and trial.curve:
            found.setdefault(len(trial.curve), []).append(trial.number)
    return {epoch: tuple(numbers) for epoch, numbers in found.items()}


def _prospect(state: AdaptiveState, answer: Predicted) -> Forecast:
    known = len(answer.request.trained_on)
    return Forecast(
        state.sign * np.array(answer.means), np.array(answer.spreads), PRIOR.degrees(known)
    )


def _recorded(
    state: AdaptiveState,
    answer: Predicted,
    threshold: float,
    going: Iterable[int],
    everybody: bool = True,
) -> AdaptiveState:
    """The state that remembers what was foreseen, of all or of those that go on."""
    asked, limit = answer.request, state.sign * threshold if math.isfinite(threshold) else None
    records = tuple(
        Prediction(trial, asked.rung, asked.epoch, mean, spread, limit, trial in going)
        for trial, mean, spread in zip(asked.trials, answer.means, answer.spreads, strict=True)
        if everybody or trial in going
    )
    return state._replace(predictions=state.predictions + records)
