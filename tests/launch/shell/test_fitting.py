"""What a final training is asked is looked through before its run begins."""

import pytest
from ml_collections import ConfigDict

from configs import demo, tiny
from launch.shell import runs
from launch.shell.checks import checked
from launch.shell.fitting import Fitting, fitting_of

WRONG = {
    "fit.select": ("best", "choose among loss, jets, last"),
    "fit.patience": (-1, "at least 0"),
    "fit.accumulate": (0, "at least 1"),
    "fit.start": (
        "nowhere",
        "no model there; looked in nowhere, nowhere/model, runs/nowhere/model",
    ),
    "fit.frozen": (("heads", "head"), "no part 'head'; it has embedding, heads"),
    "data.weights": ((1.0, 2.0), "2 values for 1 process"),
    "train.optimiser": ("sgd", "adamw, lamb, lion, muon, schedule_free"),
    "train.ema": (1.0, r"in \[0, 1\)"),
}


@pytest.mark.parametrize("path", WRONG)
def test_a_configuration_that_cannot_work_is_refused_in_one_line(path):
    config, (value, word) = tiny.get_config(), WRONG[path]
    section, name = path.split(".")
    config[section][name] = value
    with pytest.raises(ValueError, match=word) as caught:
        checked(config)
    assert "\n" not in str(caught.value)


def test_parts_are_a_tuple():
    with pytest.raises(ValueError, match=r"write a tuple, \('heads',\)"):
        fitting_of(ConfigDict({"frozen": "heads"}))


def test_absent_values_are_those_of_older_runs():
    assert fitting_of(ConfigDict({"epochs": 3})) == Fitting()
    config = demo.get_config()
    assert config.fit.select == "jets"
    config.fit.select, config.fit.calibrate = "loss", False
    config.train.ema, config.train.energy_power = 0.0, 0.5
    assert fitting_of(config.fit) == Fitting()
    for path, before in runs.ADDED.items():
        *sections, name = path.split(".")
        at = config
        for section in sections:
            at = at[section]
        value = before if path == "tune.gpus" else at[name]  # today it is tune.resources
        assert (list(value) if isinstance(value, tuple) else value) == before, path
