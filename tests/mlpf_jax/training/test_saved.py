"""A model and a training that an earlier version saved open, and go on as they would have there.

`saved.tar.xz`: a model of width 4 with a graph network in all three stacks, its state after two
steps without weight decay, a batch, and what that version answered: its predictions, the loss of
the next step, and the norm of all parameters behind it.
"""

import tarfile
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from datasets.schema import Batch
from mlpf_jax.model.config import TrainConfig
from mlpf_jax.model.mlpf import MLPF
from mlpf_jax.model.statistics import Statistics
from mlpf_jax.training import checkpoint, train


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    with tarfile.open(Path(__file__).with_name("saved.tar.xz")) as file:
        file.extractall(folder, filter="data")
    arrays = {name: dict(np.load(folder / f"{name}.npz")) for name in ("batch", "answers")}
    return folder, Batch(**arrays["batch"]), arrays["answers"]


def test_a_saved_model_predicts_what_it_predicted(saved, quick):
    folder, batch, answers = saved
    config, variables = checkpoint.load_model(folder / "model")
    prediction = quick(MLPF(config).apply)(variables, batch.X, batch.segment)
    for name, values in prediction._asdict().items():
        if values is not None:
            np.testing.assert_allclose(values, answers[name], rtol=1e-4, atol=1e-4)


def test_a_saved_training_goes_on(saved, quick):
    folder, batch, answers = saved
    config, variables = checkpoint.load_model(folder / "model")
    neutral = Statistics(*(np.zeros_like(v) for v in variables["statistics"]["inputs"].values()))
    template = train.create_state(jax.random.key(1), config, TrainConfig(), neutral)
    state = checkpoint.restore_state(folder / "checkpoints", template)
    assert jax.tree.structure(dict(state.variables)) == jax.tree.structure(variables)
    jax.tree.map(np.testing.assert_array_equal, dict(state.variables), variables)
    after, metrics = quick(train.train_step)(state, batch)
    assert metrics["loss"] == pytest.approx(float(answers["next_loss"]), rel=1e-4)
    norm = jnp.linalg.norm(jax.flatten_util.ravel_pytree(after.params)[0])
    # Regions have given no gradient to tracks since.
    assert norm == pytest.approx(float(answers["next_norm"]), rel=1e-4)
