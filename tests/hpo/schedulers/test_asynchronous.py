"""Swift and `adaptive` without barriers: with one worker as with them, never idle with many."""

import numpy as np
import pytest

from benchmarks.crossing import table as crossing_table
from hpo.core.types import Job, Predict, Predicted, Wait
from hpo.forecasting.chances import chance_of_place
from hpo.forecasting.prospects import expected_gain, trust
from hpo.forecasting.regression import Forecast
from hpo.schedulers.adaptive import adaptive
from hpo.schedulers.asynchronous import asynchronous_swift
from hpo.schedulers.asynchronous_adaptive import asynchronous_adaptive
from hpo.schedulers.brackets import hyperband_brackets, schedule_epochs
from hpo.schedulers.halving import hyperband
from hpo.schedulers.improved import Risk, swift_improved
from hpo.schedulers.open_rounds import Group, owed, rivals_of, settled, spent, standing_at
from hpo.schedulers.pricing import Price, points_of
from hpo.schedulers.promise import paused
from hpo.schedulers.swift import swift_hyperband
from hpo.simulation.simulator import Conditions, simulate
from hpo.simulation.tables import Table
from tests.hpo.schedulers.playing import steps


def test_one_worker_decides_as_the_synchronous_rule_does(synthetic):
    table = synthetic()
    for seed in range(4):
        runs = [
            simulate(make(table.searcher(), 27, 2), table, seed)
            for make in (asynchronous_swift, swift_improved)
        ]
        assert runs[0].loss == runs[1].loss
        assert runs[0].epochs == pytest.approx(runs[1].epochs, rel=0.15)


def test_without_risk_one_worker_is_hyperband(synthetic):
    table, none = synthetic(), Risk(lost=0.0)
    for seed in range(3):
        ours = simulate(asynchronous_swift(table.searcher(), 27, 3, risk=none), table, seed)
        plain = simulate(hyperband(table.searcher(), 27, 3), table, seed)
        assert (ours.epochs, ours.loss, ours.best) == (plain.epochs, plain.loss, plain.best)


@pytest.mark.parametrize("workers", [4, 20])
def test_whom_hyperband_would_promote_is_promoted(synthetic, workers):
    """Of a round's trials the best go on, whoever else went on early."""
    table, none = synthetic(), Risk(lost=0.0)
    brackets = hyperband_brackets(27, 3)
    conditions = Conditions(workers, spread=0.5, stragglers=0.2)
    state = simulate(
        asynchronous_swift(table.searcher(), 27, 3, risk=none), table, 1, conditions
    ).state
    for index, rounds in enumerate(brackets):
        for round in rounds[:-1]:
            members = [
                t for t in state.trials if t.bracket == index and len(t.curve) >= round.epoch
            ]
            members.sort(key=lambda t: t.curve[round.epoch - 1])
            assert all(len(t.curve) > round.epoch for t in members[: round.places])


@pytest.mark.parametrize("workers", [10, 40])
@pytest.mark.parametrize(
    "pair", [(asynchronous_swift, swift_improved), (asynchronous_adaptive, adaptive)]
)
def test_it_ends_sooner_than_rounds_with_barriers(synthetic, pair, workers):
    table, conditions = synthetic(epochs=81), Conditions(workers, spread=0.3)
    walls = np.array(
        [
            [simulate(make(table.searcher(), 81, 3), table, seed, conditions).wall for make in pair]
            for seed in range(3)
        ]
    )
    assert np.all(walls[:, 0] < 0.7 * walls[:, 1])


def test_no_worker_idles_while_configurations_are_left(synthetic):
    table = synthetic()
    scheduler = asynchronous_swift(table.searcher(), 27, 3)
    state = scheduler.init(0)
    for number in range(46):  # 27 + 12 + 6 + 4 configurations, less the last three
        state, action = scheduler.ask(state)
        assert isinstance(action, Job)
        assert action.trial == number


def test_with_failing_epochs_no_result_is_lost(synthetic):
    table = synthetic()
    scheduler = asynchronous_swift(table.searcher(), 27, 3)
    for seed in range(3):
        rough = simulate(scheduler, table, seed, Conditions(10, spread=0.3, crashes=0.1))
        assert rough.lost > 0
        assert rough.best is not None
        assert sum(len(t.curve) for t in rough.state.trials) == rough.epochs


def test_the_published_rule_needs_many_times_as_long(synthetic):
    table, conditions = synthetic(epochs=81), Conditions(30, spread=0.3)
    published = swift_hyperband(table.searcher(), 81, 3, min_curves=200)
    ours = asynchronous_swift(table.searcher(), 81, 3)
    walls = [simulate(s, table, 0, conditions).wall for s in (ours, published)]
    assert walls[0] < 0.5 * walls[1]


def test_a_frugal_study_sends_nobody_where_nothing_can_be_known(synthetic):
    """Who leaves a decision point unjudged is one of as many as are missing at the rung, and of
    those that stand there the best; unless nobody trained."""
    table, risk = synthetic(epochs=27), Risk(min_curves=3)
    scheduler = asynchronous_swift(table.searcher(), 27, 3, risk=risk, frugal=True)
    brackets, waited = hyperband_brackets(27, 3), 0
    for step in steps(scheduler, table, 5, workers=40):
        if not isinstance(step.item, Job) or not step.item.first_epoch:
            continue
        trial, state = step.after.trials[step.item.trial], step.after
        rounds = brackets[trial.bracket]
        round = next(r for r in rounds if r.start < trial.goal <= r.epoch)
        epoch = step.item.first_epoch
        judged = any(p.trial == trial.number and p.epoch == epoch for p in state.predictions)
        if epoch == round.start or judged or step.before.running == 0:
            continue
        assert trial.goal == round.epoch
        others = [t for t in state.trials if t.bracket == trial.bracket and t.goal == round.epoch]
        assert len(others) <= risk.min_curves
        left = [state.trials[n] for n in state.judged if state.trials[n].bracket == trial.bracket]
        same = [t for t in left if len(t.curve) == epoch]
        assert all(t.curve[-1] >= trial.curve[epoch - 1] for t in same)
        waited += len(same)
    assert waited > 0


def test_a_frugal_study_spends_less_where_workers_are_many(synthetic):
    table, conditions = synthetic(epochs=27), Conditions(50, spread=0.3)
    plain, frugal = (
        [
            simulate(
                asynchronous_swift(table.searcher(), 27, 2, frugal=frugal), table, seed, conditions
            ).epochs
            for seed in range(4)
        ]
        for frugal in (False, True)
    )
    assert sum(frugal) < 0.95 * sum(plain)


LAST, ETA = 27, 3
BRACKETS = hyperband_brackets(LAST, ETA)
PRICES = {
    "as it is": Price(),
    "eager to pause, and to go on": Price(gain=0.5, place=0.3, thaw=0.0, relative=1.0),
    "few": Price(hedges=2, min_curves=2, leaders=1, at_once=2, thaw=0.4, relative=1.0),
}
prices = pytest.mark.parametrize("price", PRICES.values(), ids=PRICES.keys())


def come_to(state, epoch):
    """By jobs that have ended."""
    return tuple(n for n, done in enumerate(settled(state)) if done >= epoch)


def losses(state, numbers, epoch):
    return np.array([state.sign * state.trials[n].curve[epoch - 1] for n in numbers])


def to_beat(state):
    """The best loss at the end, or foreseen there for a trial with a job."""
    latest = {p.trial: p for p in state.predictions if p.rung == LAST and p.continued}
    jobs = [t.number for t in state.trials if t.status in ("running", "waiting")]
    foreseen = [state.sign * latest[n].mean for n in jobs if n in latest]
    return min([*foreseen, *losses(state, come_to(state, LAST), LAST)])


def gains_of(state, price, answer):
    """Expected gains over the loss to beat, in units of the price."""
    ends = losses(state, answer.request.trained_on, LAST)
    first = sum(rounds[0].trials for rounds in BRACKETS[:-1])
    hedges = [n for n in answer.request.trained_on if first <= n < first + price.hedges]
    best, degrees = to_beat(state), 3.0 + len(ends) - 1
    mean, spread = state.sign * np.array(answer.means), np.array(answer.spreads)
    lacking = np.median(losses(state, hedges, LAST) if hedges else ends) - best
    gain = expected_gain(Forecast(mean, spread, degrees), best)
    return gain / min(lacking, price.relative * abs(best))


def leaders_of(state, price, request):
    come = come_to(state, request.epoch)
    best = sorted(losses(state, come, request.epoch))[: price.leaders]
    return np.isin(losses(state, request.trials, request.epoch), best)


def trusted_at(state, epoch):
    ends = come_to(state, LAST)
    return trust(losses(state, ends, epoch), losses(state, ends, LAST))


def worth_it(state, price, answer):
    """Those that may go on, of trials that pause."""
    request = answer.request
    worth = gains_of(state, price, answer) * LAST / (LAST - request.epoch)
    worth += leaders_of(state, price, request)
    least = price.thaw * trusted_at(state, request.epoch)
    return {n for n, value in zip(request.trials, worth, strict=True) if value >= least}


def adaptive_study(kind, price, seed, workers, mode="minimise"):
    curves = crossing_table(kind, seed, rows=120, epochs=LAST)
    sign = 1 if mode == "minimise" else -1
    table = Table(curves.name, curves.configurations, sign * curves.curves)
    scheduler = asynchronous_adaptive(table.searcher(), LAST, ETA, price=price, mode=mode)
    return scheduler, table, list(steps(scheduler, table, seed, workers, order=seed))


@prices
@pytest.mark.parametrize(("kind", "workers"), [("easy", 1), ("slow", 4), ("easy", 9), ("easy", 60)])
def test_no_number_of_workers_costs_more_than_hyperband(kind, workers, price):
    """Trained, sent for or kept back for rounds; and all are spent where all are worth it."""
    most = schedule_epochs(BRACKETS)
    for seed in range(2):
        _, _, played = adaptive_study(kind, price, seed, workers)
        for step in played:
            trials = step.after.trials
            jobs = [t.goal if t.status in ("running", "waiting") else 0 for t in trials]
            epochs = sum(max(g, len(t.curve)) for g, t in zip(jobs, trials, strict=True))
            kept = owed(step.after, BRACKETS, step.after.thawed)
            assert epochs <= epochs + kept <= most
        if price.thaw == 0:
            assert epochs > most - (LAST - LAST / np.sqrt(2)) - 1


@prices
@pytest.mark.parametrize("workers", [1, 4, 9])
def test_no_worker_waits_while_a_trial_is_worth_going_on(price, workers):
    """Worth it is who would be sent on by what has ended, and who can be paid for."""
    (scheduler, table, _), waits = adaptive_study("easy", price, 3, 1), []

    def ask(state):
        state, action = scheduler.ask(state)
        waits.extend([state] if isinstance(action, Wait) else [])
        return state, action

    list(steps(scheduler._replace(ask=ask), table, 3, workers, order=1))
    for state in waits:
        assert all(trial.goal for trial in state.trials)
        assert not state.ready
        assert not state.judged
        ends = come_to(state, LAST)
        if len(ends) < price.min_curves:
            continue
        left = schedule_epochs(BRACKETS) - owed(state, BRACKETS, state.thawed) - spent(state)
        for epoch, who in paused(state).items():
            step = min(p for p in points_of(LAST) if p > epoch) - epoch
            alone = tuple(n for n in who if standing_at(state, BRACKETS, n) is None)
            if not alone or step > left:
                continue
            answer = scheduler.predict(state, Predict(LAST, epoch, ends, alone))
            assert not worth_it(state, price, answer)
    assert bool(waits) == (workers > 1)


@prices
@pytest.mark.parametrize("mode", ["minimise", "maximise"])
def test_who_pauses_promises_too_little_and_who_goes_on_again_enough(price, mode):
    """By what jobs told that have ended, and beside those of its round that are on their way."""
    dropped = 0
    for workers in (1, 7):
        _, _, played = adaptive_study("easy", price, 5, workers, mode)
        answers, begun = (), None
        for step in played:
            if not isinstance(step.item, Predicted):
                continue
            begun = step.before if not answers else begun
            answers += (step.item,)
            request = answers[0].request
            if step.after.answers:
                continue
            if set(request.trials) <= set(begun.judged):
                new = step.after.predictions[len(begun.predictions) :]
                out = expected_out(begun, price, answers)
                assert {p.trial for p in new if not p.continued} == set(out)
                ends = {p.threshold for p in new if p.rung == LAST and p.epoch > 1}
                assert ends <= {begun.sign * to_beat(begun)}
                dropped += len(out)
            else:
                going = set(step.after.ready) - set(begun.ready)
                assert going <= set().union(*(worth_it(begun, price, a) for a in answers))
            answers = ()
    assert dropped


def expected_out(state, price, answers):
    request = answers[0].request
    bracket = BRACKETS[state.trials[request.trials[0]].bracket]
    sure, out = trusted_at(state, request.epoch), np.zeros(len(request.trials), bool)
    round = next(r for r in bracket if r.epoch >= request.epoch)
    for answer in answers:
        if answer.request.rung == LAST and request.epoch >= price.spared * LAST:
            out |= gains_of(state, price, answer) < price.gain * sure
        if answer.request.rung == round.epoch > request.epoch:
            i = bracket.index(round)
            group = Group(False, BRACKETS.index(bracket), i, request.epoch, request.trials)
            arrived, means, spreads = rivals_of(state, BRACKETS, group)
            mean = np.append(state.sign * np.array(answer.means), means)
            spread = np.append(answer.spreads, spreads)
            degrees = 3.0 + len(answer.request.trained_on) - 1
            chance, _ = chance_of_place(arrived, mean, spread, degrees, round.places)
            out |= chance[: len(out)] < price.place * sure
    out &= ~leaders_of(state, price, request)
    return [n for n, too_little in zip(request.trials, out, strict=True) if too_little]


def test_with_one_worker_adaptive_needs_no_barriers():
    """Hedges come first, to the end; and where nothing is too little all is Hyperband's."""
    free = Price(gain=0, place=0, thaw=0)
    for kind in ("easy", "slow"):
        curves = crossing_table(kind, 1, rows=200, epochs=LAST)
        for seed in range(2):
            ours, plain, all_of_it, full = (
                simulate(scheduler, curves, seed)
                for scheduler in (
                    asynchronous_adaptive(curves.searcher(), LAST, ETA),
                    adaptive(curves.searcher(), LAST, ETA),
                    asynchronous_adaptive(curves.searcher(), LAST, ETA, price=free),
                    hyperband(curves.searcher(), LAST, ETA),
                )
            )
            assert ours.loss == plain.loss
            assert ours.epochs == pytest.approx(plain.epochs, rel=0.1)
            assert (all_of_it.epochs, all_of_it.loss) == (full.epochs, full.loss)
    *_, played = adaptive_study("easy", Price(hedges=3), 0, 1)
    jobs = [step.item for step in played if isinstance(step.item, Job)]
    first = sum(rounds[0].trials for rounds in BRACKETS[:-1])
    assert [(j.trial, j.last_epoch) for j in jobs[:3]] == [(first + n, LAST) for n in range(3)]


def test_while_hedges_train_all_begin_and_the_least_trained_go_on():
    curves, jobs = crossing_table("easy", 0, rows=120, epochs=LAST), []
    scheduler = asynchronous_adaptive(curves.searcher(), LAST, ETA)

    def ask(state):
        after, action = scheduler.ask(state)
        if sum(t.status == "completed" for t in state.trials) < Price().hedges:
            assert not isinstance(action, Predict)
            jobs.extend([action] if isinstance(action, Job) else [])
            if isinstance(action, Job) and not state.ready and action.first_epoch:
                assert action.first_epoch == min(len(state.trials[n].curve) for n in state.judged)
        return after, action

    simulate(scheduler._replace(ask=ask), curves, 0, Conditions(9))
    assert {job.trial for job in jobs[:49]} == set(range(49))
    assert len(jobs) > 98
