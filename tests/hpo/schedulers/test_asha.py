"""ASHA against its published text, and how it ends where that text has no end."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.core.types import Completed, Failed, Finished, Job, Reported
from hpo.schedulers.asha import asha
from hpo.study.journal import Entry
from hpo.study.run import fold
from tests.hpo.schedulers import laws


def losses_of(table, job):
    return table.curves[job.configuration["row"]]


def play(scheduler, table, seed=0):
    """One worker; the jobs in the order in which they were asked, and the last state."""
    state, jobs = scheduler.init(seed), []
    while True:
        state, action = scheduler.ask(state)
        if isinstance(action, Finished):
            return state, jobs
        jobs.append(action)
        for epoch in range(action.first_epoch + 1, action.last_epoch + 1):
            report = Reported(action.trial, epoch, {"loss": losses_of(table, action)[epoch - 1]})
            state = scheduler.tell(state, report)
        state = scheduler.tell(state, Completed(action.trial, action.last_epoch))


def get_job(results, promoted, eta):
    """Algorithm 2 of the paper: trial and rung of the next promotion, if any.

    `results[k]` are the losses by trial that came to rung k, `promoted[k]` who was sent on.
    """
    for k in range(len(results) - 2, -1, -1):
        top = sorted(results[k], key=results[k].get)[: len(results[k]) // eta]
        promotable = [t for t in top if t not in promoted[k]]
        if promotable:
            return promotable[0], k
    return None


def test_promotion_is_the_published_algorithm(synthetic):
    table, eta, rungs = synthetic(), 3, (1, 3, 9, 27)
    _, jobs = play(asha(table.searcher(), 60, 27, eta), table)
    results, promoted = [{} for _ in rungs], [set() for _ in rungs]
    for job in jobs:
        expected = get_job(results, promoted, eta)
        if expected is None:
            assert (job.first_epoch, job.last_epoch) == (0, 1)
        else:
            assert (job.trial, job.last_epoch) == (expected[0], rungs[expected[1] + 1])
            promoted[expected[1]].add(job.trial)
        results[rungs.index(job.last_epoch)][job.trial] = losses_of(table, job)[job.last_epoch - 1]
    assert get_job(results, promoted, eta) is None
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


@settings(max_examples=40, deadline=None)
@given(
    trials=st.integers(1, 30),
    order=st.integers(0, 99),
    failures=st.sampled_from([0, 0.3, 0.8]),
    workers=st.integers(1, 5),
)
def test_who_is_stopped_is_out_once_somebody_came_to_the_end(trials, order, failures, workers):
    """And not before: until then the best that waits may have to be sent there."""
    scheduler = asha(laws.SPACE, trials, 9, 3, variant="stopping")
    seen = []

    def tell(state, event):
        seen.append(scheduler.tell(state, event))
        return seen[-1]

    laws.play(scheduler._replace(tell=tell), 0, order, failures, 0.1, workers)
    for state in seen:
        statuses = {trial.status for trial in state.trials}
        came = "completed" in statuses
        assert came == bool(state.rungs[-1].arrived)
        assert ("paused" if came else "not promoted") not in statuses


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


def published(scheduler, trials, rungs, eta, workers, order, failures):
    """The log of a study of Algorithm 2, which ends where it asks no more and knows no failures."""
    chance, log, running, done = random.Random(order), [], {}, {}
    results, promoted, waiting = [{} for _ in rungs], [set() for _ in rungs], [*range(trials)]
    proposed = [t.configuration for t in laws.play(scheduler, 0)[0].trials]
    while True:
        while len(running) < workers:
            following = get_job(results, promoted, eta)
            if following is not None:
                number, level = following
                promoted[level].add(number)
                goal = rungs[level + 1]
            elif waiting:
                number, goal = waiting.pop(0), rungs[0]
            else:
                break
            running[number] = goal
            log.append(Job(number, proposed[number], done.get(number, 0), goal))
        if not running:
            return log
        number = chance.choice(sorted(running))
        epoch = done.get(number, 0)
        if epoch == running[number]:
            value = laws.loss(number, proposed[number], epoch)
            results[rungs.index(running.pop(number))][number] = value
            log.append(Completed(number, epoch))
        elif epoch + 1 == laws.fails_at(number, failures):
            log.append(Failed(number, "diverged"))
            del running[number]
        else:
            done[number] = epoch + 1
            value = laws.loss(number, proposed[number], epoch + 1)
            log.append(Reported(number, epoch + 1, {"loss": value}))


@settings(max_examples=60, deadline=None)
@given(
    trials=st.integers(1, 40),
    workers=st.integers(1, 5),
    order=st.integers(0, 99),
    failures=st.sampled_from([0, 0.3, 0.8]),
    cut=st.floats(0, 1),
)
def test_a_study_of_the_published_rule_is_replayed_and_brought_to_its_end(
    trials, workers, order, failures, cut
):
    scheduler, rungs = asha(laws.SPACE, trials, 9, 3), (1, 3, 9)
    log = published(scheduler, trials, rungs, 3, workers, order, failures)
    fold(scheduler, [Entry(0.0, item) for item in log[: int(cut * len(log))]], 0)
    state, running = fold(scheduler, [Entry(0.0, item) for item in log], 0)
    assert not running
    while True:
        state, job = scheduler.ask(state)
        if isinstance(job, Finished):
            break
        for epoch in range(job.first_epoch + 1, job.last_epoch + 1):
            state = scheduler.tell(state, Reported(job.trial, epoch, {"loss": 1.0 / epoch}))
        state = scheduler.tell(state, Completed(job.trial, job.last_epoch))
    survivors = [t for t in state.trials if t.status != "failed"]
    assert {t.status for t in survivors} <= {"completed", "not promoted"}
    assert any(t.status == "completed" for t in survivors) == bool(survivors)


@settings(max_examples=60, deadline=None)
@given(
    trials=st.integers(1, 30),
    variant=st.sampled_from(["promotion", "stopping"]),
    failures=st.sampled_from([0, 0.3, 0.8]),
    order=st.integers(0, 99),
    workers=st.integers(1, 5),
)
def test_the_best_is_trained_to_the_end_where_anybody_can_be(
    trials, variant, failures, order, workers
):
    scheduler = asha(laws.SPACE, trials, 27, 3, variant=variant)
    state, finished, _, epochs = laws.play(scheduler, 0, order, failures, 0.1, workers)
    survivors = [t for t in state.trials if t.status != "failed"]
    assert (finished.best is None) == (not survivors)
    if survivors:
        assert epochs[finished.best] == 27


@pytest.mark.parametrize("workers", [1, 4])
def test_failed_trials_count_as_the_worst_of_their_rung(workers):
    """Of 27 trials 21 diverge in their first epoch: the other 6 are the best 9 of 27."""

    def study(sound):
        scheduler, running = asha(laws.SPACE, 27, 9, 3), []
        state = scheduler.init(0)
        while True:
            state, action = scheduler.ask(state)
            if isinstance(action, Job):
                running.append(action)
                if len(running) < workers:
                    continue
            elif isinstance(action, Finished):
                return state
            job = running.pop(0)
            if job.trial >= sound:
                state = scheduler.tell(state, Failed(job.trial, "diverged"))
                continue
            for epoch in range(job.first_epoch + 1, job.last_epoch + 1):
                report = Reported(job.trial, epoch, {"loss": float(job.trial)})
                state = scheduler.tell(state, report)
            state = scheduler.tell(state, Completed(job.trial, job.last_epoch))

    lengths = [len(t.curve) for t in study(sound=6).trials]
    assert lengths == [9, 9, 3, 3, 3, 3] + 21 * [0]
    assert len(study(sound=1).trials[0].curve) == 9
    assert {t.status for t in study(sound=0).trials} == {"failed"}
