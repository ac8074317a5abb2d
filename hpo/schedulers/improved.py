"""Swift-Hyperband improved: many decision points, and every stop at the same price.

The published rule asks once in a round, and continues whom it predicts below a quantile of the
finished losses. Here the round is asked at several points. A stop saves the epochs to the rung, and
costs the study its result where the trial was the best. Of all sets of stops that cost so much, the
one that saves most takes those whose chance of being the best is small for what they save: so a
trial is stopped where that chance is below `Risk.lost` times the share of Hyperband's epochs that
the stop saves, less what a forecast may fail to see (`Risk.surprise`). Two chances bound it from
above:

* that of a place among those that go on from the round, divided by all such places in the study's
  brackets: as if ranks at the rung told nothing more of the end, which is the worst case;
* that of beating the best loss that any bracket has brought to the end. It is what saves most of
  the late brackets, which are worth their epochs only if their trials can still win.

Both come from a forecast (`Risk.forecast`), widened by how wrong it has been so far. In the bracket
that trains everybody to the end, the others wait until the best of them is there: where few curves
tell of the end, one of the same bracket tells most.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from hpo.core.searcher import Searcher
from hpo.core.state import Prediction, State, epochs_done, losses_at, ranked, reached
from hpo.core.types import Predict, Predicted, Scheduler
from hpo.forecasting import incontext, trend
from hpo.forecasting.chances import chance_below, chance_of_place
from hpo.forecasting.regression import Forecast
from hpo.forecasting.trend import TREND
from hpo.schedulers.brackets import Bracket, Round, hyperband_brackets, schedule_epochs
from hpo.schedulers.common import (
    ceil_of,
    check_finite,
    check_least,
    check_share,
    check_whole,
    searcher_of,
)
from hpo.schedulers.questions import Foresee, forecast_of, foretold
from hpo.schedulers.rounds import Goals, Rule, synchronous
from hpo.schedulers.swift import recorded
from hpo.space import Space

FORECASTS: Mapping[str, Callable[..., Forecast]] = {
    "trend": trend.forecast,
    "in_context": incontext.forecast,
}


@dataclass(frozen=True)
class Risk:
    """When to ask, and what chance a trial may still have when it is stopped.

    points        decision points, as shares of the way from rung to rung
    lost          chance of a lost result that saving all of Hyperband's epochs may cost; a stop
                  may cost so much in proportion to what it saves
    surprise      for each doubling of the epochs to the rung, the chance that a forecast says
                  nothing: the trial is then as likely as any other to be the study's best
    min_curves    curves at a rung that a forecast of it needs
    min_winners   curves at the end that a forecast of the end needs
    patience      predictions whose errors weigh as much as the expectation that they are right
    jumps         spread of a forecast in units of the largest jump that the trial has made
    forecast      "trend", a regression of the study's curves, or "in_context", a network that
                  corrects it (`forecasting.incontext`)
    """

    points: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    lost: float = 0.3
    surprise: float = 0.06
    min_curves: int = 3
    min_winners: int = 2
    patience: float = 100.0
    jumps: float = 0.0
    forecast: str = "trend"

    def __post_init__(self) -> None:
        check_share(surprise=self.surprise)
        check_finite(lost=self.lost, jumps=self.jumps, patience=self.patience)
        check_least(0, lost=self.lost, jumps=self.jumps)
        check_whole(min_curves=self.min_curves, min_winners=self.min_winners)
        check_least(1, min_curves=self.min_curves, min_winners=self.min_winners)
        if not self.points or not all(0 < point < 1 for point in self.points):
            raise ValueError(f"points must lie between 0 and 1, got {self.points}")
        if self.forecast not in FORECASTS:
            raise ValueError(f"forecast must be one of {', '.join(FORECASTS)}, got {self.forecast}")
        if not self.patience > 0:
            raise ValueError(f"patience must be above 0, got {self.patience}")

    @property
    def settings(self) -> dict[str, Any]:
        """As a journal keeps them; what came later is left out where it is as it was before."""
        later = {"jumps": 0.0, "forecast": "trend"}
        return {k: v for k, v in asdict(self).items() if k not in later or v != later[k]}

    @property
    def foresee(self) -> Foresee:
        """The forecast, with its jumps."""
        return partial(FORECASTS[self.forecast], jumps=self.jumps)


class Stakes(NamedTuple):
    """Hyperband's last epoch, and its brackets, trials and epochs in all."""

    max_epochs: int
    brackets: int
    trials: int
    epochs: int


def stakes_of(brackets: Sequence[Bracket]) -> Stakes:
    """The stakes of a study of these brackets."""
    return Stakes(
        brackets[0][-1].epoch,
        len(brackets),
        sum(rounds[0].trials for rounds in brackets),
        schedule_epochs(tuple(brackets)),
    )


def swift_improved(
    space: Space | Searcher,
    max_epochs: int,
    eta: int = 2,
    *,
    risk: Risk | None = None,
    metric: str = "loss",
    mode: str = "minimise",
) -> Scheduler:
    """Hyperband with stops of bounded risk: see the module."""
    brackets = hyperband_brackets(max_epochs, eta)
    rule = bounded_risk(risk or Risk(), stakes_of(brackets))
    return synchronous(searcher_of(space), brackets, rule, metric=metric, mode=mode)


def bounded_risk(risk: Risk, stakes: Stakes) -> Rule:
    """The rule as the machine of rounds takes it."""
    max_epochs = stakes.max_epochs

    def plan(state: State, members: tuple[int, ...], round: Round) -> Goals:
        return dict.fromkeys(members, next_point(risk, round, round.start))

    def request(
        state: State, short: tuple[int, ...], round: Round
    ) -> tuple[Predict, ...] | Mapping[int, int]:
        epoch, done = len(state.trials[short[0]].curve), epochs_done(state)
        known, best = reached(done, round.epoch), ranked(state, short, epoch)
        missing = risk.min_curves - len(known)
        if missing > 0:
            point = next_point(risk, round, epoch)
            return {n: round.epoch if n in best[:missing] else point for n in short}
        bracket = state.trials[short[0]].bracket
        if round.epoch - round.start == max_epochs and all(
            state.trials[n].bracket != bracket for n in known
        ):
            return {n: round.epoch if n == best[0] else epoch for n in short}
        return questions(risk, round, max_epochs, epoch, known, reached(done, max_epochs), short)

    def predict(state: State, request: Predict) -> Predicted:
        return foretold(risk.foresee, state, request)

    def decide(
        state: State, answers: tuple[Predicted, ...], arrived: tuple[int, ...], round: Round
    ) -> tuple[State, Goals]:
        done = epochs_done(state)
        wider = inflation(state, done, risk.patience)
        ahead = forecast_of(state.sign, answers[0], TREND, wider)
        finished = np.array(losses_at(state, arrived, round.epoch))
        chance, needed = chance_of_place(finished, *ahead, round.places)
        winners = reached(done, max_epochs)
        return verdict(state, risk, round, stakes, answers, chance, needed, winners, wider)

    settings = {"rule": "bounded risk", **risk.settings}
    return Rule(plan, request, predict, decide, settings)


def questions(
    risk: Risk,
    round: Round,
    max_epochs: int,
    epoch: int,
    known: tuple[int, ...],
    winners: tuple[int, ...],
    trials: tuple[int, ...],
) -> tuple[Predict, ...]:
    """What must be known to judge `trials` at `epoch`: the rung, and the end once that can be told.

    `known` have come to the rung, `winners` to the end.
    """
    asked: tuple[Predict, ...] = (Predict(round.epoch, epoch, known, trials),)
    if round.epoch < max_epochs and len(winners) >= risk.min_winners:
        asked += (Predict(max_epochs, epoch, winners, trials),)
    return asked


def verdict(
    state: Any,
    risk: Risk,
    round: Round,
    stakes: Stakes,
    answers: tuple[Predicted, ...],
    chance: Float[np.ndarray, " trials"],
    needed: float,
    winners: tuple[int, ...],
    wider: float,
) -> tuple[Any, Goals]:
    """Those that go on, and to where; the state with the predictions on record.

    `chance` of a place in the next round for the trials that were asked about, `needed` the loss
    that a place takes, `wider` the factor on spreads (`inflation`).
    """
    trials, epoch = answers[0].request.trials, answers[0].request.epoch
    price = worth(risk, round, stakes, epoch)
    stopped = chance < price * round.places * stakes.brackets
    thresholds = [needed]
    if len(winners) >= risk.min_winners:
        incumbent = min(losses_at(state, winners, stakes.max_epochs))
        final = forecast_of(state.sign, answers[-1], TREND, wider)
        stopped |= chance_below(*final, incumbent) < price
        thresholds.append(incumbent)
    point = next_point(risk, round, epoch)
    goals = {n: point for n, stop in zip(trials, stopped, strict=True) if not stop}
    for answer, threshold in zip(answers, thresholds, strict=False):
        state = recorded(state, answer, threshold, goals)
    return state, goals


def worth(risk: Risk, round: Round, stakes: Stakes, epoch: int) -> float:
    """The chance of being the study's best that may be given for the epochs a stop saves."""
    saved = (round.epoch - epoch) / stakes.epochs
    doublings = math.log2(round.epoch / epoch)
    return risk.lost * saved - risk.surprise * doublings / stakes.trials


def next_point(risk: Risk, round: Round, epoch: int) -> int:
    """The first decision point of the round after `epoch`, or its rung."""
    width = round.epoch - round.start
    points = [round.start + ceil_of(share * width) for share in sorted(risk.points)]
    return next((point for point in points if epoch < point < round.epoch), round.epoch)


def inflation(state: Any, done: Sequence[int], patience: float) -> float:
    """By how much spreads have been too small so far, at least 1: a root mean square of errors.

    `done` are the epochs of each trial that may be looked at. Only trials that came out better than
    foreseen count, twice, for the stops to fear are of such; an error is in units of its spread,
    cut at 6. `patience` errors of 1 are there from the start.
    Of a trial asked about twice at one epoch, for its rung and for the end, the rung counts: about
    the end only those speak that were let through.
    """
    total, count = patience, patience
    first: dict[tuple[int, int], Prediction] = {
        (p.trial, p.epoch): p for p in reversed(state.predictions)
    }
    for p in first.values():
        if p.continued and done[p.trial] >= p.rung:
            better = state.sign * (p.mean - state.trials[p.trial].curve[p.rung - 1]) / p.spread
            total += 2 * min(max(better, 0.0), 6.0) ** 2
            count += 1
    return max(1.0, math.sqrt(total / count))
