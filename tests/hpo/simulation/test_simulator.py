"""The virtual clock: against the executor that moves epoch by epoch, and its own laws."""

import math

import numpy as np
import pytest

from hpo.executors.inline import InlineExecutor
from hpo.forecasting import predictors
from hpo.schedulers.asha import asha
from hpo.schedulers.halving import full_training, hyperband, top_n
from hpo.schedulers.swift import swift_hyperband
from hpo.simulation.simulator import Conditions, simulate
from hpo.simulation.tables import Table
from hpo.study.run import Unrecorded, run_study


def schedulers(table):
    return {
        "hyperband": hyperband(table.searcher(), 27, 3),
        "parallel": hyperband(table.searcher(), 27, 3, concurrent_brackets=4),
        "swift": swift_hyperband(
            table.searcher(), 27, 3, min_curves=6, predictor=predictors.persistence()
        ),
        "asha": asha(table.searcher(), 40, 27, 3),
    }


NAMES = ("hyperband", "parallel", "swift", "asha")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("workers", [1, 4, 50])
def test_it_is_the_executor_that_moves_epoch_by_epoch(synthetic, name, workers):
    table = synthetic()
    scheduler = schedulers(table)[name]
    outcome = simulate(scheduler, table, 1, Conditions(workers))
    executor = InlineExecutor(table.objective, workers)
    state = run_study(scheduler, executor, Unrecorded(), 1)
    assert outcome.state == state
    assert outcome.wall == executor.clock
    assert outcome.busy == outcome.epochs == executor.busy
    assert outcome.idle == pytest.approx(1 - executor.busy / executor.clock / workers)


@pytest.mark.parametrize("name", NAMES)
def test_time_has_its_bounds(synthetic, name):
    table = synthetic()
    for workers in (1, 3, 30):
        for seed in range(4):
            hard = Conditions(workers, spread=0.3, stragglers=0.2, crashes=0.1)
            o = simulate(schedulers(table)[name], table, seed, hard)
            assert max(o.busy / workers, o.longest) <= o.wall + 1e-9
            assert 0 <= o.idle < 1
            assert o.lost > 0


@pytest.mark.parametrize("name", ["hyperband", "parallel", "swift"])
def test_crashes_cost_time_and_no_result(synthetic, name):
    table = synthetic()
    scheduler = schedulers(table)[name]
    calm = simulate(scheduler, table, 3, Conditions(4))
    rough = simulate(scheduler, table, 3, Conditions(4, crashes=0.1))
    assert rough.state == calm.state
    assert rough.epochs == calm.epochs
    assert rough.lost > 0
    assert rough.busy == pytest.approx(calm.busy + 0.5 * rough.lost)


def test_every_scheduler_meets_the_same_epochs(synthetic):
    table = synthetic()
    conditions = Conditions(1, spread=0.5)
    times = [
        simulate(full_training(table.searcher(), n, 27), table, 0, conditions).wall
        for n in (3, 4, 5)
    ]
    again = simulate(top_n(table.searcher(), 5, 27, epochs=26, places=5), table, 0, conditions)
    assert times[0] < times[1] < times[2]
    assert again.wall == pytest.approx(times[2])
    assert np.mean(times[2] / (5 * 27)) == pytest.approx(1, abs=0.3)


def test_stragglers_are_slow():
    table = Table("flat", tuple({"i": i} for i in range(300)), np.ones((300, 2)))
    scheduler = full_training(table.searcher(), 300, 2)
    plain = simulate(scheduler, table, 0)
    slowed = simulate(scheduler, table, 0, Conditions(stragglers=0.2, slowness=3))
    assert plain.wall == 600
    assert slowed.wall == pytest.approx(600 * 1.4, rel=0.1)


def test_diverged_trials_fail_and_are_counted():
    curves = np.array([[3.0, 2.0, 1.0], [2.0, math.nan, 0.0], [1.0, math.inf, 0.0]])
    table = Table("three", ({"i": 0}, {"i": 1}, {"i": 2}), curves)
    o = simulate(full_training(table.searcher(), 3, 3), table, 0)
    assert (o.failed, o.epochs, o.loss, table.diverged) == (2, 7, 1.0, 2)
    errors = [t.error for t in o.state.trials if t.error]
    assert sorted(errors) == ["epoch 2: the loss is inf", "epoch 2: the loss is nan"]


def test_wrong_stops_are_those_that_would_have_won():
    curves = np.array([[1.0, 5.0], [2.0, 4.0], [3.0, 3.0], [4.0, 9.0]])
    table = Table("crossing", tuple({"i": i} for i in range(4)), curves)
    scheduler = top_n(table.searcher(), 4, 2, epochs=1, places=1)
    o = simulate(scheduler, table, 0)
    assert (o.loss, o.wrong_stops) == (5.0, 2)
    mirrored = Table("mirrored", table.configurations, -curves)
    flipped = top_n(mirrored.searcher(), 4, 2, epochs=1, places=1, mode="maximise")
    assert simulate(flipped, mirrored, 0).wrong_stops == 2


def test_conditions_that_cannot_be_are_refused():
    for wrong in (
        {"workers": 0},
        {"spread": -1},
        {"slowness": 0.5},
        {"crashes": 1},
        {"stragglers": -0.1},
    ):
        with pytest.raises(ValueError, match=r"must|needed"):
            Conditions(**wrong)
