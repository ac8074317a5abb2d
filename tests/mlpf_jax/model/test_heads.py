"""From head outputs to predictions: spreads."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from datasets import schema
from mlpf_jax.model import heads
from mlpf_jax.model.config import ModelConfig

LABELS = len(schema.CLASSES) + len(schema.CHARGES)


@pytest.fixture(scope="module")
def case(batch_of):
    batch = batch_of([(4, 6), (3, 2)], 12)
    outputs = np.random.default_rng(0).normal(size=(2, 12, LABELS + 7)).astype(np.float32)
    return np.where(batch.mask[..., None], outputs, 0), batch


def test_a_spread_changes_nothing_else(case, quick):
    outputs, batch = case
    assemble, particles = quick(heads.assemble), quick(heads.particles)
    with_spread = assemble(outputs, batch.X)
    without = assemble(outputs[..., :-2], batch.X)
    assert without.log_pt_spread is without.log_energy_spread is None
    for name in without._fields[:-3]:
        np.testing.assert_array_equal(getattr(with_spread, name), getattr(without, name))
    np.testing.assert_array_equal(
        *(particles(p, batch.X, batch.mask) for p in (with_spread, without))
    )


def test_a_calibration_touches_clusters_alone(case, quick):
    outputs, batch = case
    config = ModelConfig(hadron_bias=0.25, photon_bias=-0.5, neutral_scale=1.5)

    @quick
    def both(outputs, X):
        plain = heads.assemble(outputs, X)
        return plain, heads.calibrated(plain, X, ModelConfig()), heads.calibrated(plain, X, config)

    plain, same, found = both(outputs, batch.X)
    jax.tree.map(np.testing.assert_array_equal, plain, same)
    is_cluster = batch.X[..., 0] == schema.CLUSTER
    assert 0 < is_cluster.sum() < batch.mask.sum()
    for name in ("log_pt", "log_energy"):
        expected = np.where(is_cluster, getattr(plain, name) + np.log(1.5), getattr(plain, name))
        np.testing.assert_allclose(getattr(found, name), expected, rtol=1e-6, atol=1e-6)
    bias = np.zeros(len(schema.CLASSES))
    bias[schema.CLASSES.index("neutral hadron")], bias[schema.CLASSES.index("photon")] = 0.25, -0.5
    expected = plain.class_logits + np.where(is_cluster[..., None], bias, 0)
    np.testing.assert_allclose(found.class_logits, expected, rtol=1e-6, atol=1e-6)
    for name in ("charge_logits", "eta", "sin_phi", "cos_phi"):
        np.testing.assert_array_equal(getattr(found, name), getattr(plain, name))


def test_spreads_stay_in_range_and_can_come_back(case, quick):
    outputs, batch = case
    assemble = quick(heads.assemble)
    for value in (-50.0, -3.0, 0.0, 3.0, 50.0):
        outputs[..., -2:] = value
        prediction = assemble(outputs, batch.X)
        for log_spread in (prediction.log_pt_spread, prediction.log_energy_spread):
            here = np.exp(np.asarray(log_spread)[batch.mask])
            assert ((here > 0.008) & (here < 1.3)).all()
            assert not np.asarray(log_spread)[~batch.mask].any()

    def spread(raw):
        values = jnp.asarray(outputs).at[..., -2].set(raw)
        return heads.assemble(values, batch.X).log_pt_spread.sum()

    slope = quick(jax.grad(spread))
    assert all(float(slope(raw)) > 0 for raw in (-8.0, 0.0, 8.0))


def test_the_range_of_spreads_is_as_documented():
    lowest, highest = (heads.LOG_SPREAD + s * heads.LOG_SPREAD_RANGE for s in (-1, 1))
    assert np.exp(lowest) == pytest.approx(0.1 / 12, rel=0.05)
    assert np.exp(highest) == pytest.approx(0.1 * 12, rel=0.05)


@pytest.mark.parametrize("momenta", ["residual", "free"])
def test_tracks_are_corrected_within_their_error(case, quick, momenta):
    """An output of one is 2% of a track's momentum, and a factor e of a cluster's."""
    _, batch = case
    outputs = np.zeros((2, 12, LABELS + 5), np.float32)
    outputs[..., LABELS] = 1.0
    prediction = quick(heads.assemble, static_argnums=2)(outputs, batch.X, momenta)
    is_track = batch.X[..., 0] == schema.TRACK
    of_tracks = heads.TRACK_CORRECTION * np.sinh(1.0) if momenta == "residual" else 1.0
    assert 0.02 < heads.TRACK_CORRECTION * np.sinh(1.0) < 0.03
    np.testing.assert_allclose(prediction.log_pt[is_track], of_tracks, rtol=1e-5)
    np.testing.assert_allclose(prediction.log_pt[batch.mask & ~is_track], 1.0, rtol=1e-5)


def test_what_tracks_leave_is_where_a_cluster_starts(case, quick):
    outputs, batch = case
    log_left = np.where(batch.X[..., 0] == schema.CLUSTER, -1.5, 0.0).astype(np.float32)
    plain, shifted = (
        quick(heads.assemble, static_argnums=2)(outputs[..., :-2], batch.X, "residual", log)
        for log in (0.0, log_left)
    )
    np.testing.assert_allclose(shifted.log_pt, plain.log_pt + log_left, atol=1e-6)


def test_energy_is_that_of_momentum_and_mass(case, quick):
    """A pion's mass on a track, next to none on a cluster, e times as much for an output of 1."""
    _, batch = case
    for output in (0.0, 1.0):
        outputs = np.zeros((2, 12, LABELS + 5), np.float32)
        outputs[..., LABELS + 1] = output
        prediction = quick(heads.assemble)(outputs, batch.X)
        p = batch.X[..., 1] * np.cosh(batch.X[..., 2])
        mass = np.where(batch.X[..., 0] == schema.TRACK, 0.14, 0.02) * np.exp(output)
        energy = batch.X[..., 5] * np.exp(np.asarray(prediction.log_energy))
        np.testing.assert_allclose(energy[batch.mask], np.hypot(p, mass)[batch.mask], rtol=1e-4)
