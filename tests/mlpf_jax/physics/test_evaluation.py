"""The protocol on events whose figures are known."""

import json

import numpy as np
import pytest

from datasets import schema
from mlpf_jax.physics import evaluation
from tests.mlpf_jax.physics.observed_events import photons, scaled

pytest.importorskip("fastjet", reason="jets need the extra 'physics'")
ELEMENTS = 40
NAMES = ["calorimeter", "baseline", "mlpf", "target"]


@pytest.fixture(scope="module")
def samples():
    return photons(np.full(60, ELEMENTS), scale=4.0, baseline=0.8)


def measured(samples, rows):
    responses = evaluation.measure_responses(samples, evaluation.reconstructions(samples, rows))
    return responses, evaluation.figures(samples, rows, responses)


def test_responses_follow_the_scale_of_what_is_reconstructed(samples):
    responses, found = measured(samples, scaled(samples.ytarget, 1.25))
    assert found["events"] == samples.events
    for group in ("jets", "wide_jets", "met"):
        assert list(found[group]) == NAMES
        expected = {"calorimeter": 1, "baseline": 0.8, "mlpf": 1.25, "target": 1}
        for name, scale in expected.items():
            assert found[group][name]["median"] == pytest.approx(scale, rel=1e-4)
            assert found[group][name]["width"] == pytest.approx(0, abs=1e-3)
    assert found["jets"]["target"]["matched"] == 1
    assert found["met"]["mlpf"]["jets"] == (responses["gen_met"] > evaluation.MET_MIN).sum()


def test_bins_of_pt_hold_all_jets(samples):
    """As JSON has them: the last bin has no end."""
    _, found = measured(samples, samples.ytarget)
    bins = json.loads(json.dumps(found["jets_by_pt"]))
    assert list(bins) == NAMES
    for name in NAMES:
        assert sum(b["jets"] for b in bins[name]) == found["jets"][name]["jets"]
        assert [b["pt"][0] for b in bins[name]] == list(evaluation.PT_EDGES)
        assert [b["pt"][1] for b in bins[name]] == [*evaluation.PT_EDGES[1:], None]
    assert bins["target"][0]["jets"] > 0


def test_a_model_that_reconstructs_nothing(samples):
    rows = np.zeros_like(samples.ytarget)
    responses = evaluation.measure_responses(samples, evaluation.reconstructions(samples, rows))
    assert np.isnan(responses["jet_mlpf"]).all()
    assert (responses["met_mlpf"] == 0).all()
    photons = evaluation.particle_rates(samples, rows)["photon"]
    assert (photons["true"], photons["efficiency"]) == (len(samples.X), 0)
    assert evaluation.particle_rates(samples, samples.ycand)["photon"]["efficiency"] == 1


def test_tracks_are_no_part_of_the_calorimeter(samples):
    X = samples.X.copy()
    X[::2, schema.SHARED["elemtype"]] = schema.TRACK
    seen = evaluation.calorimeter_momenta(X)
    assert (seen.pt[::2] == 0).all()
    assert (seen.energy[::2] == 0).all()
    np.testing.assert_array_equal(seen.pt[1::2], X[1::2, schema.SHARED["pt"]])
