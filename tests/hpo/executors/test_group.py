"""Several processes that are one worker: they train what one trains, and are lost together."""

from pathlib import Path

import pytest

from hpo.core.types import Completed, Failed, Job, Reported, WorkerLost
from hpo.executors.inline import InlineExecutor
from hpo.executors.pool import ExecutorError
from hpo.executors.processes import ProcessExecutor
from hpo.executors.resources import Resources
from hpo.executors.worker import BEAT_S
from hpo.schedulers.halving import hyperband
from hpo.space import Float, Space
from hpo.study.journal import Journal, read_journal
from hpo.study.run import Unrecorded, run_study

HERE = Path(__file__).parent
SPACE = Space({"x": Float(-1, 1)})
PAIR = Resources(processes=2)


@pytest.fixture(autouse=True)
def objectives(monkeypatch):
    monkeypatch.syspath_prepend(HERE)


def groups(folder, workers=1, name="together", resources=PAIR, trouble=(), **options):
    settings = {"folder": str(folder), "trouble": dict(trouble)}
    work = f"grouped_objectives:{name}", settings, folder, workers
    return ProcessExecutor(*work, resources=resources, **options)


def heard_of(executor, job):
    """All that is heard of a job that is asked again when its worker is lost."""
    heard, first, attempt = [], job.first_epoch, 0
    while not executor.slots:
        executor.wait()
    executor.submit(job, attempt)
    while not heard or not isinstance(heard[-1], Completed | Failed):
        for _, event, _ in executor.wait():
            heard.append(event)
            first = event.epoch if isinstance(event, Reported) else first
            if isinstance(event, WorkerLost):
                attempt += 1
                while not executor.slots:
                    executor.wait()
                executor.submit(Job(job.trial, job.configuration, first, job.last_epoch), attempt)
    return heard


def test_a_study_of_groups_is_that_of_one_process_whoever_dies(tmp_path):
    """Of trials 2 and 5 the first and the second process die in the third epoch, where the first
    notices before the second is dead: each epoch stands in the log once, nobody is to blame."""
    import grouped_objectives

    scheduler = hyperband(SPACE, 4, 2)
    objective = grouped_objectives.together({"folder": str(tmp_path)})
    alone = run_study(scheduler, InlineExecutor(objective), Unrecorded(), 3)
    trouble = {"2": "0 dies", "5": "1 leaves"}
    with (
        groups(tmp_path / "study", 2, trouble=trouble, seed=3) as executor,
        Journal(tmp_path / "study.db") as journal,
    ):
        state = run_study(scheduler, executor, journal, 3)
    for trial, other in zip(state.trials, alone.trials, strict=True):
        assert list(trial.curve) == pytest.approx(list(other.curve))
    items = [entry.item for entry in read_journal(tmp_path / "study.db")[1]]
    epochs = [(item.trial, item.epoch) for item in items if isinstance(item, Reported)]
    assert len(set(epochs)) == len(epochs) == sum(len(t.curve) for t in alone.trials)
    lost = [item.trial for item in items if isinstance(item, WorkerLost)]
    assert sorted(lost) == [2, 5]
    assert not any(isinstance(item, Failed) for item in items)


@pytest.mark.soak
def test_one_that_is_stopped_stops_all(tmp_path):
    """The others say that they live, and wait for it."""
    with groups(tmp_path, trouble={"0": "1 stops"}, silence_s=3 * BEAT_S) as executor:
        heard = heard_of(executor, Job(0, {"x": 1.0}, 0, 3))
    assert [type(event) for event in heard].count(WorkerLost) == 1
    assert [event.epoch for event in heard if isinstance(event, Reported)] == [1, 2, 3]


def test_one_that_fails_alone_fails_the_trial_and_the_next_one_has_a_fresh_group(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("hpo.executors.group.VERDICT_S", 2 * BEAT_S)
    with groups(tmp_path, trouble={"0": "1 fails"}) as executor:
        heard = heard_of(executor, Job(0, {"x": 1.0}, 0, 3))
        assert heard[-1] == Failed(0, "ValueError: this trial cannot be")
        assert isinstance(heard_of(executor, Job(1, {"x": 1.0}, 0, 3))[-1], Completed)
    assert len(list(tmp_path.glob("met-2-1-*"))) == 2


def test_who_fails_behind_its_last_epoch_fails_the_trial_and_not_the_next(tmp_path):
    """Though the first process has told all that it had: the job ends when all of them say so."""
    with groups(tmp_path, trouble={"0": "1 falters"}) as executor:
        first = heard_of(executor, Job(0, {"x": 1.0}, 0, 2))
        second = heard_of(executor, Job(1, {"x": 1.0}, 0, 2))
    assert isinstance(first[-1], Failed)
    assert "behind its last epoch" in first[-1].error
    assert second[-1] == Completed(1, 2)


def test_a_cancelled_job_is_heard_of_no_more(tmp_path):
    with groups(tmp_path) as executor:
        while not executor.slots:
            executor.wait()
        executor.submit(Job(0, {"x": 1.0}, 0, 100_000), 0)
        executor.wait()
        executor.cancel(0)
        heard = heard_of(executor, Job(1, {"x": 1.0}, 0, 2))
    assert {event.trial for event in heard} == {1}


def test_what_trains_alone_is_refused(tmp_path):
    with (
        groups(tmp_path, name="alone") as executor,
        pytest.raises(ExecutorError, match=r"does not train in groups .* alone\.in_groups = True"),
    ):
        executor.wait()


def test_a_slot_whose_workers_die_unready_is_given_up_and_the_others_go_on(tmp_path):
    said = []
    settings = {"folder": str(tmp_path), "logs": ["0.log"]}
    work = "grouped_objectives:dies_unready", settings, tmp_path, 2
    with ProcessExecutor(*work, note=said.append) as executor:
        state = run_study(hyperband(SPACE, 4, 2), executor, Unrecorded(), 3)
    assert all(trial.curve for trial in state.trials)
    assert not any(trial.error for trial in state.trials)
    (line,) = said
    assert "worker 0 is given up: 3 in a row died before they were ready" in line
    assert "SIGKILL" in line
    assert "goes on with 1 worker" in line
    started = (tmp_path / "started").read_text().split()
    assert sorted(started) == ["0.log"] * 3 + ["1.log"]
