"""The rule of bounded risk: what a stop may cost, who goes first, and what errors so far do.

The formulas are worked out anew from the module's text, with the numbers that the figures in
docs/hpo.md were made with.
"""

import math

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scipy import stats

from benchmarks.crossing import table
from hpo.core.types import Completed, Job, Predict, Predicted
from hpo.forecasting.chances import chance_of_place
from hpo.schedulers.asynchronous import asynchronous_swift
from hpo.schedulers.brackets import hyperband_brackets, schedule_epochs
from hpo.schedulers.improved import Risk, swift_improved
from hpo.simulation.tables import Table
from tests.hpo.schedulers.playing import steps

LAST, ETA = 27, 3
BRACKETS = hyperband_brackets(LAST, ETA)
TRIALS = sum(rounds[0].trials for rounds in BRACKETS)
few = settings(max_examples=15, deadline=None, phases=[Phase.explicit, Phase.generate])
METHODS = {"synchronous": swift_improved, "asynchronous": asynchronous_swift}
methods = pytest.mark.parametrize("make", METHODS.values(), ids=METHODS.keys())
kinds, seeds = st.sampled_from(["easy", "overfit", "slow"]), st.integers(0, 99)
risks = st.builds(
    Risk,
    lost=st.sampled_from([0.3, 3.0, 9.0]),
    surprise=st.sampled_from([0.0, 0.06]),
    min_curves=st.sampled_from([2, 4]),
    min_winners=st.sampled_from([1, 3]),
    patience=st.sampled_from([0.5, 100.0]),
)


def curves_of(kind, seed, mode="minimise"):
    curves = table(kind, seed, rows=120, epochs=LAST)
    sign = 1 if mode == "minimise" else -1
    return Table(curves.name, curves.configurations, sign * curves.curves)


def round_of(state, number, epoch):
    """The round of the trial's bracket that trains through the epoch after this one."""
    rounds = BRACKETS[state.trials[number].bracket]
    return next(r for r in rounds if r.start < epoch < r.epoch)


def doubt(state, patience, settled):
    """By how much spreads have been too small: better than foreseen counts twice."""
    errors, seen = [], set()
    for p in state.predictions:
        if (p.trial, p.epoch) in seen:
            continue
        seen.add((p.trial, p.epoch))
        if p.continued and len(settled[p.trial]) >= p.rung:
            better = state.sign * (p.mean - settled[p.trial][p.rung - 1]) / p.spread
            errors.append(np.clip(better, 0, 6))
    return max(1, math.sqrt((patience + 2 * np.sum(np.square(errors))) / (patience + len(errors))))


class Judged:
    """What is known where the answers about some trials of a round have all come."""

    def __init__(self, state, answers, settled):
        self.state, self.answers, self.settled = state, answers, settled
        self.request = answers[0].request
        self.bracket = state.trials[self.request.trials[0]].bracket
        self.round = round_of(state, self.request.trials[0], self.request.epoch)

    def arrived(self):
        return np.array(
            [
                self.state.sign * self.settled[t.number][self.round.epoch - 1]
                for t in self.state.trials
                if t.bracket == self.bracket and len(self.settled[t.number]) >= self.round.epoch
            ]
        )

    def rivals(self):
        """Of the round and on the way, as last foreseen."""
        latest = {p.trial: p for p in self.state.predictions
                  if p.rung == self.round.epoch and p.continued}  # fmt: skip
        there = [
            latest[t.number]
            for t in self.state.trials
            if t.bracket == self.bracket
            and t.status in ("running", "waiting")
            and self.round.start < t.goal <= self.round.epoch
            and t.number in latest
        ]
        return [self.state.sign * p.mean for p in there], [p.spread for p in there]

    def verdict(self, risk):
        """Who goes on, and the loss that a place takes."""
        wider, request = doubt(self.state, risk.patience, self.settled), self.request
        degrees = 2.0 + max(len(request.trained_on) - 1, 0)
        sign, rivals = self.state.sign, self.rivals()
        chance, needed = chance_of_place(
            self.arrived(),
            np.array([*(sign * np.array(self.answers[0].means)), *rivals[0]]),
            np.array([*(wider * np.array(self.answers[0].spreads)), *rivals[1]]),
            degrees,
            self.round.places,
        )
        saved = (self.round.epoch - request.epoch) / schedule_epochs(BRACKETS)
        far = math.log2(self.round.epoch / request.epoch)
        price = risk.lost * saved - risk.surprise * far / TRIALS
        stopped = chance[: len(request.trials)] / (self.round.places * len(BRACKETS)) < price
        ends = [sign * c[-1] for c in self.settled if len(c) == LAST]
        if len(ends) >= risk.min_winners:
            last = self.answers[-1]
            degrees = 2.0 + max(len(last.request.trained_on) - 1, 0)
            spread = wider * np.array(last.spreads)
            z = (min(ends) - sign * np.array(last.means)) / spread
            stopped |= stats.t(degrees).cdf(z) < price
        going = {n for n, out in zip(request.trials, stopped, strict=True) if not out}
        return going, sign * needed if math.isfinite(needed) else None


def settled_curves(state):
    """Curves up to the last job that ended."""
    begun = getattr(state, "begun", [10**6] * len(state.trials))
    return [
        t.curve[:b] if t.status in ("running", "waiting") else t.curve
        for t, b in zip(state.trials, begun, strict=True)
    ]


def judgements(played):
    """Step by step the judgements, and what followed."""
    answers, begun = (), None
    for step in played:
        if not isinstance(step.item, Predicted):
            continue
        begun = step.before if not answers else begun
        answers += (step.item,)
        if len(step.after.predictions) > len(begun.predictions):
            yield Judged(begun, answers, settled_curves(begun)), step.after
            answers = ()


@methods
@few
@given(
    risk=risks,
    kind=kinds,
    seed=seeds,
    mode=st.sampled_from(["minimise", "maximise"]),
    workers=st.sampled_from([1, 4, 15]),
)
def test_every_stop_follows_from_chances_and_epochs(make, risk, kind, seed, mode, workers):
    curves = curves_of(kind, seed, mode)
    scheduler = make(curves.searcher(), LAST, ETA, risk=risk, mode=mode)
    for judged, after in judgements(steps(scheduler, curves, seed, workers, seed)):
        going, needed = judged.verdict(risk)
        recorded = after.predictions[len(judged.state.predictions) :]
        assert {p.trial for p in recorded if p.continued} == going
        assert {p.trial for p in recorded} == set(judged.request.trials)
        rung = [p for p in recorded if p.rung == judged.round.epoch]
        for p in rung if judged.round.epoch < LAST else []:
            assert p.threshold == (None if needed is None else pytest.approx(needed))
        stopped = set(judged.request.trials) - going
        assert all(after.trials[n].status == "stopped" for n in stopped)


@methods
@pytest.mark.parametrize("seed", range(3))
def test_questions_are_about_the_rung_and_the_end_once_enough_have_come_there(make, seed):
    risk, curves = Risk(min_curves=3, min_winners=4, lost=3.0), curves_of("easy", seed)
    scheduler = make(curves.searcher(), LAST, ETA, risk=risk)
    asked = 0
    for judged, _ in judgements(steps(scheduler, curves, seed, 4, seed)):
        settled = judged.settled
        rung, winners = (
            tuple(n for n, c in enumerate(settled) if len(c) >= e)
            for e in (judged.round.epoch, LAST)
        )
        told = [Predict(judged.round.epoch, judged.request.epoch, rung, judged.request.trials)]
        if judged.round.epoch < LAST and len(winners) >= 4:
            told.append(
                told[0].__class__(LAST, judged.request.epoch, winners, judged.request.trials)
            )
        assert len(rung) >= 3
        assert [a.request for a in judged.answers] == told
        asked += 1
    assert asked > 5


@few
@given(kind=kinds, seed=seeds)
def test_in_the_last_bracket_the_best_goes_first_and_the_others_wait(kind, seed):
    """They wait at the first decision point, until somebody of their bracket is at the end."""
    curves = curves_of(kind, seed)
    scheduler = swift_improved(curves.searcher(), LAST, ETA)
    first = TRIALS - BRACKETS[-1][0].trials
    for step in steps(scheduler, curves, seed, workers=99):
        ended = isinstance(step.item, Completed) and step.item.trial >= first
        if ended and step.item.epoch == LAST:
            there = [t for t in step.after.trials if t.number >= first]
            best = min(there, key=lambda t: (t.curve[2], t.number))
            assert best.number == step.item.trial
            assert all(len(t.curve) == 3 for t in there if t is not best)
            return
    raise AssertionError("nobody of the last bracket came to the end")


@few
@given(kind=kinds, seed=seeds, workers=st.integers(2, 15), order=seeds)
def test_no_better_trial_is_left_standing_where_one_is_promoted(kind, seed, workers, order):
    curves = curves_of(kind, seed)
    scheduler = asynchronous_swift(curves.searcher(), LAST, ETA)
    rungs = [{round.epoch for round in rounds[:-1]} for rounds in BRACKETS]
    promoted = 0
    for step in steps(scheduler, curves, seed, workers, order):
        if not isinstance(step.item, Job) or not step.item.first_epoch:
            continue
        one, epoch = step.after.trials[step.item.trial], step.item.first_epoch
        if epoch in rungs[one.bracket]:
            left = [
                t.curve[epoch - 1]
                for t in step.after.trials
                if t.bracket == one.bracket and t.status == "paused" and len(t.curve) == epoch
            ]
            assert all(one.curve[epoch - 1] <= loss for loss in left)
            promoted += 1
    assert promoted >= len(BRACKETS) - 1


@few
@given(kind=kinds, seed=seeds, workers=st.integers(2, 15), order=seeds)
def test_while_configurations_are_left_nobody_is_judged_before_others_who_still_come(
    kind, seed, workers, order
):
    curves = curves_of(kind, seed)
    scheduler = asynchronous_swift(curves.searcher(), LAST, ETA)
    for step in steps(scheduler, curves, seed, workers, order):
        state = step.before
        if isinstance(step.item, Predicted) and len(state.trials) < TRIALS:
            request = step.item.request
            bracket = state.trials[request.trials[0]].bracket
            round = round_of(state, request.trials[0], request.epoch)
            assert not [
                t
                for t in state.trials
                if t.bracket == bracket
                and t.status in ("running", "waiting")
                and round.start < t.goal <= request.epoch
            ]


@few
@given(kind=kinds, seed=seeds, order=seeds)
def test_who_goes_on_early_is_among_the_first_of_those_that_have_come(kind, seed, order):
    """Among the first n places / trials of n that came, and in the end among all places."""
    curves = curves_of(kind, seed)
    scheduler = asynchronous_swift(curves.searcher(), LAST, ETA, risk=Risk(lost=0.0))
    early = 0
    for step in steps(scheduler, curves, seed, 15, order):
        if not isinstance(step.item, Job) or not step.item.first_epoch:
            continue
        one, epoch = step.after.trials[step.item.trial], step.item.first_epoch
        round = next((r for r in BRACKETS[one.bracket][:-1] if r.epoch == epoch), None)
        if round is not None:
            there = sorted(
                (t.curve[epoch - 1], t.number)
                for t in step.before.trials
                if t.bracket == one.bracket and len(t.curve) >= epoch
            )
            rank = there.index((one.curve[epoch - 1], one.number))
            assert rank < len(there) * round.places // round.trials
            early += len(there) < round.trials
    assert early
