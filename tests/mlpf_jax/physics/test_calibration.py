"""When clusters become particles, and how large: by jets, and nothing else is touched."""

import numpy as np
import pytest

from datasets import schema
from mlpf_jax.physics import calibration
from mlpf_jax.physics.calibration import Calibration, Candidates
from mlpf_jax.physics.evaluation import measure_responses, row_momenta
from mlpf_jax.physics.response import summarise

pytest.importorskip("fastjet", reason="jets need the extra `physics`")
KIND = schema.target("PDG")
HADRON, PHOTON = calibration.KINDS


@pytest.fixture(scope="module")
def samples():
    pytest.importorskip("pythia8mc", reason="the simulation needs the extra `physics`")
    from datasets.simulation import simulate
    from datasets.truth.target import to_samples

    return to_samples(simulate("qq", 60, 3))


def shy(samples, bias, scale):
    """The truth, by a model whose neutral hadrons are `bias` too unlikely, and too small: one in
    two of them is missed. Beyond a bias of 0.45 noise is taken for neutral hadrons, each as large
    as the largest photon."""
    truth = np.asarray(samples.ytarget)
    rng = np.random.default_rng(0)
    logits = np.zeros((len(truth), len(schema.CLASSES)), np.float32)
    logits[np.arange(len(truth)), truth[:, KIND].astype(int)] = 5.0
    missed = (truth[:, KIND] == HADRON) & (rng.random(len(truth)) < 0.5)
    logits[missed, 0] = 5.0 + bias
    rows = truth.copy()
    nothing = truth[:, KIND] == 0
    rows[nothing] = truth[np.argmax(truth[:, schema.target("pt")] * (truth[:, KIND] == PHOTON))]
    logits[nothing, HADRON] = 5.0 - 0.45
    return Candidates(logits, calibration.scaled(rows, scale))


def widths_and_medians(samples, rows):
    truth = row_momenta(np.asarray(samples.ytarget))
    found = measure_responses(samples, {"rows": row_momenta(rows), "target": truth})
    of_jets = [summarise(found[f"{kind}_rows"]) for kind in ("jet", "wide")]
    return np.mean([(s.width, s.median) for s in of_jets], axis=0)


@pytest.mark.parametrize(("bias", "scale"), [(0.22, 0.93), (0.38, 1.06), (-1.0, 0.98)])
def test_what_was_missed_is_found_and_the_median_jet_is_right(samples, bias, scale):
    candidates = shy(samples, bias, scale)
    found = calibration.calibrate(samples, candidates)
    assert bias < found.hadron_bias < 0.45
    assert found.neutral_scale == pytest.approx(1 / scale, abs=0.01)
    rows = calibration.decided(candidates, found.hadron_bias, found.photon_bias)
    np.testing.assert_array_equal(rows[:, KIND], samples.ytarget[:, KIND])
    width, median = widths_and_medians(samples, calibration.scaled(rows, found.neutral_scale))
    assert median == pytest.approx(1, abs=1e-3)
    if bias > 0:
        before = calibration.decided(candidates, 0.0, 0.0)
        assert width < 0.9 * widths_and_medians(samples, before)[0]


def test_of_equal_jets_those_that_find_most(samples):
    """Neutral hadrons that are missed until 0.35, but too small for any jet to know."""
    candidates = shy(samples, -1.0, 1.0)
    small = np.flatnonzero(candidates.rows[:, KIND] == HADRON)[:5]
    for name in ("pt", "energy"):
        candidates.rows[small, schema.target(name)] = 1e-4
    candidates.logits[small, 0] = 5.35
    assert calibration.calibrate(samples, candidates).hadron_bias == 0.4


def test_decisions_are_those_of_biased_logits(samples):
    candidates = shy(samples, 0.2, 1.0)
    same = calibration.decided(candidates, 0.0, 0.0)
    np.testing.assert_array_equal(same[:, KIND], candidates.logits.argmax(-1))
    assert not same[same[:, KIND] == 0].any()
    more, fewer = (calibration.decided(candidates, b, 0.0) for b in (0.3, -9.0))
    counts = [(rows[:, KIND] == HADRON).sum() for rows in (more, same, fewer)]
    assert counts[0] > counts[1] > counts[2] == 0
    none = calibration.decided(candidates, 0.0, -9.0)
    assert not (none[:, KIND] == PHOTON).any()
    assert (none[:, KIND] == HADRON).sum() == counts[1]


def test_only_neutral_particles_are_scaled(samples):
    rows = np.asarray(samples.ytarget)
    found = calibration.scaled(rows, 1.1)
    neutral = np.isin(rows[:, KIND], calibration.KINDS)
    assert 0 < neutral.sum() < (rows[:, KIND] > 0).sum()
    assert [schema.CLASSES[k] for k in calibration.KINDS] == ["neutral hadron", "photon"]
    np.testing.assert_array_equal(found[~neutral], rows[~neutral])
    for name in schema.TARGET_FEATURES:
        factor = 1.1 if name in ("pt", "energy") else 1.0
        column = schema.target(name)
        np.testing.assert_allclose(found[neutral, column], factor * rows[neutral, column])


def test_what_no_factor_makes_right_is_left_alone(samples):
    right = shy(samples, -1.0, 1.0)
    assert calibration.calibrate(samples, right._replace(rows=np.zeros_like(right.rows))) is None
    halved = right.rows.copy()
    for name in ("pt", "energy"):
        halved[:, schema.target(name)] *= 0.5  # the tracks, too
    assert calibration.calibrate(samples, right._replace(rows=halved)) is None
    assert Calibration() == (0.0, 0.0, 1.0)
