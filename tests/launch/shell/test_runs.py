"""A run that was begun long ago opens: what its configuration names is found where it is now."""

import importlib
import json

import pytest

from configs import curves_lstm
from launch.shell.checks import checked_study
from launch.shell.runs import MOVED, RunError, open_run, working_in

EARLIER = [
    ("launch.objective:make", "launch.objectives.particle_flow:make"),
    ("launch.trainings.digits:make", "launch.objectives.digits:make"),
    ("launch.trainings.language:make", "launch.objectives.language:make"),
]


def begun(folder, objective):
    """A run's folder as it was left, with its objective by this name."""
    with working_in(folder, curves_lstm.get_config()):
        pass
    stored = json.loads((folder / "config.json").read_text())
    stored["tune"]["objective"] = objective
    (folder / "config.json").write_text(json.dumps(stored))
    return folder


@pytest.mark.parametrize(("before", "now"), EARLIER)
def test_a_run_begun_with_an_objectives_earlier_name_goes_on(tmp_path, before, now):
    folder = begun(tmp_path, before)
    assert open_run(folder).config.tune.objective == now
    config = curves_lstm.get_config()
    config.tune.objective = now
    with working_in(folder, config) as run:
        assert run.config.tune.objective == now


def test_every_name_that_moved_is_an_objective_now():
    assert dict(EARLIER) == MOVED
    for now in MOVED.values():
        module, _, function = now.partition(":")
        assert callable(getattr(importlib.import_module(module), function))
    assert checked_study(curves_lstm.get_config())


def test_another_objective_is_another_configuration(tmp_path):
    folder = begun(tmp_path, "launch.trainings.digits:make")
    with pytest.raises(RunError, match=r"tune\.objective was 'launch\.objectives\.digits:make'"):
        working_in(folder, curves_lstm.get_config()).__enter__()
