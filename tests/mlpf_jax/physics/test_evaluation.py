"""The protocol on events whose figures are known."""

import json

import numpy as np
import pytest

from datasets import jets, schema
from datasets.events import Samples, offsets_of
from mlpf_jax.physics import evaluation

pytest.importorskip("fastjet", reason="jets need the extra 'physics'")
ELEMENTS = 40
NAMES = ["calorimeter", "baseline", "mlpf", "target"]


def scaled(y, factor):
    out = y.copy()
    out[:, [schema.target("pt"), schema.target("energy")]] *= np.float32(factor)
    return out


@pytest.fixture(scope="module")
def samples():
    """Every element is a cluster, and a photon of the same momentum."""
    rng = np.random.default_rng(0)
    offsets = offsets_of(np.full(60, ELEMENTS))
    n = offsets[-1]
    pt, eta, phi = rng.exponential(4, n), rng.normal(0, 1, n), rng.uniform(-np.pi, np.pi, n)
    columns = {
        "pt": pt, "eta": eta, "sin_phi": np.sin(phi), "cos_phi": np.cos(phi),
        "energy": pt * np.cosh(eta),
    }  # fmt: skip
    X = np.zeros((n, schema.ELEMENT_WIDTH), np.float32)
    y = np.zeros((n, schema.TARGET_WIDTH), np.float32)
    X[:, schema.SHARED["elemtype"]] = schema.CLUSTER
    y[:, schema.target("PDG")] = schema.CLASSES.index("photon")
    for name, values in columns.items():
        X[:, schema.SHARED[name]] = y[:, schema.target(name)] = values
    truth = evaluation.row_momenta(y)
    table, _ = jets.cluster(truth.pt, truth.eta, truth.phi, truth.energy, offsets)
    met = jets.missing_pt(truth.pt * np.cos(truth.phi), truth.pt * np.sin(truth.phi), offsets)
    return Samples(offsets, X, y, scaled(y, 0.8), met, table, table)


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
