"""Fast-Hyperband: Hyperband that predicts after every epoch (Baker et al., arXiv:1705.10823).

Once enough curves reach a rung, every later round to it asks a predictor after each epoch, and
stops whom it gives too small a chance of becoming the best of the rung. A stopped trial keeps its
predicted loss: where that is among the best of its round, the trial is promoted all the same.
"""

import math
from collections.abc import Sequence

from hpo.core.searcher import Searcher
from hpo.core.state import PAUSED, STOPPED, State, epochs_done, losses_at, reached
from hpo.core.types import Predict, Predicted, Scheduler
from hpo.forecasting.predictors import Predictor, remembering, svr
from hpo.forecasting.scale import down, exponent_of
from hpo.schedulers.brackets import Round, hyperband_brackets
from hpo.schedulers.common import ceil_of, check_least, check_share, searcher_of
from hpo.schedulers.rounds import Goals, Rule, synchronous, to_rung
from hpo.schedulers.swift import extrapolate, recorded
from hpo.space import Space


def fast_hyperband(
    space: Space | Searcher,
    max_epochs: int,
    eta: int = 3,
    *,
    predictor: Predictor | None = None,
    min_curves: int = 100,
    confidence: float = 0.95,
    full_share: float = 0.0,
    metric: str = "loss",
    mode: str = "minimise",
) -> Scheduler:
    """Fast-Hyperband with the published defaults; `predictor` is `svr()` unless given.

    min_curves            trained to a rung before anybody is predicted there
    confidence (Delta)    of being worse than the best of the rung, from which a trial is stopped
    full_share (kappa)    share of a round's trials that must reach the rung
    """
    check_least(2, min_curves=min_curves)
    check_share(confidence=confidence, full_share=full_share)
    predictor = remembering(predictor or svr())

    def plan(state: State, members: tuple[int, ...], round: Round) -> Goals:
        if len(reached(epochs_done(state), round.epoch)) < min_curves:
            return to_rung(state, members, round)
        return dict.fromkeys(members, round.start + 1)

    def request(state: State, short: tuple[int, ...], round: Round) -> tuple[Predict, ...]:
        epoch = len(state.trials[short[0]].curve)
        known = reached(epochs_done(state), round.epoch)
        return (Predict(round.epoch, epoch, known, short),)

    def predict(state: State, request: Predict) -> Predicted:
        return extrapolate(predictor, state, request)

    def decide(
        state: State, answers: tuple[Predicted, ...], arrived: tuple[int, ...], round: Round
    ) -> tuple[State, Goals]:
        (event,) = answers
        asked, sign = event.request, state.sign
        best = min(losses_at(state, asked.trained_on, round.epoch))
        # The share is of the round's trials: those stopped before count against it.
        spare = len(asked.trials) - ceil_of(full_share * round.trials)
        doubt = [
            _above(sign * mean, spread, best)
            for mean, spread in zip(event.means, event.spreads, strict=True)
        ]
        worst = sorted(range(len(doubt)), key=lambda i: -doubt[i])[: max(spare, 0)]
        stopped = {asked.trials[i] for i in worst if doubt[i] >= confidence}
        goals = {n: asked.epoch + 1 for n in asked.trials if n not in stopped}
        return recorded(state, event, best, goals), goals

    settings = {
        "rule": "fast",
        "predictor": dict(predictor.settings),
        "min_curves": min_curves,
        "confidence": confidence,
        "full_share": full_share,
    }
    rule = Rule(plan, request, predict, decide, settings, rank, revives=True)
    brackets = hyperband_brackets(max_epochs, eta)
    return synchronous(searcher_of(space), brackets, rule, metric=metric, mode=mode)


def rank(state: State, members: Sequence[int], round: Round) -> list[int]:
    """By loss where the rung was reached, by predicted loss where the trial was stopped."""
    predicted = {p.trial: p.mean for p in state.predictions if p.rung == round.epoch}
    losses = []
    for trial in (state.trials[n] for n in members):
        if trial.status == PAUSED:
            losses.append((state.sign * trial.curve[round.epoch - 1], trial.number))
        elif trial.status == STOPPED:
            losses.append((state.sign * predicted[trial.number], trial.number))
    return [number for _, number in sorted(losses)]


def _above(mean: float, spread: float, loss: float) -> float:
    """P(a normal variate of this mean and spread lies above the loss)."""
    exponent = exponent_of(mean, spread, loss)
    mean, spread, loss = (float(down(v, exponent)) for v in (mean, spread, loss))
    if spread == 0:
        return float(mean > loss)
    return 0.5 * math.erfc((loss - mean) / (spread * math.sqrt(2)))
