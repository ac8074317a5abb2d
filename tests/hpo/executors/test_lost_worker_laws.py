"""Which lost workers end a trial or a study: only so many in a row."""

from pathlib import Path

import pytest

from hpo.core.types import Completed, Failed, Job, Reported, WorkerLost
from hpo.executors.pool import MAX_LOSSES, ExecutorError
from hpo.executors.processes import ProcessExecutor

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def objectives(monkeypatch):
    monkeypatch.syspath_prepend(HERE)


def events_of(executor, job):
    """All that is heard of a job that is asked again when its worker dies."""
    heard, first = [], job.first_epoch
    executor.submit(job, 0)
    while not heard or not isinstance(heard[-1], Completed | Failed):
        for _, event, _ in executor.wait():
            heard.append(event)
            if isinstance(event, Reported):
                first = event.epoch
            elif isinstance(event, WorkerLost):
                again = Job(job.trial, job.configuration, first, job.last_epoch)
                executor.submit(again, heard.count(event))
    return heard


def test_losses_before_an_earlier_job_was_done_are_forgotten(tmp_path):
    deaths = {"deaths": MAX_LOSSES - 1}
    with ProcessExecutor("mortal_objectives:before_every_epoch", deaths, tmp_path, 1) as executor:
        for done in range(2):
            heard = events_of(executor, Job(0, {}, done, done + 1))
            lost = [WorkerLost(0)] * (MAX_LOSSES - 1)
            told = [Reported(0, done + 1, {"loss": 1 / (done + 1)}), Completed(0, done + 1)]
            assert heard == [*lost, *told]


def test_as_many_losses_in_a_row_as_may_be_end_the_trial(tmp_path):
    deaths = {"deaths": MAX_LOSSES}
    with ProcessExecutor("mortal_objectives:before_every_epoch", deaths, tmp_path, 1) as executor:
        heard = events_of(executor, Job(0, {}, 0, 1))
    assert heard[:-1] == [WorkerLost(0)] * (MAX_LOSSES - 1)
    assert isinstance(heard[-1], Failed)


def test_workers_that_die_unready_count_until_one_is_ready(tmp_path):
    """Every other worker dies as it starts, and more of them in all than may in a row."""
    settings = {"folder": str(tmp_path), "deaths": 1}
    with ProcessExecutor("mortal_objectives:hard_to_make", settings, tmp_path, 1) as executor:
        for trial in range(MAX_LOSSES):
            heard = events_of(executor, Job(trial, {}, 0, 1))
            assert heard[-1] == Completed(trial, 1)
    assert int((tmp_path / "started").read_text()) == 2 * MAX_LOSSES


def test_as_many_unready_workers_in_a_row_as_may_be_end_the_study(tmp_path):
    settings = {"folder": str(tmp_path), "deaths": MAX_LOSSES}
    with (
        ProcessExecutor("mortal_objectives:hard_to_make", settings, tmp_path, 1) as executor,
        pytest.raises(ExecutorError, match="die before they are ready"),
    ):
        events_of(executor, Job(0, {}, 0, 1))
