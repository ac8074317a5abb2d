"""What tuning gained, of real runs of next to no size; and bad input, in one line."""

import json

import jax
import numpy as np
import pytest

from configs import tiny
from datasets import schema
from launch.claims.gain import changes, gain
from launch.shell.runs import RunError, working_in
from launch.tune import tune
from mlpf_jax.model.config import ModelConfig
from mlpf_jax.model.mlpf import MLPF
from mlpf_jax.training.checkpoint import save_model
from tests.launch.programs import refused


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """A run that looks tuned: a study of trials without a training, and a winner."""
    pytest.importorskip("pythia8mc", reason="simulation needs the extra 'physics'")
    pytest.importorskip("fastjet", reason="jets need the extra 'physics'")
    config = tiny.get_config()
    config.data.processes = ("ttbar",)
    config.data.workers = 1
    config.model.backbone, config.model.width, config.model.hidden = "mlp", 8, 8
    config.tune.objective = "tests.launch.claims.test_gain:make"
    config.tune.scheduler, config.tune.max_epochs, config.tune.workers = "hyperband", 2, 1
    config.fit.select, config.fit.calibrate = "loss", False
    folder = tmp_path_factory.mktemp("tuned")
    with working_in(folder, config) as run:
        tune(run)
    return folder


def make(settings):
    """Made in the worker: the highest learning rate wins."""

    def objective(trial):
        for _ in range(trial.first_epoch, trial.last_epoch):
            yield {"validation_loss": 1 / trial.configuration["train.learning_rate"]}

    return objective


@pytest.mark.soak
def test_both_sides_train_on_the_same_events_with_what_tuning_chose(tuned):
    found = gain(tuned, [101])
    before, after = (tuned / "gain" / "101" / side for side in ("before", "after"))
    configs = [json.loads((run / "config.json").read_text()) for run in (before, after)]
    best = json.loads((tuned / "best.json").read_text())["values"]
    differing = {
        key for key in configs[0]["train"] if configs[0]["train"][key] != configs[1]["train"][key]
    }
    assert differing == {name.removeprefix("train.") for name in best}
    assert configs[1]["train"]["learning_rate"] == best["train.learning_rate"]
    assert configs[0]["seed"] == configs[1]["seed"] == 101
    assert configs[0]["data"]["root"] == configs[1]["data"]["root"]
    assert found["epochs"] == found["epochs_hyperband"] == 7

    sides = found["seeds"]["101"]
    for run, side in ((before, "before"), (after, "after")):
        records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        lowest = min(record["validation_loss"] for record in records)
        assert sides[side]["validation_loss"] == lowest
    assert sides["before"] != sides["after"]
    assert found["loss_change"] == changes([sides])
    assert json.loads((tuned / "gain.json").read_text()) == found

    models = [(run / "model" / "arrays.npz").stat().st_mtime_ns for run in (before, after)]
    assert gain(tuned, [101]) == found  # again: nothing is trained anew
    assert models == [(r / "model" / "arrays.npz").stat().st_mtime_ns for r in (before, after)]


def test_the_change_is_a_mean_over_seeds():
    def seed(before, after):
        return {"before": {"validation_loss": before}, "after": {"validation_loss": after}}

    assert changes([seed(2.0, 1.0)]) == {"mean": -0.5, "error": None}
    found = changes([seed(2.0, 1.0), seed(4.0, 3.0)])
    assert found["mean"] == pytest.approx(-0.375)
    assert found["error"] == pytest.approx(0.125)


def test_fresh_seeds_are_fresh_and_runs_are_tuned(tuned, tmp_path):
    with pytest.raises(RunError, match=r"--seeds: 1 is what .* was tuned with"):
        gain(tuned, [101, 1])
    with working_in(tmp_path / "run", tiny.get_config()):
        pass
    with pytest.raises(RunError, match="was not tuned: there is no best"):
        gain(tmp_path / "run", [101])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--seeds=1.5"], ["--seeds=1.5: whole numbers"]),
        (["--process=ttbar,higgs"], ["--process", "higgs", "choose among"]),
        (["--own=nobody"], ["no model 'nobody'"]),
        (["--gnn=nowhere"], ["nowhere is no run"]),
        (["--page=nowhere/page.html"], ["cannot write nowhere/page.html"]),
    ],
)
def test_bad_input_is_one_line(launch, arguments, words):
    refused(launch("claims", *arguments), *words)


def test_a_model_of_hits_is_not_compared_with_those_of_clusters(launch, tmp_path):
    config = ModelConfig(
        elements="tracks_hits", backbone="mlp", width=8, hidden=8, head_width=8, sharing=False
    )
    X = np.zeros((1, 8, schema.ELEMENTS[config.elements].width), np.float32)
    variables = jax.jit(MLPF(config).init)(jax.random.key(0), X, np.ones((1, 8), bool))
    save_model(tmp_path / "model", config, variables)
    refused(launch("claims", f"--own={tmp_path}"), "a model of 'tracks_hits'")
