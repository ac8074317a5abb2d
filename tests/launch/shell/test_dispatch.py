"""The dispatch log of a tuning that was not killed: every call of the annealer, once."""

import json
from pathlib import Path

import pytest


def make(settings):
    """Trials that fall at different rates; made in the worker."""

    def objective(trial):
        rate = trial.configuration["train.learning_rate"]
        for epoch in range(trial.first_epoch + 1, trial.last_epoch + 1):
            yield {"validation_loss": rate + epoch**-rate}

    return objective


@pytest.fixture
def run(tmp_path, monkeypatch):
    from configs import tiny
    from launch.shell.runs import Run

    monkeypatch.syspath_prepend(Path(__file__).parent)
    config = tiny.get_config()
    config.tune.objective = "test_dispatch:make"
    config.tune.qsvr.update(reads=5, sweeps=5)
    config.tune.workers = 1
    return Run(tmp_path, config)


def test_every_call_of_a_tuning_is_in_the_dispatch_log(run):
    from launch.shell.dispatch import KEPT, LOG
    from launch.tune import play

    summary = play(run, "tune")
    calls = [json.loads(line) for line in (run.folder / LOG).read_text().splitlines()]
    fitted = {(p.rung, p.epoch) for p in summary.predictions}
    assert len(calls) >= len(fitted) > 0
    assert {call["epochs"] for call in calls} == {epoch for _, epoch in fitted}
    for call in calls:
        assert set(call) <= set(KEPT)
        assert call["reads"] == 5
        assert call["curves"] >= run.config.tune.min_curves
    assert play(run, "tune") == summary  # from the log of the study: nobody is asked again
    assert len((run.folder / LOG).read_text().splitlines()) == len(calls)


def test_a_predictor_that_asks_no_annealer_leaves_no_log(run):
    from launch.shell.dispatch import LOG
    from launch.tune import play

    run.config.tune.predictor = "persistence"
    assert play(run, "tune").predictions
    assert not (run.folder / LOG).exists()
