"""Every decision of the adaptive method is the one that its rule says, worked out anew."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from benchmarks.crossing import table
from hpo.core.types import Job, Predict, Predicted
from hpo.forecasting.chances import chance_of_place
from hpo.forecasting.prospects import expected_gain, prospects, ratio_prospects, trust
from hpo.forecasting.regression import Forecast
from hpo.schedulers.adaptive import adaptive
from hpo.schedulers.brackets import hyperband_brackets, schedule_epochs
from hpo.schedulers.pricing import Price
from hpo.schedulers.questions import foretold, matching
from hpo.simulation.tables import Table
from tests.hpo.schedulers.playing import barriers, goals_of, steps

LAST, ETA = 27, 3
BRACKETS = hyperband_brackets(LAST, ETA)
POINTS = sorted({max(1, round(LAST / 2 ** (k / 2))) for k in range(10)})
PRICES = st.builds(
    Price,
    hedges=st.sampled_from([2, 3, 4]),
    gain=st.sampled_from([0.02, 0.2, 0.6]),
    thaw=st.sampled_from([0.0, 0.08, 0.4]),
    place=st.sampled_from([0.01, 0.3]),
    relative=st.sampled_from([0.02, 1.0]),
    leaders=st.sampled_from([0, 2]),
    spared=st.sampled_from([0.06, 0.4]),
    min_curves=st.sampled_from([2, 4]),
    at_once=st.sampled_from([1, 2, 8]),
    ratios=st.booleans(),
)
few = settings(
    max_examples=25, deadline=None, phases=[Phase.explicit, Phase.generate]
)  # shrinking takes minutes


def curves_of(kind, seed, mode):
    curves = table(kind, seed, rows=120, epochs=LAST)
    sign = 1 if mode == "minimise" else -1
    return Table(curves.name, curves.configurations, sign * curves.curves)


class Rule:
    """What the method knows at a barrier, and what it makes of it."""

    def __init__(self, price, state):
        self.price, self.state = price, state
        self.ends = self.come_to(LAST)
        self.needed = math.inf
        self.best = min(self.loss(n, LAST) for n in self.ends) if self.ends else math.inf

    def loss(self, number, epoch):
        return self.state.sign * self.state.trials[number].curve[epoch - 1]

    def come_to(self, epoch):
        return [t.number for t in self.state.trials if len(t.curve) >= epoch]

    def forecast(self, answer):
        degrees = 3.0 + max(len(answer.request.trained_on) - 1, 0)
        return Forecast(self.state.sign * np.array(answer.means), np.array(answer.spreads), degrees)

    def in_logarithms(self, forecast):
        """Where the price is of ratios and there are any."""
        if not self.price.ratios or min(self.best, *forecast.mean) <= 0:
            return None
        mean, spread = np.log(forecast.mean), forecast.spread / forecast.mean
        return Forecast(mean, spread, forecast.degrees)

    def gains(self, answer):
        first = sum(rounds[0].trials for rounds in BRACKETS[:-1])
        hedges = [n for n in self.ends if first <= n < first + self.price.hedges] or self.ends
        typical = np.median([self.loss(n, LAST) for n in hedges])
        ratios = self.in_logarithms(self.forecast(answer))
        if ratios is not None:
            unit = min(math.log(typical / self.best), self.price.relative)
            return expected_gain(ratios, math.log(self.best)) / unit
        lacking = typical - self.best
        return expected_gain(self.forecast(answer), self.best) / min(
            lacking, self.price.relative * abs(self.best)
        )

    def trusted(self, epoch):
        losses = [[self.loss(n, e) for n in self.ends] for e in (epoch, LAST)]
        return trust(*map(np.array, losses))

    def leads(self, request):
        there = sorted(self.loss(n, request.epoch) for n in self.come_to(request.epoch))
        best = there[: self.price.leaders]
        return np.array([self.loss(n, request.epoch) in best for n in request.trials])

    def next_point(self, number):
        return min(p for p in POINTS if p > len(self.state.trials[number].curve))

    def going_on(self, answers):
        """Whose expected gain is worth the price of a whole training, the best first."""
        worth = {}
        for answer in answers:
            request = answer.request
            values = self.gains(answer) * LAST / (LAST - request.epoch) + self.leads(request)
            price = self.price.thaw * self.trusted(request.epoch)
            worth |= {n: v for n, v in zip(request.trials, values, strict=True) if v >= price}
        left = schedule_epochs(BRACKETS) - sum(len(t.curve) for t in self.state.trials)
        going = {}
        for number in sorted(worth, key=lambda n: (-worth[n], n))[: self.price.at_once]:
            cost = self.next_point(number) - len(self.state.trials[number].curve)
            if worth[number] >= max(worth.values()) / 2 and cost <= left:
                going[number], left = self.next_point(number), left - cost
        return going

    def staying(self, answers):
        """Of a round's members those that do not pause."""
        request = answers[0].request
        round = self.round_of(request)
        paused = np.zeros(len(request.trials), bool)
        for answer in answers:
            if answer.request.rung == LAST and request.epoch >= self.price.spared * LAST:
                paused |= self.gains(answer) < self.price.gain * self.trusted(request.epoch)
            if answer.request.rung == round.epoch > request.epoch:
                foreseen = self.forecast(answer)
                ratios = self.in_logarithms(foreseen)
                chance, needed = chance_of_place(np.array([]), *(ratios or foreseen), round.places)
                self.needed = needed if ratios is None else np.exp(needed)
                paused |= chance < self.price.place * self.trusted(request.epoch)
        paused &= ~self.leads(request)
        return [n for n, out in zip(request.trials, paused, strict=True) if not out]

    def round_of(self, request):
        rounds = BRACKETS[self.state.trials[request.trials[0]].bracket]
        return next(r for r in rounds if r.epoch >= request.epoch)

    def sent(self, members, request):
        """Where the members go: to the next decision point, the best of them alone from a rung."""
        round = self.round_of(request)
        if request.epoch == round.epoch:
            members = sorted(members, key=lambda n: (self.loss(n, request.epoch), n))
            members = members[: round.places]
            rounds = BRACKETS[self.state.trials[members[0]].bracket]
            round = rounds[rounds.index(round) + 1]
        return {n: min(self.next_point(n), round.epoch) for n in members}


def after_the_brackets(state, answers):
    """Whether the answers are about everybody that stands somewhere on the way."""
    asked = {n for a in answers for n in a.request.trials}
    paused = {t.number for t in state.trials if t.status == "paused"}
    return asked == paused and all(t.curve for t in state.trials)


@few
@given(
    price=PRICES,
    kind=st.sampled_from(["easy", "overfit", "slow"]),
    seed=st.integers(0, 99),
    mode=st.sampled_from(["minimise", "maximise"]),
)
def test_every_decision_follows_from_prospects_and_prices(price, kind, seed, mode):
    curves = curves_of(kind, seed, mode)
    scheduler = adaptive(curves.searcher(), LAST, ETA, price=price, mode=mode)
    for before, answers, after in barriers(steps(scheduler, curves, seed, workers=99)):
        rule = Rule(price, before)
        if after_the_brackets(before, answers):
            going = rule.going_on(answers)
            assert goals_of(after) == going
            if not going:
                assert not any(t.status == "paused" for t in after.trials)
            recorded = after.predictions[len(before.predictions) :]
            assert {p.trial for p in recorded} == set(going)
        else:
            staying, request = rule.staying(answers), answers[0].request
            if staying:
                assert goals_of(after) == rule.sent(staying, request)
            else:
                assert not set(goals_of(after)) & set(request.trials)
            recorded = after.predictions[len(before.predictions) :]
            assert {p.trial for p in recorded if p.continued} == set(staying)
            assert len(recorded) == sum(len(a.request.trials) for a in answers)
        for p in recorded:
            if p.rung == LAST and p.epoch >= price.spared * LAST:
                assert p.threshold == before.sign * rule.best
            elif math.isfinite(rule.needed):
                assert p.threshold == pytest.approx(before.sign * rule.needed)


@pytest.mark.parametrize("ratios", [False, True])
def test_what_is_foreseen_are_ratios_where_the_price_says_so(ratios):
    curves = curves_of("easy", 1, "minimise")
    scheduler = adaptive(curves.searcher(), LAST, ETA, price=Price(ratios=ratios))
    foresee = ratio_prospects if ratios else prospects
    for before, answers, _ in barriers(steps(scheduler, curves, 1, workers=99)):
        for answer in answers:
            assert answer == foretold(foresee, before, answer.request)


@few
@given(price=PRICES, kind=st.sampled_from(["easy", "overfit"]), seed=st.integers(0, 99))
def test_what_is_asked_is_the_rung_and_the_end_once_they_can_be_told(price, kind, seed):
    curves = curves_of(kind, seed, "minimise")
    scheduler = adaptive(curves.searcher(), LAST, ETA, price=price)
    for before, answers, _ in barriers(steps(scheduler, curves, seed, workers=99)):
        rule, request = Rule(price, before), answers[0].request
        asked = [(a.request.rung, a.request.epoch) for a in answers]
        if after_the_brackets(before, answers):
            lengths = {len(t.curve) for t in before.trials if t.status == "paused"}
            assert asked == [(LAST, epoch) for epoch in sorted(lengths)]
        else:
            rung, epoch = rule.round_of(request).epoch, request.epoch
            told = [rung] if epoch < rung and len(rule.come_to(rung)) >= price.min_curves else []
            late = epoch >= price.spared * LAST and len(rule.ends) >= price.min_curves
            told += [LAST] if late and LAST not in told else []
            assert asked == [(r, epoch) for r in told]
        for answer in answers:
            assert list(answer.request.trained_on) == rule.come_to(answer.request.rung)


@pytest.mark.parametrize("hedges", [1, 3, 4])
@pytest.mark.parametrize("kind", ["easy", "slow"])
def test_hedges_train_to_the_end_before_anybody_else(kind, hedges):
    """In one job each, whatever others are worth: nobody has chosen them."""
    curves = curves_of(kind, 0, "minimise")
    scheduler = adaptive(curves.searcher(), LAST, ETA, price=Price(hedges=hedges, min_curves=1))
    jobs = [s.item for s in steps(scheduler, curves) if isinstance(s.item, Job)]
    first = sum(rounds[0].trials for rounds in BRACKETS[:-1])
    assert [(j.trial, j.first_epoch, j.last_epoch) for j in jobs[:hedges]] == [
        (n, 0, LAST) for n in range(first, first + hedges)
    ]


@pytest.mark.parametrize("seed", range(3))
def test_where_every_gain_is_worth_it_all_of_hyperbands_epochs_are_spent(seed):
    """Whoever paused goes on, until what is left is too little for a next step of the best."""
    curves = curves_of("easy", seed, "minimise")
    price = Price(thaw=0.0, gain=0.5, place=0.3, relative=1.0)
    scheduler = adaptive(curves.searcher(), LAST, ETA, price=price)
    *_, last = steps(scheduler, curves, seed)
    spent = sum(len(t.curve) for t in last.after.trials)
    longest = max(b - a for a, b in pairwise(POINTS))
    assert schedule_epochs(BRACKETS) - longest < spent <= schedule_epochs(BRACKETS)


@pytest.mark.parametrize("kept", [0, 1, 2, 3])
def test_answers_to_a_longer_list_of_questions_are_no_answers_to_its_beginning(kept):
    """A job that fails between two answers can leave fewer questions, the same as the first."""
    requests = tuple(Predict(8, epoch, (0, 1), (epoch,)) for epoch in (1, 2, 4))
    answers = tuple(Predicted(request, (0.5,), (0.1,)) for request in requests[:2])
    assert matching(answers, requests[:kept]) == (answers if kept == 3 else ())
