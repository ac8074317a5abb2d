"""What an update does to each parameter of every model."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util

from datasets import schema
from mlpf_jax.model.config import BACKBONES, ModelConfig, TrainConfig
from mlpf_jax.model.mlpf import LAYERS_NAME, MLPF
from mlpf_jax.training import optimisation

# Stacks of one layer and of several, and maps outside of stacks: embedding and heads.
SMALL = {
    "width": 8, "layers_shared": 1, "layers_id": 2, "layers_regression": 3, "bin_size": 8,
    "max_bins": 4, "distance_width": 4, "hidden": 8, "head_width": 8, "random_features": 8,
    "heads": 2, "neighbour_features": False,
}  # fmt: skip
HASHES = ("learned", "face")  # with a codebook, and without
CONFIGS = {
    f"{backbone}-{binning}": ModelConfig(backbone=backbone, binning=binning, **SMALL)
    for backbone in BACKBONES
    for binning in HASHES
} | {
    f"published-{binning}": ModelConfig(
        form="published", binning=binning, face_kernel=False, **SMALL | {"heads": 1}
    )
    for binning in HASHES
}
ONE_AXIS = {
    "bias", "scale", "shift", "face_log_slope", "face_log_slope_0", "face_log_slope_1", "log_reach",
}  # fmt: skip


def parameters(config):
    X = jax.ShapeDtypeStruct((1, 16, schema.ELEMENT_WIDTH), jnp.float32)
    mask = jax.ShapeDtypeStruct((1, 16), bool)
    key = jax.eval_shape(lambda: jax.random.key(0))
    shapes = jax.eval_shape(MLPF(config).init, key, X, mask)["params"]
    rng = np.random.default_rng(0)
    return jax.tree.map(lambda leaf: rng.normal(size=leaf.shape).astype("f4"), shapes)


@pytest.mark.parametrize("name", CONFIGS)
def test_only_matrices_of_linear_maps_decay(name):
    """Where no gradient is, they shrink by rate times decay; all else stays, bit for bit."""
    before = parameters(CONFIGS[name])
    training = TrainConfig(0.5, weight_decay=0.5, warmup_steps=0, schedule="constant")
    nothing = jax.tree.map(np.zeros_like, before)
    after, *_ = optimisation.update(
        before, nothing, optimisation.init(before), optimisation.hyper(training), 0
    )
    kinds = set()
    before, after = (traverse_util.flatten_dict(tree) for tree in (before, after))
    for path, value in before.items():
        axes = value.ndim - (LAYERS_NAME in path)  # of one layer
        kinds.add((path[-1], axes))
        factor = 0.75 if axes == 2 else 1.0
        np.testing.assert_array_equal(after[path], factor * value, err_msg="/".join(path))
    assert {kind for kind, axes in kinds if axes == 2} == {"weight"}
    assert {kind for kind, axes in kinds if axes == 1} <= ONE_AXIS
    assert all(axes in (1, 2) for _, axes in kinds)


def test_a_schedule_warms_up_and_ends():
    step = np.arange(0, 120)
    for schedule, end in (("constant", 1.0), ("cosine", 0.0), ("linear", 0.0)):
        values = optimisation.hyper(TrainConfig(2.0, 0.0, 10, 100, schedule))
        rate = np.array([optimisation.learning_rate(values, s) for s in step]) / 2
        np.testing.assert_allclose(rate[:10], np.arange(1, 11) / 10, rtol=1e-6)
        np.testing.assert_allclose(rate[100:], end, atol=1e-6)
        np.testing.assert_allclose(rate[55], 1.0 if end else 0.5, rtol=1e-5)
