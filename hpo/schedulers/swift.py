"""Swift-Hyperband: Hyperband with one extra decision point in every round.

Part of a round is trained to the rung; the others pause on the way, a predictor fitted to the
finished curves extrapolates theirs, and the unpromising ones are stopped there
(Amboage, Wulff, Girone and Pena, CHEP 2023: Swift-Hyperband with (quantum) SVR predictors).
"""

import numpy as np

from hpo.core import streams
from hpo.core.searcher import Searcher
from hpo.core.state import Fit, State, curves_at, losses_at
from hpo.core.types import Predict, Predicted, Scheduler
from hpo.forecasting.predictors import Known, Predictor, extrapolated, remembering, svr
from hpo.forecasting.scale import down, exponent_of, up
from hpo.schedulers.brackets import Round, hyperband_brackets
from hpo.schedulers.common import ceil_of, check_least, check_share, searcher_of
from hpo.schedulers.questions import curves_of, records
from hpo.schedulers.rounds import Goals, Rule, synchronous, to_rung
from hpo.space import Space


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
    check_least(2, min_curves=min_curves)
    check_share(full_share=full_share, decision_point=decision_point, quantile=quantile)
    if decision_point < 1e-6:
        raise ValueError(f"decision_point must be above 0, got {decision_point}")
    predictor = remembering(predictor)

    def plan(state: State, members: tuple[int, ...], round: Round) -> Goals:
        pause = round.start + ceil_of(decision_point * (round.epoch - round.start))
        if pause >= round.epoch:
            return to_rung(state, members, round)
        missing = min_curves - len(curves_at(state, round.epoch))
        full = max(ceil_of(full_share * round.places), missing)
        return {n: round.epoch if i < full else pause for i, n in enumerate(members)}

    def request(state: State, short: tuple[int, ...], round: Round) -> tuple[Predict, ...] | Goals:
        known = curves_at(state, round.epoch)
        if len(known) < min_curves:  # trials failed: too few curves to learn from
            return to_rung(state, short, round)
        epoch = len(state.trials[short[0]].curve)
        fits = [f for f in state.fits if (f.rung, f.epoch) == (round.epoch, epoch)]
        return (Predict(round.epoch, epoch, fits[0].trials if fits else known, short),)

    def predict(state: State, request: Predict) -> Predicted:
        return extrapolate(predictor, state, request)

    def decide(
        state: State, answers: tuple[Predicted, ...], arrived: tuple[int, ...], round: Round
    ) -> tuple[State, Goals]:
        (event,) = answers
        asked, sign = event.request, state.sign
        losses = losses_at(state, arrived, round.epoch)
        threshold = quantile_of(losses, quantile) if losses else None
        going = choose(sign * np.array(event.means), threshold, round.places - len(arrived))
        goals = {asked.trials[i]: round.epoch for i in going}
        return recorded(state, event, threshold, goals), goals

    settings = {
        "rule": "extrapolation",
        "predictor": dict(predictor.settings),
        "min_curves": min_curves,
        "full_share": full_share,
        "decision_point": decision_point,
        "quantile": quantile,
    }
    return Rule(plan, request, predict, decide, settings)


def quantile_of(losses: list[float], quantile: float) -> float:
    """The quantile, also where the losses lie further apart than a float can tell."""
    exponent = exponent_of(losses)
    return float(up(np.quantile(down(losses, exponent), quantile), exponent))


def choose(losses: np.ndarray, threshold: float | None, places: int) -> list[int]:
    """Positions predicted below the threshold, or the best `places` where those are too few."""
    below = [] if threshold is None else np.flatnonzero(losses < threshold).tolist()
    if len(below) >= places:
        return below
    return sorted(np.argsort(losses, kind="stable")[:places].tolist())


def extrapolate(predictor: Predictor, state: State, request: Predict) -> Predicted:
    """The answer of a predictor to a request."""
    entropy = streams.prediction(state.seed, request.rung, request.epoch)
    known = Known(
        curves_of(state, request.trained_on, request.rung),
        curves_of(state, request.trials, request.epoch),
        [state.trials[number].configuration for number in request.trained_on],
        [state.trials[number].configuration for number in request.trials],
    )
    mean, spread = extrapolated(predictor, known, int(entropy.generate_state(1)[0]))
    return Predicted(request, tuple(mean.tolist()), tuple(spread.tolist()))


def recorded(state: State, event: Predicted, threshold: float | None, goals: Goals) -> State:
    """The state that remembers what was predicted, by what, and who goes on.

    `threshold` is the loss that a prediction has to beat.
    """
    asked = event.request
    fitted = Fit(asked.rung, asked.epoch, asked.trained_on)
    return state._replace(
        fits=state.fits if fitted in state.fits else (*state.fits, fitted),
        predictions=state.predictions + records(state.sign, event, threshold, goals),
    )
