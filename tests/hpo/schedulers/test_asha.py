"""ASHA against its published text, and Fast-Hyperband's promotion of whom it stopped."""

import math

import numpy as np

from hpo.core.types import Completed, Finished, Job, Predict, Reported
from hpo.forecasting import predictors
from hpo.schedulers.asha import asha
from hpo.schedulers.fast import fast_hyperband
from hpo.schedulers.halving import hyperband


def losses_of(table, job):
    return table.curves[job.configuration["row"]]


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
        for epoch in range(action.first_epoch + 1, action.last_epoch + 1):
            report = Reported(action.trial, epoch, {"loss": losses_of(table, action)[epoch - 1]})
            state = scheduler.tell(state, report)
        state = scheduler.tell(state, Completed(action.trial, action.last_epoch))


def get_job(results, eta, rungs):
    """Algorithm 2 of the paper: `results[k]` are the losses by trial that came to rung k."""
    for k in range(len(rungs) - 2, -1, -1):
        top = sorted(results[k], key=results[k].get)[: len(results[k]) // eta]
        promotable = [t for t in top if t not in results[k + 1]]
        if promotable:
            return promotable[0], rungs[k + 1]
    return None


def test_promotion_is_the_published_algorithm(synthetic):
    table, eta, rungs = synthetic(), 3, (1, 3, 9, 27)
    _, jobs = play(asha(table.searcher(), 60, 27, eta), table)
    results = [{} for _ in rungs]
    for job in jobs:
        expected = get_job(results, eta, rungs)
        if expected is None:
            assert (job.first_epoch, job.last_epoch) == (0, 1)
        else:
            assert (job.trial, job.last_epoch) == expected
        results[rungs.index(job.last_epoch)][job.trial] = losses_of(table, job)[job.last_epoch - 1]
    assert get_job(results, eta, rungs) is None
    assert len(results[0]) == 60


def test_stopping_goes_on_while_among_the_best_so_far(synthetic):
    table, eta = synthetic(), 3
    state, jobs = play(asha(table.searcher(), 60, 27, eta, variant="stopping"), table)
    came = {1: [], 3: [], 9: [], 27: []}
    for before, job in zip([None, *jobs], jobs, strict=False):
        if job.first_epoch:  # whoever goes on does so at once, and was among the best third
            assert before.trial == job.trial
            seen = came[job.first_epoch]
            assert sorted(seen).index(seen[-1]) < max(len(seen) // eta, 1)
        came[job.last_epoch].append(losses_of(table, job)[job.last_epoch - 1])
    assert {trial.status for trial in state.trials} == {"completed", "not promoted"}
    assert len(came[1]) == 60


def test_a_promoted_trial_resumes_where_it_paused(synthetic):
    table = synthetic()
    _, jobs = play(asha(table.searcher(), 60, 27, 3), table)
    done = {}
    for job in jobs:
        assert job.first_epoch == done.get(job.trial, 0)
        done[job.trial] = job.last_epoch
    resumed = [i for i, job in enumerate(jobs) if job.first_epoch]
    assert any(jobs[i - 1].trial != jobs[i].trial for i in resumed)


def test_many_trials_keep_the_state_small_in_copies(synthetic):
    """A decision copies chunks, never everything: identity of what was not touched."""
    table = synthetic()
    scheduler = asha(table.searcher(), 3000, 27, 3)
    state = scheduler.init(0)
    for _ in range(2000):
        state, job = scheduler.ask(state)
        for epoch in range(job.first_epoch + 1, job.last_epoch + 1):
            state = scheduler.tell(state, Reported(job.trial, epoch, {"loss": math.sin(epoch)}))
        state = scheduler.tell(state, Completed(job.trial, job.last_epoch))
    after, _ = scheduler.ask(state)
    same = [a is b for a, b in zip(state.trials._root, after.trials._root, strict=True)]
    assert same.count(False) <= 1


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
