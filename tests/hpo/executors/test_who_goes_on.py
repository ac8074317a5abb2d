"""Which worker is given which trial: a runner that waits in one is nobody else's, if it can be."""

import random
from pathlib import Path
from types import SimpleNamespace

import pytest

import hpo
from hpo.core.types import Completed, Job
from hpo.executors.pool import Pool
from hpo.front.rules import may_ask_ahead
from tests.hpo.front import front_objectives as objectives


def worker():
    """One that is ready, and does what it is told when the test says so."""
    return SimpleNamespace(
        log=Path("log"), ready=True, job=None, attempt=0, heard=0.0, cancelled=False,
        slot=0, accepts=True, dead=False, blameless=False, cause="", send=lambda message: None,
        kill=lambda: None,
    )  # fmt: skip


class Scripted(Pool):
    """A pool whose workers end their jobs, or die, when a test says so."""

    def __init__(self, workers):
        super().__init__("module:factory", {}, "folder", workers, ahead=100)
        self.workers.extend(worker() for _ in range(workers))

    def start(self, index):
        return worker()

    def readable(self):
        return []

    def end(self, index):
        """The worker's job is done; what it was."""
        job = self.workers[index].job
        self.workers[index].job = None
        self._dispatch()
        return Completed(job.trial, job.last_epoch)


@pytest.mark.parametrize("seed", range(20))
def test_a_worker_takes_anothers_trial_only_rather_than_nothing(seed):
    """Held against what each worker had last. Nobody idles while a job waits; who is given a trial
    that another had has none of its own waiting, there is none of nobody's, and the other is busy.
    """
    dice = random.Random(seed)
    pool, had = Scripted(1 + seed % 3), {}
    for _ in range(200):
        before = [each.job for each in pool.workers]
        busy = [i for i, job in enumerate(before) if job is not None]
        what = dice.choice(["submit", "submit", "end", "end", "die"] if busy else ["submit"])
        if what == "submit":
            running = {job.trial for job in before if job} | {j.trial for j, _ in pool._queue}
            trial = dice.choice(sorted({*range(50)} - running)[:6])
            done = dice.randrange(4)
            waiting = [*pool._queue, (Job(trial, {}, done, done + 1), 0)]
            pool.submit(*waiting[-1])
        else:
            index, waiting = dice.choice(busy), list(pool._queue)
            if what == "end":
                pool.end(index)
            else:
                had = {trial: holder for trial, holder in had.items() if holder != index}
                pool._replace(pool.workers[index], [])
                pool._dispatch()
            before[index] = None
        given_now = {
            i: each.job for i, each in enumerate(pool.workers) if each.job and before[i] is None
        }
        queue = [job.trial for job, _ in pool._queue]
        assert not queue or all(each.job for each in pool.workers)
        for i, job in given_now.items():
            holder = had.get(job.trial)
            if holder != i:
                assert not [j.trial for j, _ in waiting if had.get(j.trial) == i]
            if holder not in (None, i):
                assert not [trial for trial in queue if trial not in had]
                assert pool.workers[holder].job is not None
        had |= {job.trial: i for i, job in given_now.items()}


def test_runners_that_wait_are_gone_on_with_where_they_wait(tmp_path):
    """In real workers: the same curves as with one worker, and of each round somebody goes on."""
    same = {
        "space": {"x": hpo.Float(0, 1)}, "max_epochs": 9, "scheduler": "hyperband", "seed": 1,
        "verbose": False, "resumable": False,
    }  # fmt: skip
    one = hpo.tune(objectives.forgetful, **same)
    two = hpo.tune(objectives.forgetful, **same, workers=2)
    assert [t.curve for t in two.trials] == [t.curve for t in one.trials]
    again = sum(trial.repeated > 0 for trial in two.trials)
    assert again < sum(trial.epochs > 1 for trial in two.trials)


def test_only_who_decides_at_barriers_is_asked_ahead():
    drawn = hpo.random_search(hpo.Space({"x": hpo.Float(0, 1)}))
    learning = hpo.bayesian_search(hpo.Space({"x": hpo.Float(0, 1)}))
    for scheduler in (hpo.hyperband, hpo.swift_improved, hpo.adaptive, hpo.swift_hyperband):
        assert may_ask_ahead(scheduler(drawn, 9), drawn)
        assert not may_ask_ahead(scheduler(learning, 9), learning)
    assert not may_ask_ahead(hpo.asynchronous_swift(drawn, 9), drawn)
    assert not may_ask_ahead(hpo.asynchronous_adaptive(drawn, 9), drawn)
    assert not may_ask_ahead(hpo.asha(drawn, 9, 9), drawn)
