"""One factor of neutral particles makes the jets right, and touches nothing else."""

import numpy as np
import pytest

from datasets import schema
from mlpf_jax.physics import calibration
from mlpf_jax.physics.evaluation import measure_responses, row_momenta
from mlpf_jax.physics.response import summarise

pytest.importorskip("fastjet", reason="jets need the extra `physics`")
KIND = schema.target("PDG")
CHARGED, NEUTRAL = (1, 4, 5), (2, 3)


@pytest.fixture(scope="module")
def samples():
    pytest.importorskip("pythia8mc", reason="the simulation needs the extra `physics`")
    from datasets.simulation import simulate
    from datasets.truth.target import to_samples

    return to_samples(simulate("qq", 60, 3))


def median(samples, rows):
    truth = row_momenta(np.asarray(samples.ytarget))
    found = measure_responses(samples, {"rows": row_momenta(rows), "target": truth})
    return np.mean([summarise(found[f"{kind}_rows"]).median for kind in ("jet", "wide")])


@pytest.mark.parametrize("wrong", [0.9, 1.0, 1.08])
def test_the_median_jet_becomes_right(samples, wrong):
    """The truth, its neutral particles too small or too large, is brought back."""
    rows = calibration.scaled(np.asarray(samples.ytarget), wrong)
    factor = calibration.neutral_scale(samples, rows)
    assert median(samples, calibration.scaled(rows, factor)) == pytest.approx(1, abs=1e-3)
    assert factor == pytest.approx(1 / wrong, abs=0.02)


def test_only_neutral_particles_are_scaled(samples):
    rows = np.asarray(samples.ytarget)
    found = calibration.scaled(rows, 1.1)
    neutral = np.isin(rows[:, KIND], NEUTRAL)
    assert neutral.any()
    assert np.isin(rows[:, KIND], CHARGED).any()
    assert [schema.CLASSES[k] for k in NEUTRAL] == ["neutral hadron", "photon"]
    np.testing.assert_array_equal(found[~neutral], rows[~neutral])
    for name in schema.TARGET_FEATURES:
        factor = 1.1 if name in ("pt", "energy") else 1.0
        column = schema.target(name)
        np.testing.assert_allclose(found[neutral, column], factor * rows[neutral, column])


def test_what_no_factor_makes_right_is_left_alone(samples):
    rows = np.asarray(samples.ytarget).copy()
    assert calibration.neutral_scale(samples, np.zeros_like(rows)) is None
    for name in ("pt", "energy"):
        rows[:, schema.target(name)] *= 0.5  # the tracks, too
    assert calibration.neutral_scale(samples, rows) is None
