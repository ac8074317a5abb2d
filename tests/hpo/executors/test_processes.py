"""Real worker processes, really killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hpo.core.types import Completed, Failed, Job, Reported, WorkerLost
from hpo.executors.pool import ExecutorError
from hpo.executors.processes import ProcessExecutor
from hpo.executors.worker import BEAT_S
from hpo.schedulers.halving import successive_halving
from hpo.space import Float, Space
from hpo.study.journal import Journal, read_journal
from hpo.study.run import run_study
from hpo.study.summary import summarise

HERE = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def objectives(monkeypatch):
    monkeypatch.syspath_prepend(HERE)


def run(folder, factory, settings=None, workers=2, **options):
    """Four trials for one epoch, the best two for another."""
    scheduler = successive_halving(Space({"x": Float(-1, 1)}), 4, 2, 2, rounds=2)
    with (
        Journal(folder / "study.db") as journal,
        ProcessExecutor(
            f"hpo_objectives:{factory}", settings or {}, folder, workers, **options
        ) as executor,
    ):
        return summarise(run_study(scheduler, executor, journal, seed=0))


def until(condition):
    """Wait for the condition; a minute without it is a failure."""
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("waited in vain")


def alive(pid):
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def epochs_trained(folder):
    """(trial, epoch, process) of every epoch that any worker trained."""
    return [
        (int(log.parent.name.removeprefix("trial-")), *map(int, line.split()[:2]))
        for log in sorted(folder.glob("trial-*/epochs.log"))
        for line in log.read_text().splitlines()
    ]


def test_trials_resume_from_their_checkpoints_in_reused_workers(tmp_path):
    summary = run(tmp_path, "checkpointed")
    trained = epochs_trained(tmp_path)
    assert sorted((t, e) for t, e, _ in trained) == sorted(
        (t.number, e) for t in summary.trials for e in range(1, t.epochs + 1)
    )
    assert len({process for *_, process in trained}) <= 2
    assert summary.epochs == 6


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        ("raises", "RuntimeError: two lines of trouble"),
        ("ends early", "ValueError: the objective ended after epoch 0 of 1"),
        ("is nan", "epoch 1: loss is nan"),
        ("is text", "epoch 1: loss is 'much', not a number"),
        ("no metric", "epoch 1: no metric 'loss' among accuracy"),
        ("always dies", "took 3 workers down with it, the last by SIGKILL"),
    ],
)
def test_a_trial_that_fails_is_recorded_and_the_study_goes_on(tmp_path, trouble, error):
    summary = run(tmp_path, "troublesome", {"1": trouble}, workers=1)
    failed = [t for t in summary.trials if t.status == "failed"]
    assert [t.number for t in failed] == [1]
    assert failed[0].error.startswith(error)
    assert summary.trials[summary.best].status == "completed"


def test_a_dead_worker_is_replaced_and_its_job_done(tmp_path):
    summary = run(tmp_path, "troublesome", {"2": "dies once"})
    assert summary == run(tmp_path / "calm", "troublesome")
    assert WorkerLost(2) in [entry.item for entry in read_journal(tmp_path / "study.db")[1]]


def test_losses_count_since_the_last_epoch(tmp_path):
    """Four workers are lost in turn, none without an epoch since the one before."""
    with ProcessExecutor(
        "hpo_objectives:troublesome", {"0": "dies before every third epoch"}, tmp_path, 1
    ) as executor:
        done, told = 0, []
        while not told or not isinstance(told[-1], Completed | Failed):
            if not told or isinstance(told[-1], WorkerLost):
                executor.submit(Job(0, {"x": 0.0}, done, 12), told.count(WorkerLost(0)))
            told += [each.event for each in executor.wait()]
            done = max((event.epoch for event in told if isinstance(event, Reported)), default=0)
    assert told[-1] == Completed(0, 12)
    assert told.count(WorkerLost(0)) == 4


def test_a_worker_that_is_slow_is_told_from_one_that_is_stopped(tmp_path):
    """Both are silent about epochs; one still says that it lives."""
    slow = {"epoch_seconds": 3 * BEAT_S}
    with ProcessExecutor(
        "hpo_objectives:checkpointed", slow, tmp_path, 2, silence_s=2 * BEAT_S
    ) as executor:
        executor.submit(Job(0, {"x": 0.0}, 0, 1), 0)
        executor.submit(Job(1, {"x": 0.0}, 0, 1), 0)
        until((tmp_path / "trial-0000").is_dir)
        os.kill(executor.workers[0].process.pid, signal.SIGSTOP)
        told = []
        while len(told) < 3:
            told += [each.event for each in executor.wait()]
    assert told[0] == WorkerLost(0)
    assert [type(event) for event in told[1:]] == [Reported, Completed]
    assert {event.trial for event in told[1:]} == {1}


def test_places_are_no_part_of_what_is_compared(tmp_path):
    factory = "hpo_objectives:environment"
    with ProcessExecutor(factory, {"a": 1}, tmp_path, 1, places={"run": "here"}) as executor:
        told = executor.description
    assert told == {"objective": factory, "settings": {"a": 1}, "seed": 0}
    with pytest.raises(ValueError, match=r"settings and places both have \['run'\]"):
        ProcessExecutor(factory, {"run": 1}, tmp_path, 1, places={"run": 2})


def test_every_worker_has_its_environment(tmp_path):
    environments = [{"WORKER_NUMBER": "3"}, {"WORKER_NUMBER": "5"}]
    with ProcessExecutor(
        "hpo_objectives:environment", {}, tmp_path, 2, environments=environments
    ) as executor:
        executor.submit(Job(0, {}, 0, 1), 0)
        executor.submit(Job(1, {}, 0, 1), 0)
        heard = []
        while len(heard) < 4:
            heard += [told.event for told in executor.wait()]
    losses = {e.trial: e.metrics["loss"] for e in heard if isinstance(e, Reported)}
    assert losses == {0: 3.0, 1: 5.0}


@pytest.mark.parametrize(
    ("factory", "complaint"),
    [
        ("hpo_objectives:broken", "ValueError: no such data set"),
        ("hpo_objectives:absent", 'is no "module:function"'),
        ("no_such_module:objective", 'is no "module:function"'),
    ],
)
def test_a_factory_that_cannot_work_ends_the_study(tmp_path, factory, complaint):
    with ProcessExecutor(factory, {}, tmp_path, 1) as executor:
        executor.submit(Job(0, {}, 0, 1), 0)
        with pytest.raises(ExecutorError, match=complaint):
            executor.wait()


@pytest.mark.parametrize("trouble", ["full disk", "full disk, in other words"])
def test_a_full_disk_ends_the_study_and_is_no_fault_of_the_trial(tmp_path, trouble):
    with ProcessExecutor("hpo_objectives:troublesome", {"0": trouble}, tmp_path, 1) as executor:
        executor.submit(Job(0, {"x": 0.0}, 0, 2), 0)
        with pytest.raises(ExecutorError, match="No space left on device"):
            executor.wait()


def driving(folder):
    """A process that plays a study, once its first trial has stopped to wait."""
    code = f"""
import sys
sys.path[:0] = [{str(HERE)!r}, {str(HERE.parents[1])!r}]
import hpo_objectives
hpo_objectives.drive({str(folder)!r}, waits_at=5)
"""
    # What a shell starts in the background ignores Ctrl-C, and so would what that starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    driver = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    until(lambda: any(folder.glob("trial-*/waiting")))
    return driver


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel of Linux")
def test_a_worker_that_was_stopped_ends_with_its_driver(tmp_path):
    """It reads nothing, so it is to be woken."""
    driver = driving(tmp_path)
    workers = {process for *_, process in epochs_trained(tmp_path)}
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    driver.kill()
    driver.wait()
    try:
        until(lambda: not any(map(alive, workers)))
    finally:
        for worker in filter(alive, workers):
            os.kill(worker, signal.SIGKILL)


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_driver_takes_its_workers_along_and_goes_on_later(tmp_path, blow):
    import hpo_objectives

    driver = driving(tmp_path)
    os.kill(driver.pid, blow)
    driver.wait()
    workers = {process for *_, process in epochs_trained(tmp_path)}
    until(lambda: not any(map(alive, workers)))
    _, entries = read_journal(tmp_path / "study.db")
    assert 0 < len(entries) < 150

    resumed = hpo_objectives.drive(tmp_path)
    assert resumed == hpo_objectives.drive(tmp_path / "uninterrupted")
    told = [entry.item for entry in read_journal(tmp_path / "study.db")[1]]
    assert any(isinstance(item, WorkerLost) for item in told)
    reported = [(i.trial, i.epoch) for i in told if isinstance(i, Reported)]
    assert len(set(reported)) == len(reported)
    # An epoch is trained twice only where its report was lost with the driver.
    assert len(epochs_trained(tmp_path)) - len(reported) < 8
