"""python -m launch.curves: real trainings, seconds long, that end in a table."""

import importlib
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

import hpo
from hpo.core.types import Trial
from launch.curves import checked_recipe, make_curves
from launch.objectives import digits, language, resuming
from launch.shell.checks import checked, checked_study
from launch.shell.runs import RunError, working_in

ROOT = Path(__file__).parents[2]


SMALL = {
    "lstm": {
        "text.train_characters": 500,
        "text.validation_windows": 2,
        "text.updates": 1,
        "text.length": 4,
        "model.width": 4,
        "tune.trials": 60,
        "tune.max_epochs": 5,
    },
    "cnn5": {
        "digits.train_images": 32,
        "model.width": 1,
        "tune.max_epochs": 5,
        "tune.space": (("train.learning_rate", "log_float", 1e-3, 1e-1),),
    },
}
OF = {"lstm": language, "cnn5": digits}


def small(name, **changes):
    """A recipe at next to no size."""
    config = importlib.import_module(f"configs.curves_{name}").get_config()
    config.update_from_flattened_dict(SMALL[name] | changes)
    return config


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A run of each recipe; its programs are compiled quickly, and slow."""
    made = {name: tmp_path_factory.mktemp(name) for name in SMALL}
    for name, folder in made.items():
        with working_in(folder, small(name)):
            pass
    jax.config.update("jax_disable_most_optimizations", True)
    yield made
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture(scope="module", params=list(SMALL))
def recipe(request, folders):
    return OF[request.param].make({"run": str(folders[request.param])})


def losses(objective, folder, values, first, last):
    folder.mkdir(parents=True, exist_ok=True)
    trial = Trial(0, values, folder, first, last, 3)
    return [metrics["validation_loss"] for metrics in objective(trial)]


VALUES = {"train.learning_rate": 0.05, "train.dropout": 0.2}


def test_a_trial_goes_on_as_if_it_had_not_stopped(recipe, tmp_path):
    whole = losses(recipe, tmp_path / "whole", VALUES, 0, 5)
    first = losses(recipe, tmp_path / "parts", VALUES, 0, 2)
    second = losses(recipe, tmp_path / "parts", VALUES, 2, 4)
    assert [path.stem for path in (tmp_path / "parts").glob("*.npz")] == ["4"]
    # a worker was killed after epoch 4 was kept, and before it was reported
    again = losses(recipe, tmp_path / "parts", VALUES, 3, 4)
    last = losses(recipe, tmp_path / "parts", VALUES, 4, 5)
    assert first + second + last == whole
    assert again == second[1:]
    assert len(set(whole)) == 5
    assert not list((tmp_path / "whole").glob("*.npz")), "nothing follows on the horizon"


@pytest.mark.parametrize("content", [b"damaged", b""])
def test_a_state_that_is_lost_is_made_again(recipe, tmp_path, content):
    whole = losses(recipe, tmp_path / "whole", VALUES, 0, 4)
    (tmp_path / "whole" / "4.npz").write_bytes(content)
    assert losses(recipe, tmp_path / "none", VALUES, 3, 4) == whole[3:]
    state = losses(recipe, tmp_path / "whole", VALUES, 4, 5)
    assert state == losses(recipe, tmp_path / "none", VALUES, 4, 5)


def test_a_training_that_diverges_fails_by_name(recipe, tmp_path):
    with pytest.raises(resuming.Diverged, match="diverged in epoch 1"):
        losses(recipe, tmp_path, VALUES | {"train.learning_rate": math.nan}, 0, 2)


def test_wrong_labels_are_the_share_asked_for_and_only_in_training():
    right, wrong = digits.load(800, 0.0), digits.load(800, 0.5)
    share = np.mean(np.asarray(right.labels) != np.asarray(wrong.labels))
    assert share == pytest.approx(0.5 * 0.9, abs=0.06)  # a tenth of the draws are right by chance
    assert (right.validation_labels == wrong.validation_labels).all()
    assert len(right.labels) + len(right.validation_labels) == 1797


def test_texts_to_train_and_to_validate_do_not_overlap():
    settings = importlib.import_module("configs.curves_lstm").get_config().text
    text = language.load(settings)
    assert text.train.shape == (settings.train_characters,)
    assert text.validation.shape == (settings.validation_windows, settings.length + 1)
    settings.train_characters = 10**6
    with pytest.raises(ValueError, match="more than the"):
        language.load(settings)


@pytest.mark.soak
def test_killed_it_goes_on_and_writes_the_table(folders):
    """The program itself, killed with -9 in its first trials and started again."""
    run = folders["lstm"]
    changes = [f"--config.{path}={value}" for path, value in SMALL["lstm"].items()]
    command = [sys.executable, "-m", "launch.curves", "--config=configs/curves_lstm.py"]
    command += [f"--run={run}", *changes]
    quick = {"cwd": ROOT, "env": {**os.environ, "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, **quick) as first:
        while not _epochs(run):
            assert first.poll() is None, "it ended before it could be killed"
            time.sleep(0.05)
        os.kill(first.pid, signal.SIGKILL)
    assert not (run / "curves.csv.xz").exists()
    before = _epochs(run)
    _named_as_it_was(run)
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, **quick)
    assert done.returncode == 0, done.stderr
    assert "60 curves of 5 epochs, 0 diverged" in done.stdout
    table = hpo.read_table(run / "curves.csv.xz")
    assert table.curves.shape == (60, 5)
    assert set(table.configurations[0]) == {"train.learning_rate", "train.dropout"}
    assert 0 < before < 300
    assert _epochs(run) == 300
    content = (run / "curves.csv.xz").read_bytes()
    with working_in(run, small("lstm")) as again:
        make_curves(again)
    assert (run / "curves.csv.xz").read_bytes() == content


def _named_as_it_was(run):
    """The run as if it had been begun when the objective had another name."""
    config = (run / "config.json").read_text()
    assert config.count("launch.objectives.language:make") == 1
    earlier = config.replace("launch.objectives.language", "launch.trainings.language")
    (run / "config.json").write_text(earlier)


def _epochs(run):
    if not (run / "study.db").exists():
        return 0
    try:
        entries = hpo.read_journal(run / "study.db")[1]
    except hpo.JournalError:
        return 0  # it is being made
    return sum(isinstance(entry.item, hpo.Reported) for entry in entries)


def test_a_scheduler_that_stops_trials_makes_no_table(tmp_path):
    config = small("lstm", **{"tune.scheduler": "hyperband"})
    with pytest.raises(RunError, match="needs every trial trained to the end"):
        checked_recipe(config)


def test_a_study_whose_trials_all_fail_makes_no_table(tmp_path):
    space = (("train.learning_rate", "log_float", 1e30, 1e31),)
    config = small("lstm", **{"tune.trials": 2, "tune.space": space})
    with working_in(tmp_path, config) as run:
        with pytest.raises(RunError, match=r"every trial failed; the last one: .*diverged"):
            make_curves(run)
        assert not (run.folder / "curves.csv.xz").exists()


@pytest.mark.parametrize("path", ["seed", "tune.eta", "tune.max_epochs"])
def test_a_study_that_lacks_a_setting_begins_no_run(path):
    config = small("lstm", **{"tune.scheduler": "asha"})
    *parents, name = path.split(".")
    del (config[parents[0]] if parents else config)[name]
    with pytest.raises(RunError, match=rf"lacks .*'{name}'"):
        checked_study(config)


def test_a_training_of_its_own_is_for_studies_alone():
    config = small("lstm")
    assert checked_study(config) is config
    with pytest.raises(RunError, match="no data section"):
        checked(config)
    with pytest.raises(RunError, match="needs a data section"):
        checked_study(small("lstm", **{"tune.objective": "launch.objectives.particle_flow:make"}))


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("launch.objectives.language", "is no module:function"),
        ("launch.objectives.physics:make", "no module launch.objectives.physics"),
        ("nowhere.at_all:make", "no module nowhere.at_all"),
    ],
)
def test_an_objective_that_is_none_begins_no_run(name, complaint):
    config = small("lstm", **{"tune.objective": name})
    with pytest.raises(RunError, match=complaint):
        checked_study(config)
