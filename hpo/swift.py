"""Swift-Hyperband: Hyperband with one extra decision point in every round.

Part of a round is trained to the rung; the others pause on the way, a predictor fitted to the
finished curves extrapolates theirs, and the unpromising ones are stopped there
(Amboage, Wulff, Girone and Pena, CHEP 2023: Swift-Hyperband with (quantum) SVR predictors).
"""

import math
from collections.abc import Callable

import numpy as np

from hpo.brackets import Round, hyperband_brackets
from hpo.halving import searcher_of
from hpo.predictors import Predict, Predictor, memoised, svr
from hpo.rounds import Rule, synchronous
from hpo.searchers import Searcher
from hpo.space import Space
from hpo.state import Fit, Prediction, State, curves_at, losses_at
from hpo.types import Scheduler


def swift_hyperband(
    space: Space | Searcher,
    max_epochs: int,
    eta: int = 2,
    *,
    predictor: Predictor | None = None,
    min_curves: int = 15,
    full_share: float = 0.5,
    decision_point: float = 0.5,
    quantile: float = 0.25,
    metric: str = "loss",
    mode: str = "minimise",
) -> Scheduler:
    """Swift-Hyperband with the published defaults; `predictor` is `svr()` unless given.

    min_curves (d)        finished curves a predictor needs
    full_share (kappa)    share of the next round's places to be filled by fully trained trials
    decision_point (c)    where between two rungs the others pause
    quantile              of the finished losses, which a prediction has to beat
    """
    rule = extrapolation(
        predictor or svr(),
        min_curves=min_curves,
        full_share=full_share,
        decision_point=decision_point,
        quantile=quantile,
    )
    brackets = hyperband_brackets(max_epochs, eta)
    return synchronous(searcher_of(space), brackets, rule, metric=metric, mode=mode)


def extrapolation(
    predictor: Predictor,
    *,
    min_curves: int,
    full_share: float,
    decision_point: float,
    quantile: float,
) -> Rule:
    """Stop at the decision point who is predicted to miss the quantile of the finished losses.

    The published text fills its places with full trainings as results arrive; here the first in
    the order of the round are sent, which is the same where trials take equally long, and does
    not depend on the workers' speed where they do not. Curves and predictors are shared by all
    brackets, and a predictor is fitted once for a rung and decision point, never again.
    """
    _check(min_curves, full_share, decision_point, quantile)
    fit = memoised(predictor.fit)

    def plan(state: State, members: tuple[int, ...], round: Round) -> tuple[tuple[int, ...], int]:
        pause = round.start + _ceil(decision_point * (round.epoch - round.start))
        if pause >= round.epoch:
            return members, round.epoch
        missing = min_curves - len(curves_at(state, round.epoch))
        return members[: max(_ceil(full_share * round.places), missing)], pause

    def decide(
        state: State, paused: tuple[int, ...], full: tuple[int, ...], round: Round
    ) -> tuple[State, tuple[int, ...]]:
        known = curves_at(state, round.epoch)
        if len(known) < min_curves:  # trials failed: too few curves to learn from, so train all
            return state, paused
        epoch = len(state.trials[paused[0]].curve)
        state, predict = _fitted(state, fit, round.epoch, epoch, known)
        mean, spread = predict(_curves(state, paused, epoch))
        losses = state.sign * mean
        threshold = (
            float(np.quantile(losses_at(state, full, round.epoch), quantile)) if full else None
        )
        going = choose(losses, threshold, round.places - len(full))
        records = tuple(
            Prediction(
                trial,
                round.epoch,
                epoch,
                float(mean[i]),
                float(spread[i]),
                None if threshold is None else state.sign * threshold,
                i in going,
            )
            for i, trial in enumerate(paused)
        )
        state = state._replace(predictions=state.predictions + records)
        return state, tuple(paused[i] for i in going)

    settings = {
        "rule": "extrapolation",
        "predictor": dict(predictor.settings),
        "min_curves": min_curves,
        "full_share": full_share,
        "decision_point": decision_point,
        "quantile": quantile,
    }
    return Rule(plan, decide, settings)


def choose(losses: np.ndarray, threshold: float | None, places: int) -> list[int]:
    """Positions predicted below the threshold, or the best `places` where those are too few."""
    below = [] if threshold is None else np.flatnonzero(losses < threshold).tolist()
    if len(below) >= places:
        return below
    return sorted(np.argsort(losses, kind="stable")[:places].tolist())


def _fitted(
    state: State, fit: Callable[..., Predict], rung: int, epoch: int, known: tuple[int, ...]
) -> tuple[State, Predict]:
    """The predictor of this rung from this epoch, and the state that knows who trained it."""
    recorded = [entry for entry in state.fits if (entry.rung, entry.epoch) == (rung, epoch)]
    if not recorded:
        recorded = [Fit(rung, epoch, known)]
        state = state._replace(fits=(*state.fits, *recorded))
    trials = recorded[0].trials
    targets = np.array([state.trials[number].curve[rung - 1] for number in trials])
    seed = int(np.random.SeedSequence((state.seed, rung, epoch)).generate_state(1)[0])
    return state, fit(_curves(state, trials, epoch), targets, seed)


def _curves(state: State, trials: tuple[int, ...], epochs: int) -> np.ndarray:
    return np.array([state.trials[number].curve[:epochs] for number in trials])


def _ceil(value: float) -> int:
    """The ceiling of a product of settings: 70 * 0.1 is 7, not 7.000000000000001."""
    return math.ceil(round(value, 9))


def _check(min_curves: int, full_share: float, decision_point: float, quantile: float) -> None:
    if min_curves < 2:
        raise ValueError(f"min_curves must be at least 2, got {min_curves}")
    for name, value, low in (
        ("full_share", full_share, 0),
        ("decision_point", decision_point, 1e-6),
        ("quantile", quantile, 0),
    ):
        if not low <= value <= 1:
            raise ValueError(f"{name} must lie between {low} and 1, got {value}")
