"""Executors whose slots come and go, that cannot take a job now and then, or never again."""

import pytest

from hpo.core.types import Job, WorkerLost
from hpo.executors.inline import InlineExecutor
from hpo.executors.protocol import Unavailable
from hpo.schedulers.halving import full_training, hyperband
from hpo.searchers.bayesian import bayesian_search
from hpo.space import Float, Space
from hpo.study import run
from hpo.study.run import Unrecorded, run_study

SPACE = Space({"x": Float(0, 1)})
SCHEDULER = hyperband(SPACE, 8, 2)


def objective(trial):
    for epoch in range(trial.first_epoch + 1, trial.last_epoch + 1):
        yield {"loss": trial.configuration["x"] + 1 / epoch}


class Elastic(InlineExecutor):
    """Has as many slots as `counts` says, one number after another, again from the first; moves on
    to the next with everything that is heard. No job is begun beyond them."""

    def __init__(self, counts):
        super().__init__(objective)
        self._counts, self._now = counts, 0

    @property
    def slots(self):
        return self._counts[self._now % len(self._counts)]

    @slots.setter
    def slots(self, _):
        """The count of one that has always the same."""

    def submit(self, job, attempt):
        assert len(self._running) < self.slots
        super().submit(job, attempt)

    def wait(self):
        self._now += 1
        return super().wait() if self._running else []


class Refusing(InlineExecutor):
    """Cannot take the jobs whose numbers, in the order of their coming, `refuses` says."""

    def __init__(self, refuses, workers=3):
        super().__init__(objective, workers)
        self._refuses, self.asked = refuses, []

    def submit(self, job, attempt):
        self.asked.append((job.trial, attempt))
        if self._refuses(len(self.asked)):
            raise Unavailable("the queue is full")
        super().submit(job, attempt)


@pytest.fixture(scope="module")
def undisturbed():
    return run_study(SCHEDULER, InlineExecutor(objective), Unrecorded(), 3)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(run, "PAUSE_S", 0)


@pytest.mark.parametrize("counts", [(1, 4), (0, 2), (0, 0, 0, 5, 1), (3, 0, 1)])
def test_slots_come_and_go(undisturbed, counts):
    assert run_study(SCHEDULER, Elastic(counts), Unrecorded(), 3) == undisturbed


def test_a_study_that_is_over_waits_for_no_worker(undisturbed, memory):
    log = memory()
    run_study(SCHEDULER, InlineExecutor(objective), log, 3)
    assert run_study(SCHEDULER, Elastic((0,)), log, 3) == undisturbed


@pytest.mark.parametrize("workers", [1, 3])
def test_what_could_not_be_taken_is_asked_again(undisturbed, memory, workers):
    executor, log = Refusing(lambda number: number % 3 == 0, workers), memory()
    assert run_study(SCHEDULER, executor, log, 3) == undisturbed
    lost = [entry.item.trial for entry in log.kept if isinstance(entry.item, WorkerLost)]
    assert lost == [trial for trial, _ in executor.asked[2::3]]
    assert len(set(executor.asked)) == len(executor.asked)  # each with an attempt of its own


def test_an_executor_that_never_takes_anything_ends_the_study(memory):
    executor, log = Refusing(lambda number: number > 1, workers=2), memory()
    with pytest.raises(Unavailable, match="the queue is full"):
        run_study(SCHEDULER, executor, log, 3)
    # Two workers are asked for at once, and while the first job runs, once more with each event.
    assert run.PATIENCE <= len(executor.asked) <= 2 * run.PATIENCE + 5
    # Nothing that was trained is lost, and nothing that was asked is forgotten.
    assert run_study(SCHEDULER, InlineExecutor(objective), log, 3).trials[0].curve


def test_jobs_asked_together_are_written_together(memory):
    written = []

    class Watched(memory):
        def append(self, items):
            written.append([type(item) for item in items])
            super().append(items)

    run_study(full_training(SPACE, 50, 1), InlineExecutor(objective, 40), Watched(), 0)
    jobs = [kinds for kinds in written if Job in kinds]
    assert jobs[0] == [Job] * 40


def test_attempts_go_on_where_a_study_goes_on(memory):
    """What still trains for the driver before is never taken for a job of this one."""
    log, seen = memory(), []

    def stop(event, state):
        seen.append(event)
        if len(seen) == 9:
            raise KeyboardInterrupt

    first, second = (Refusing(lambda number: False) for _ in range(2))
    with pytest.raises(KeyboardInterrupt):
        run_study(SCHEDULER, first, log, 3, stop)
    run_study(SCHEDULER, second, log, 3)
    assert {trial for trial, _ in first.asked} & {trial for trial, _ in second.asked}
    assert not set(first.asked) & set(second.asked)


@pytest.mark.parametrize("workers", [2, 4, 7])
def test_a_prediction_holds_up_no_job_that_was_asked_before(workers):
    scheduler = hyperband_that_predicts()
    executor, asked, held = Refusing(lambda number: False, workers), [], []

    def ask(state):
        state, action = scheduler.ask(state)
        asked.extend([action] if isinstance(action, Job) else [])
        return state, action

    def predict(state, request):
        held.append(len(asked) - len(executor.asked))
        return scheduler.predict(state, request)

    run_study(scheduler._replace(ask=ask, predict=predict), executor, Unrecorded(), 1)
    assert set(held) == {0}


def hyperband_that_predicts():
    """Every configuration is an answer of the searcher, and so asked for between two jobs."""
    return hyperband(bayesian_search(SPACE), 8, 2)
