"""What holds for every backbone, and for the graph network with and without its geometry."""

import jax
import numpy as np
import pytest

from datasets import schema
from mlpf_jax.model.config import BACKBONES, ModelConfig, TrainConfig
from mlpf_jax.model.heads import Prediction, particles
from mlpf_jax.training import averaging, checkpoint, train
from tests.soaked import soaked

SMALL = {
    "width": 16, "layers_id": 1, "layers_regression": 1, "bin_size": 16, "distance_width": 8,
    "head_width": 16, "max_bins": 16,
}  # fmt: skip
# Without neighbour features elements see each other through messages alone.
CONFIGS = {
    name: ModelConfig(backbone=name, **SMALL, neighbour_features=name in ("gnn_lsh", "mlp"))
    for name in BACKBONES
} | {
    "gnn_lsh as published": ModelConfig(
        **SMALL, form="published", neighbour_features=False, face_kernel=False, binning="learned"
    )
}
SIZES = [(20, 37), (5, 9), (12, 40), (1, 0)]


TRAIN = TrainConfig(learning_rate=1e-2, warmup_steps=1, schedule="constant")


@pytest.fixture(scope="module")
def step(quick):
    return quick(train.train_step)


@pytest.fixture(scope="module")
def predict(quick):
    program = quick(train.predict_step)
    return lambda *values: [np.asarray(leaf) for leaf in jax.tree.leaves(program(*values))]


@pytest.fixture(scope="module")
def rows_of_particles(quick):
    return quick(particles)


DAILY = ("gnn_lsh", "gnn_lsh as published", "favor")
NAMES = [*DAILY, *soaked(*(name for name in CONFIGS if name not in DAILY))]


@pytest.fixture(scope="module", params=NAMES, ids=lambda name: name.replace(" ", "_"))
def trained(request, batch_of, state_of, step):
    """A state of any values and, a step later, another; and a batch of several events."""
    batch = batch_of(SIZES, 64)
    first = state_of(CONFIGS[request.param], batch, TRAIN)
    state, _ = step(first, batch)
    return first, state, batch


def assert_close(got, expected, tolerance):
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def test_padding_changes_nothing(trained, predict):
    _, state, batch = trained
    X = np.pad(batch.X, ((0, 0), (0, 64), (0, 0)))
    mask = np.pad(batch.mask, ((0, 0), (0, 64)))
    wide = [a[:, :64][batch.mask] for a in predict(state, X, mask)]
    assert_close(wide, [a[batch.mask] for a in predict(state, batch.X, batch.mask)], 1e-5)


def test_one_bin_needs_no_hash_and_gives_the_same(trained, predict):
    _, state, batch = trained
    if state.config != CONFIGS["gnn_lsh"]:
        pytest.skip("one law of the hash, one graph network")
    n, rows = SMALL["bin_size"], [1] * 4
    short = predict(state, batch.X[rows, :n], batch.mask[rows, :n])
    long = predict(state, batch.X[rows], batch.mask[rows])
    assert_close([a[:, :14] for a in short], [a[:, :14] for a in long], 1e-5)


def test_companions_change_nothing(trained, predict):
    _, state, batch = trained
    together = predict(state, batch.X, batch.mask)
    for event in range(len(SIZES)):
        rows = [event] * 4
        alone = predict(state, batch.X[rows], batch.mask[rows])
        mask = batch.mask[event]
        assert_close([a[0, mask] for a in alone], [a[event, mask] for a in together], 1e-5)


def test_equivariant_to_permutations(trained, predict):
    _, state, batch = trained
    order = np.random.default_rng(0).permutation(64)
    shuffled = predict(state, batch.X[:, order], batch.mask[:, order])
    mask = batch.mask[:, order]
    expected = [a[:, order][mask] for a in predict(state, batch.X, batch.mask)]
    assert_close([a[mask] for a in shuffled], expected, 1e-4)


def test_elements_see_each_other(trained, predict):
    _, state, batch = trained
    X = batch.X.copy()
    X[0, 40, 1:6] *= 3
    changed = predict(state, X, batch.mask)
    same = zip(changed, predict(state, batch.X, batch.mask), strict=True)
    others = max(np.delete(np.abs(a[0] - b[0]), 40, axis=0).max() for a, b in same)
    # The published layers have no other way than their messages.
    assert others > 1e-5


@pytest.mark.parametrize("case", ["duplicated", "empty", "single", "tracks only"])
def test_gradients_are_finite(trained, batch_of, step, case):
    _, state, batch = trained
    X, y, segment = batch.X.copy(), batch.ytarget.copy(), batch.segment.copy()
    if case == "duplicated":
        X[:], y[:] = X[0, 0], y[0, 0]
    if case == "empty":
        X[:], y[:], segment[:] = 0, 0, 0
    if case == "single":
        X[:, 1:], y[:, 1:], segment[:, 1:] = 0, 0, 0
    if case == "tracks only":
        batch = batch_of([(50, 0)] * 4, 64)
        X, y, segment = batch.X, batch.ytarget, batch.segment
    after, metrics = step(state, batch._replace(X=X, ytarget=y, segment=segment))
    assert np.isfinite(metrics["gradient_norm"])
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(after.params))


def test_no_negative_mass(trained, predict, rows_of_particles):
    _, state, batch = trained
    prediction = Prediction(*predict(state, batch.X, batch.mask)[:7])
    rows = np.asarray(rows_of_particles(prediction, batch.X, batch.mask), np.float64)
    column = {name: rows[..., schema.target(name)] for name in schema.TARGET_FEATURES}
    p = column["pt"] * np.cosh(column["eta"])
    assert (column["energy"] >= p * (1 - 1e-5)).all()
    found = column["PDG"] > 0
    assert found.any()
    np.testing.assert_allclose(np.hypot(column["sin_phi"], column["cos_phi"])[found], 1, rtol=1e-5)
    assert not rows[~found].any()
    assert not rows[~batch.mask].any()


def test_training_leaves_constants_alone(trained):
    first, state, _ = trained
    before, after = jax.tree.leaves(first.constants), jax.tree.leaves(state.constants)
    assert all((np.asarray(a) == np.asarray(b)).all() for a, b in zip(before, after, strict=True))
    before, after = jax.tree.leaves(first.params), jax.tree.leaves(state.params)
    assert any((a != np.asarray(b)).any() for a, b in zip(before, after, strict=True))


def test_a_saved_model_predicts_bit_for_bit(trained, predict, tmp_path):
    _, state, batch = trained
    checkpoint.save_model(tmp_path, state.config, state.variables)
    config, variables = checkpoint.load_model(tmp_path)
    assert config == state.config
    params = variables.pop("params")
    loaded = state.replace(average=averaging.start(params), constants=variables)
    expected, got = (predict(s, batch.X, batch.mask) for s in (state, loaded))
    assert all((a == b).all() for a, b in zip(got, expected, strict=True))
