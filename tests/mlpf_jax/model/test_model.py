"""The options of a model: a predicted spread, heads of their own size."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from datasets import schema
from mlpf_jax.model import statistics
from mlpf_jax.model.config import ModelConfig, TrainConfig
from mlpf_jax.model.mlpf import MLPF
from mlpf_jax.training import train


def test_the_spread_is_two_more_columns_of_the_last_layer():
    def shapes(**options):
        config = ModelConfig(width=8, layers_id=1, layers_regression=1, bin_size=8, **options)
        X = jax.ShapeDtypeStruct((1, 8, schema.ELEMENT_WIDTH), jnp.float32)
        mask = jax.ShapeDtypeStruct((1, 8), bool)
        key = jax.eval_shape(lambda: jax.random.key(0))
        variables = jax.eval_shape(MLPF(config).init, key, X, mask)
        sizes = [leaf.size for leaf in jax.tree.leaves(variables["params"])]
        return sum(sizes), jax.eval_shape(MLPF(config).apply, variables, X, mask)

    plain, prediction = shapes()
    more, with_spread = shapes(spread=True)
    assert more - plain == 2 * (ModelConfig().head_width + 1)
    assert prediction.log_pt_spread is None
    assert with_spread.log_pt_spread.shape == with_spread.log_energy_spread.shape == (1, 8)


@pytest.mark.parametrize("backbone", ["attention", "favor"])
def test_heads_may_have_dimensions_of_their_own(backbone):
    """Those of their share are the default; others change the projections alone."""

    def parameters(**options):
        config = ModelConfig(
            backbone=backbone, width=16, heads=2, layers_id=1, layers_regression=0, **options
        )
        X = jax.ShapeDtypeStruct((1, 8, schema.ELEMENT_WIDTH), jnp.float32)
        mask = jax.ShapeDtypeStruct((1, 8), bool)
        key = jax.eval_shape(lambda: jax.random.key(0))
        variables = jax.eval_shape(MLPF(config).init, key, X, mask)
        jax.eval_shape(MLPF(config).apply, variables, X, mask)
        return sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))

    assert parameters(head_dims=8) == parameters()
    # query, key and value of 2 x 12 more, and the way back from the values
    assert parameters(head_dims=20) - parameters() == 3 * 24 * (16 + 1) + 24 * 16


def test_elements_keep_their_places_in_long_rows(batch_of, state_of, quick):
    """Each for itself, elements are to a model in a row of 50,000 what they are in short ones."""
    config = ModelConfig(
        backbone="mlp", width=4, hidden=4, layers_id=1, layers_regression=1, head_width=4,
        neighbour_features=False, sharing=False,
    )  # fmt: skip
    short = batch_of([(150, 350)] * 100, 500)
    state, predict = state_of(config, short), quick(train.predict_step)
    apart = predict(state, short.X, short.segment)
    together = predict(state, short.X.reshape(1, -1, short.X.shape[-1]), np.ones((1, 50_000), int))
    for a, b in zip(jax.tree.leaves(apart), jax.tree.leaves(together), strict=True):
        np.testing.assert_allclose(np.ravel(b), np.ravel(a), rtol=1e-5, atol=1e-5)


def test_a_training_with_spread_and_missing_momentum_learns(batch_of, quick):
    """On duplicated, empty and single-element events too, gradients are finite."""
    batch = batch_of([(10, 14), (0, 0), (1, 0), (5, 5)], 24)
    batch.X[3, :10], batch.ytarget[3, :10] = batch.X[3, 0], batch.ytarget[3, 0]
    config = ModelConfig(
        backbone="mlp", width=16, hidden=16, layers_id=1, layers_regression=1, head_width=16,
        neighbour_features=False, spread=True,
    )  # fmt: skip
    training = TrainConfig(
        learning_rate=1e-2, warmup_steps=0, schedule="constant", missing_weight=1.0
    )
    measured = statistics.measure(batch.X[batch.mask])
    state = train.create_state(jax.random.key(0), config, training, measured)
    history, step = [], quick(train.train_step)
    for _ in range(8):
        state, metrics = step(state, batch)
        history.append(metrics)
    assert all(np.isfinite(m["gradient_norm"]) for m in history)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state.params))
    for name in ("loss", "energy", "missing"):
        assert history[-1][name] < history[0][name]
