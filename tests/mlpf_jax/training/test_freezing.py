"""Parts that are not trained, and a training that starts from a model."""

import jax
import numpy as np
import pytest

from mlpf_jax.model import statistics
from mlpf_jax.model.config import ModelConfig, TrainConfig
from mlpf_jax.training import freezing, train

MODEL = ModelConfig(
    backbone="mlp", width=8, layers_id=1, layers_regression=1, bin_size=8, hidden=8, head_width=8,
    max_bins=4, neighbour_features=False, sharing=False, binning="none",
)  # fmt: skip
TRAIN = TrainConfig(learning_rate=0.1, warmup_steps=0, weight_decay=0.5, ema=0.5)
KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def batch(batch_of):
    return batch_of([(3, 6), (2, 5)], 16)


def test_a_training_leaves_frozen_parts_as_they_are(batch, state_of, quick):
    trained = state_of(MODEL, batch, seed=7)
    other = statistics.measure(batch.X[0, :5])
    frozen = ("embedding", "identification")
    start = train.create_state(KEY, MODEL, TRAIN, other, frozen, trained.variables)
    jax.tree.map(np.testing.assert_array_equal, start.variables, trained.variables)
    state, step = start, quick(train.train_step)
    for _ in range(3):
        state, _ = step(state, batch)
    for part, before in trained.params.items():
        pairs = zip(*map(jax.tree.leaves, (before, state.params[part])), strict=True)
        changed = [bool((a != b).any()) for a, b in pairs]
        assert any(changed) == (part not in frozen), part
        if part in frozen:
            jax.tree.map(np.testing.assert_array_equal, state.variables["params"][part], before)


def test_a_part_is_a_path_from_its_beginning():
    assert freezing.is_frozen("heads/pt/weight", ["embedding", "heads/pt"])
    assert freezing.is_frozen("heads/pt/weight", ["heads"])
    assert not freezing.is_frozen("heads/pt/weight", ["head"])
    assert not freezing.is_frozen("heads/pt/weight", ["pt"])
    assert not freezing.is_frozen("heads/pt/weight", [])


def test_parts_that_cannot_be_frozen_are_refused(batch, state_of):
    variables = state_of(MODEL, batch).variables
    measured = statistics.measure(batch.X[batch.mask])
    with pytest.raises(ValueError, match=r"no part 'head'; it has embedding, heads, identif"):
        train.create_state(KEY, MODEL, TRAIN, measured, ["head"], variables)
    with pytest.raises(ValueError, match="nothing is left to train"):
        train.create_state(KEY, MODEL, TRAIN, measured, list(variables["params"]), variables)
