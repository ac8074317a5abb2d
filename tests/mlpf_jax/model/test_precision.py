"""bfloat16 and recomputed layers give what float32 gives, for every backbone after a few steps.

Inputs, distances, sums and heads are float32 in any case, so only the layers are compared.
"""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from datasets import schema
from mlpf_jax.model.config import BACKBONES, ModelConfig
from mlpf_jax.model.heads import POSSIBLE
from mlpf_jax.model.mlpf import MLPF
from tests.soaked import soaked

SMALL = {
    "width": 32, "heads": 2, "hidden": 32, "layers_id": 1, "layers_regression": 0, "bin_size": 16,
    "distance_width": 8, "head_width": 16, "max_bins": 8, "neighbour_features": False,
    "sharing": False,
}  # fmt: skip
CONFIGS = {name: ModelConfig(backbone=name, **SMALL) for name in BACKBONES} | {
    "tiles": ModelConfig(**SMALL, binning="tiles"),
    "learned": ModelConfig(**SMALL, binning="learned", face_kernel=False),
    "published": ModelConfig(
        **SMALL | {"heads": 1}, form="published", binning="learned", face_kernel=False
    ),
}


def outputs_and_gradient(config, params, constants, batch):
    """Predictions, and the gradient of their mean squared distance to arbitrary values."""

    def loss(params):
        prediction = MLPF(config).apply({"params": params, **constants}, batch.X, batch.mask)
        here = batch.mask[..., None]
        flat = [jnp.where(here, x.reshape(*here.shape[:2], -1), 0) for x in prediction[2:7]]
        labels = [jnp.where(here & (x > -29), x, 0) for x in prediction[:2]]
        return sum(((x - 1) ** 2).mean() for x in (*flat, *labels)), prediction

    gradient, prediction = jax.grad(loss, has_aux=True)(params)
    return prediction, gradient


@pytest.fixture(scope="module")
def results(quick):
    return quick(outputs_and_gradient, static_argnums=0)


@pytest.fixture(scope="module", params=["gnn_lsh", "attention", *soaked(*list(CONFIGS)[2:])])
def exact(request, batch_of, state_of, results):
    """(config, parameters, constants, batch), and the outputs and gradient in float32."""
    config, batch = CONFIGS[request.param], batch_of([(20, 37), (12, 40)], 64)
    state = state_of(config, batch, seed=3)
    inputs = state.params, state.constants, batch
    return config, inputs, results(config, *inputs)


def flat(tree):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


def worst(got, expected, batch):
    """The largest difference on real elements, over the largest value, of any output."""
    possible = np.asarray(POSSIBLE["clusters"])[batch.X[..., 0].astype(int)]
    relative = []
    for name, a, b in zip(expected._fields, got, expected, strict=True):
        if b is None or name == "sharing":
            continue
        kept = batch.mask[..., None] & possible if name == "class_logits" else batch.mask
        a, b = np.asarray(a)[kept], np.asarray(b)[kept]
        relative.append(np.abs(a - b).max() / np.abs(b).max())
    return max(relative)


def test_bfloat16_is_within_two_percent(exact, results):
    config, inputs, (expected, gradient) = exact
    got, narrow_gradient = results(replace(config, precision="bfloat16"), *inputs)
    assert 0 < worst(got, expected, inputs[-1]) < 0.02
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves((got, narrow_gradient)))
    a, b = flat(gradient), flat(narrow_gradient)
    assert a @ b / (np.linalg.norm(a) * np.linalg.norm(b)) > 0.99


def test_recomputed_layers_give_the_same(exact, results):
    config, inputs, (expected, gradient) = exact
    got, same_gradient = results(replace(config, remat=True), *inputs)
    assert worst(got, expected, inputs[-1]) < 1e-5
    a, b = flat(gradient), flat(same_gradient)
    assert np.linalg.norm(a) > 0
    assert np.linalg.norm(a - b) <= 1e-5 * np.linalg.norm(a)


def test_a_saved_model_may_run_either_way():
    """How layers are computed is no part of what is saved: names and shapes are the same."""
    X = jax.ShapeDtypeStruct((1, 32, schema.ELEMENT_WIDTH), jnp.float32)
    mask = jax.ShapeDtypeStruct((1, 32), bool)
    key = jax.eval_shape(lambda: jax.random.key(0))
    plain, recomputed, narrow = (
        jax.eval_shape(MLPF(replace(CONFIGS["gnn_lsh"], **change)).init, key, X, mask)
        for change in ({}, {"remat": True}, {"precision": "bfloat16"})
    )
    assert plain == recomputed == narrow
