"""Figures of all reconstructions: laws, names, and nothing to count."""

import json

import numpy as np
import pytest

from datasets import samples as stored
from datasets import schema
from mlpf_jax.physics import comparison, observables
from mlpf_jax.physics.table import jet_columns
from tests.mlpf_jax.physics.observed_events import photons, scaled, table_of

pytest.importorskip("fastjet", reason="jets need the extra 'physics'")
NAMES = ["calorimeter", "baseline", "mlpf", "target", "oracle", "floor"]
JETS = ["jets_r04", "jets_r07", "jets_glow"]
FIGURES = {"entries", "matched", "median", "median_error", "width", "width_error"}


def smeared(samples, sigma, seed=3):
    noise = np.random.default_rng(seed).lognormal(0, sigma, len(samples.X))
    return scaled(samples.ytarget, noise)


def limits_of(samples, rows):
    return {name: table_of(rows, samples.offsets) for name in ("oracle", "floor")}


@pytest.fixture(scope="module")
def samples():
    return photons([30] * 80)


@pytest.fixture(scope="module")
def found(samples):
    floor = limits_of(samples, smeared(samples, 0.1))
    observed = observables.observe(samples, smeared(samples, 0.15), None, floor)
    return comparison.compare(observed, "zh")


def test_names_are_fixed(found):
    text = json.loads(json.dumps(found, allow_nan=False))
    assert text == found
    for group in (*JETS, "met", "visible", "dijet", "dijet_mass"):
        assert list(found[group]) == NAMES
        extra = {"jets", "fakes"} if group in JETS else set()
        for figures in found[group].values():
            assert set(figures) == FIGURES | extra
    assert found["events"] == 80
    for binned, label in (("jets_r07_by_pt", "pt"), ("jets_r07_by_angle", "angle")):
        for name in NAMES:
            assert (
                sum(b["entries"] for b in found[binned][name])
                == (found["jets_r07"][name]["entries"])
            )
            assert all(set(b) == FIGURES | {label} for b in found[binned][name])
    assert found["jets_r07_by_pt"]["mlpf"][0]["pt"] == [15.0, 20.0]
    assert found["jets_r07_by_pt"]["mlpf"][-1]["pt"] == [200.0, None]
    assert found["jets_r07_by_angle"]["mlpf"][-1]["angle"] == [0.9, 1.0]
    assert found["pulls"] is None
    assert set(found["particles"]) == {"baseline", "mlpf"}


def test_who_smears_less_is_narrower(found):
    for group in JETS:
        widths = [found[group][name]["width"] for name in ("target", "floor", "mlpf", "baseline")]
        assert widths == sorted(widths)
        assert 0.2 < found["closed"][group]["share"] < 0.9
        assert 0 < found["closed"][group]["error"] < 0.5


def test_a_model_of_perfect_targets_has_the_figures_of_the_target(samples):
    observed = observables.observe(samples, samples.ytarget)
    found = comparison.compare(observed, "ww")
    for group in (*JETS, "met", "visible", "dijet"):
        assert found[group]["mlpf"] == found[group]["target"]
        assert found["closed"][group] is None  # nobody knows the floor
    assert found["jets_r04"]["mlpf"]["width"] == pytest.approx(0, abs=1e-3)
    assert found["jets_r04"]["mlpf"]["fakes"] == 0
    photon = found["particles"]["mlpf"]["rates"]["photon"]
    assert (photon["efficiency"], photon["same_class"], photon["fake"]) == (1, 1, 0)


@pytest.mark.parametrize(("like", "share"), [("baseline", 0), ("floor", 1)])
def test_the_gap_is_closed_by_who_stands_on_the_floor(samples, like, share):
    best = smeared(samples, 0.05)
    rows = {"baseline": samples.ycand, "floor": best}[like]
    observed = observables.observe(samples, rows, None, limits_of(samples, best))
    closed = comparison.compare(observed, "qq")["closed"]
    for group in (*JETS, "visible"):
        assert closed[group]["share"] == pytest.approx(share, abs=1e-9)
        assert closed[group]["error"] == pytest.approx(0, abs=1e-9)


def test_only_processes_with_a_peak_have_dijets(samples):
    observed = observables.observe(samples, samples.ytarget)
    assert "dijet" not in comparison.compare(observed, "ttbar")
    near = np.abs(observed["events"]["mass"] - comparison.PEAKS["zh"]) < comparison.PEAK_WINDOW
    found = comparison.compare(observed, "zh")
    assert found["dijet"]["mlpf"]["entries"] == near.sum() > 0
    mass = observed["events"]["mass_mlpf"][near]
    assert found["dijet_mass"]["mlpf"]["median"] == pytest.approx(np.median(mass))


def test_energy_of_particles_by_class_and_pt(samples):
    kinds = samples.ytarget.copy()
    kinds[::2, schema.target("PDG")] = schema.CLASSES.index("neutral hadron")
    labelled = stored.take(samples, np.arange(samples.events))
    labelled = type(labelled)(**{**labelled.__dict__, "ytarget": kinds})
    rows = scaled(kinds, np.where(np.arange(len(kinds)) % 2, 1.5, 0.5))
    of_mlpf = comparison.compare(observables.observe(labelled, rows), "qq")["particles"]["mlpf"]
    for name, scale in (("photon", 1.5), ("neutral hadron", 0.5)):
        bins = of_mlpf["energy"][name]
        assert sum(b["entries"] for b in bins) == of_mlpf["rates"][name]["true"] > 0
        for b in bins:
            assert b["median"] is None or b["median"] == pytest.approx(scale)
    assert [b["median"] for b in of_mlpf["energy"]["muon"]] == [None] * 8
    assert of_mlpf["rates"]["muon"]["efficiency"] is None
    assert np.sum(of_mlpf["confusion"]) == len(kinds)


def test_right_spreads_have_pulls_of_width_one(samples):
    rows = smeared(samples, 0.2)
    for factor in (1.0, 2.0):
        spreads = np.full((len(rows), 2), 0.2 * factor, np.float32)
        observed = observables.observe(samples, rows, spreads=spreads)
        for pulls in comparison.compare(observed, "qq")["pulls"].values():
            assert pulls["entries"] == len(rows)
            assert pulls["mean"] == pytest.approx(0, abs=0.1)
            assert pulls["width"] == pytest.approx(1 / factor, rel=0.1)


def test_nothing_to_count_is_none(samples):
    """Events without jets, missing pt or particles of most classes; and no event at all."""
    soft = photons([3, 0, 2], scale=0.1)
    for few in (soft, stored.take(soft, np.arange(0))):
        limits = limits_of(few, few.ytarget)
        observed = observables.observe(few, few.ytarget, None, limits)
        found = comparison.compare(observed, "zh")
        json.dumps(found, allow_nan=False)
        for group in (*JETS, "met", "dijet"):
            assert found[group]["mlpf"]["entries"] == 0
            assert found[group]["mlpf"]["width"] is found[group]["mlpf"]["matched"] is None
            assert found["closed"][group]["share"] is None
        assert found["jets_r04"]["mlpf"]["fakes"] is None
        assert jet_columns(observed)["pt"].size == 0


def test_jets_as_columns(samples):
    observed = observables.observe(samples, samples.ytarget)
    columns = jet_columns(observed)
    assert list(columns)[:5] == ["event", "radius", "pt", "eta", "energy"]
    narrow, wide = (columns["radius"] == radius for radius in (0.4, 0.7))
    assert (narrow | wide).all()
    for which, group in ((narrow, "jets_r04"), (wide, "jets_r07")):
        np.testing.assert_array_equal(columns["baseline"][which], observed[group]["baseline"])
        np.testing.assert_array_equal(columns["event"][which], observed[group]["event"])
