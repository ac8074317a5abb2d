"""Asynchronous Swift: as careful as the synchronous rule with one worker, never idle with many."""

import numpy as np
import pytest

from hpo.core.types import Job, Predict, Predicted
from hpo.schedulers.asynchronous import asynchronous_swift
from hpo.schedulers.brackets import hyperband_brackets
from hpo.schedulers.halving import hyperband
from hpo.schedulers.improved import Risk, swift_improved
from hpo.schedulers.swift import swift_hyperband
from hpo.simulation.simulator import Conditions, simulate
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
def test_it_ends_sooner_than_rounds_with_barriers(synthetic, workers):
    table, conditions = synthetic(epochs=81), Conditions(workers, spread=0.3)
    walls = np.array(
        [
            [
                simulate(make(table.searcher(), 81, 3), table, seed, conditions).wall
                for make in (asynchronous_swift, swift_improved)
            ]
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


def test_a_prediction_nobody_asked_for_is_refused(synthetic):
    table = synthetic()
    scheduler = asynchronous_swift(table.searcher(), 27, 3)
    state, _ = scheduler.ask(scheduler.init(0))
    with pytest.raises(ValueError, match="nobody asked"):
        scheduler.tell(state, Predicted(Predict(3, 2, (0,), (1,)), (1.0,), (0.0,)))


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
