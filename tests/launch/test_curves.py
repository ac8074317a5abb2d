"""python -m launch.curves: real trainings, seconds long, that end in a table."""

import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import hpo
from hpo.types import Trial
from launch.runs import RunError, working_in
from launch.trainings import digits, language, resuming

ROOT = Path(__file__).parents[2]


def small(name, folder, **changes):
    """A run of a recipe at next to no size."""
    from configs import curves_cnn9, curves_lstm

    config = {"lstm": curves_lstm, "cnn9": curves_cnn9}[name].get_config()
    config.tune.trials, config.tune.max_epochs = 2, 2
    if name == "lstm":
        config.text.update(train_characters=500, validation_windows=2, updates=1, length=4)
        config.model.width = 4
    else:
        config.digits.train_images = 32
        config.tune.space = (
            ("train.learning_rate", "log_float", 1e-3, 1e-1),
            ("train.dropout", "float", 0.0, 0.5),
        )
        config.model.width = 1
    config.update_from_flattened_dict(changes)
    with working_in(folder, config) as run:
        return run


def of(name):
    return {"lstm": language, "cnn9": digits}[name]


def losses(objective, folder, values, first, last):
    folder.mkdir(parents=True, exist_ok=True)
    trial = Trial(0, values, folder, first, last, 3)
    return [metrics["validation_loss"] for metrics in objective(trial)]


@pytest.fixture(scope="module", params=["lstm", "cnn9"])
def recipe(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    run = small(request.param, folder, **{"tune.max_epochs": 5})
    return of(request.param).make({"run": str(run.folder)})


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


def test_a_state_that_is_lost_is_made_again(recipe, tmp_path):
    whole = losses(recipe, tmp_path / "whole", VALUES, 0, 4)
    (tmp_path / "whole" / "4.npz").write_bytes(b"damaged")
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
    from configs import curves_lstm

    settings = curves_lstm.get_config().text
    text = language.load(settings)
    assert text.train.shape == (settings.train_characters,)
    assert text.validation.shape == (settings.validation_windows, settings.length + 1)
    settings.train_characters = 10**6
    with pytest.raises(ValueError, match="more than the"):
        language.load(settings)


COMMAND = [
    sys.executable, "-m", "launch.curves", "--config=configs/curves_lstm.py",
    "--config.text.train_characters=500", "--config.text.validation_windows=2",
    "--config.text.updates=1", "--config.text.length=4", "--config.model.width=4",
    "--config.tune.trials=3", "--config.tune.max_epochs=40",
]  # fmt: skip


def test_killed_it_goes_on_and_writes_the_table(tmp_path):
    """The program itself, killed with -9 in its first trials and started again."""
    run = tmp_path / "lstm"
    command = [*COMMAND, f"--run={run}"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as first:
        while not (run / "study.db").exists() or not _epochs(run):
            assert first.poll() is None, "it ended before it could be killed"
            time.sleep(0.05)
        os.kill(first.pid, signal.SIGKILL)
    assert not (run / "curves.csv.xz").exists()
    before = _epochs(run)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert "3 curves of 40 epochs, 0 diverged" in done.stdout
    table = hpo.read_table(run / "curves.csv.xz")
    assert table.curves.shape == (3, 40)
    assert set(table.configurations[0]) == {"train.learning_rate", "train.dropout"}
    assert 0 < before < 120
    assert _epochs(run) == 120  # none was trained twice
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert "made already" in again.stdout


def _epochs(run):
    return sum(isinstance(e.item, hpo.Reported) for e in hpo.read_journal(run / "study.db")[1])


def test_a_scheduler_that_stops_trials_makes_no_table(tmp_path):
    from launch.curves import make_curves

    with pytest.raises(RunError, match="needs every trial trained to the end"):
        make_curves(small("lstm", tmp_path, **{"tune.scheduler": "hyperband"}))
