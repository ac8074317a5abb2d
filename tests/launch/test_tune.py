"""python -m launch.tune: what workers say that cannot be is counted and shown."""

from pathlib import Path

import pytest

import hpo
from launch.shell.runs import Run
from launch.tune import play


def make(settings):
    """Trials without a training; made in the worker."""

    def objective(trial):
        for epoch in range(trial.first_epoch + 1, trial.last_epoch + 1):
            yield {"validation_loss": trial.configuration["train.learning_rate"] + 1 / epoch}

    return objective


class Stammering(hpo.ProcessExecutor):
    """Tells every event twice."""

    def wait(self):
        return [event for event in super().wait() for _ in range(2)]


@pytest.fixture
def run(tmp_path, monkeypatch):
    from configs import tiny

    monkeypatch.syspath_prepend(Path(__file__).parent)
    config = tiny.get_config()
    config.tune.objective = "test_tune:make"
    config.tune.scheduler = "hyperband"
    return Run(tmp_path, config)


def test_events_that_were_refused_are_counted(run, monkeypatch, capsys):
    monkeypatch.setattr(hpo, "ProcessExecutor", Stammering, raising=False)
    summary = play(run, "tune")
    shown = capsys.readouterr().out
    told = len([e for e in hpo.read_journal(run.folder / "study.db")[1] if _is_event(e.item)])
    assert f"  refused, for they could not be: {told} events, the first Reported(" in shown
    assert f", {told} events refused" in shown
    monkeypatch.undo()
    monkeypatch.syspath_prepend(Path(__file__).parent)
    assert play(run, "tune") == summary
    assert "refused" not in capsys.readouterr().out


def test_a_run_may_be_moved_and_keeps_its_objective(run, tmp_path):
    summary = play(run, "tune")
    header, _ = hpo.read_journal(run.folder / "study.db")
    assert header["executor"] == {"objective": "test_tune:make", "settings": {}, "seed": 1}
    moved = tmp_path / "moved"
    moved.mkdir()
    (run.folder / "study.db").rename(moved / "study.db")
    assert play(Run(moved, run.config), "tune") == summary
    run.config.tune.objective = "test_dispatch:make"
    with pytest.raises(hpo.JournalError, match=r"executor\.objective: \"test_tune:make\", now"):
        play(Run(moved, run.config), "tune")


def _is_event(item):
    return isinstance(item, hpo.Reported | hpo.Completed | hpo.Failed | hpo.WorkerLost)
