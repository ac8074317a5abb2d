"""Fast-Hyperband: its promotion of whom it stopped, and its doubt."""

import math

import numpy as np
import pytest

from hpo.core.types import Completed, Finished, Job, Predict, Reported
from hpo.forecasting import predictors
from hpo.schedulers.fast import _above, fast_hyperband
from hpo.schedulers.halving import hyperband


def play(scheduler, table, seed=0):
    """One worker; the jobs in the order in which they were asked, and the last state."""
    state, jobs = scheduler.init(seed), []
    while True:
        state, action = scheduler.ask(state)
        if isinstance(action, Finished):
            return state, jobs
        if isinstance(action, Predict):
            state = scheduler.tell(state, scheduler.predict(state, action))
            continue
        jobs.append(action)
        curve = table.curves[action.configuration["row"]]
        for epoch in range(action.first_epoch + 1, action.last_epoch + 1):
            report = Reported(action.trial, epoch, {"loss": curve[epoch - 1]})
            state = scheduler.tell(state, report)
        state = scheduler.tell(state, Completed(action.trial, action.last_epoch))


@pytest.mark.parametrize("unit", [1.0, 2.0**1000, 2.0**-1000, 2.0**1023])
def test_doubt_is_of_a_normal_variate_at_any_scale(unit):
    found = _above(0.9 * unit, 0.9 * unit, -0.9 * unit)
    assert found == pytest.approx(0.5 * math.erfc(-2 / math.sqrt(2)))
    assert _above(unit, 0.0, unit) == 0
    assert _above(unit, 0.0, 0.5 * unit) == 1


def test_fast_hyperband_promotes_whom_it_stopped_where_its_prediction_is_good(synthetic):
    table = synthetic()
    settings = {"min_curves": 4, "confidence": 0.3, "predictor": predictors.persistence()}
    scheduler = fast_hyperband(table.searcher(), 27, 2, **settings)
    state, jobs = play(scheduler, table, 1)
    _, plain = play(hyperband(table.searcher(), 27, 2), table, 1)
    epochs = [sum(j.last_epoch - j.first_epoch for j in them) for them in (jobs, plain)]
    assert epochs[0] < epochs[1]
    stopped = {p.trial for p in state.predictions if not p.continued}
    later = [t for t in stopped if state.trials[t].status != "stopped"]
    assert later
    for p in state.predictions:
        best = min(state.trials[t].curve[p.rung - 1] for t in _trained(state, p))
        assert p.threshold >= best - 1e-12


def _trained(state, prediction):
    return [t.number for t in state.trials if len(t.curve) >= prediction.rung]


def test_fast_hyperband_without_enough_curves_is_hyperband(synthetic):
    table = synthetic()
    state, jobs = play(fast_hyperband(table.searcher(), 27, 3), table)
    plain, same = play(hyperband(table.searcher(), 27, 3), table)
    assert jobs == same
    assert all(isinstance(job, Job) for job in jobs)
    assert np.array_equal([t.status for t in state.trials], [t.status for t in plain.trials])
