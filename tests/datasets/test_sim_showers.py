"""Energy of single particles: deposits, cells, thresholds, links and resolutions."""

from dataclasses import replace

import numpy as np
import pytest

from datasets import schema
from datasets.events import join_tables
from datasets.simulation import cells, helix, showers
from datasets.simulation.detector import CLICLike

D = CLICLike()
NO_THRESHOLD = replace(D, ecal_threshold=0.0, hcal_threshold=0.0)


def shoot(pdg: int, energy: float, n: int, detector=D, seed: int = 0):
    """Particles of one kind straight from the centre, one per event: spots and hits."""
    rng = np.random.default_rng(seed)
    phi, cosine = rng.uniform(-np.pi, np.pi, n), rng.uniform(-0.6, 0.6, n)
    sine = np.sqrt(1 - cosine**2)
    momentum = energy * np.stack([sine * np.cos(phi), sine * np.sin(phi), cosine])
    path = helix.path_of(np.zeros((n, 3)), *momentum, np.zeros(n), detector.field)
    arrival = helix.to_face(path, detector.barrel_face, detector.endcap_face)
    rows = np.arange(n)
    charged = np.full(n, pdg in (11, 13, 211))
    spots = showers.shower(
        rows, np.full(n, pdg), np.full(n, energy), charged, arrival, detector, rng
    )
    region = arrival.region[spots.particle]
    return spots, *cells.digitise(spots, spots.particle, region, n, detector)


def many(pdg: int, energy: float, n: int = 1500):
    """Hits of n such particles."""
    return join_tables([shoot(pdg, energy, 250, seed=seed)[1] for seed in range(n // 250)])


def sums(hits):
    return np.bincount(hits.event, hits["energy"], len(hits.counts))


@pytest.mark.parametrize("energy", [5.0, 40.0])
def test_photons_have_the_resolution_of_the_ecal(energy):
    hits = many(22, energy)
    response = sums(hits) / energy
    expected = np.hypot(D.ecal_stochastic / np.sqrt(energy), D.ecal_constant)
    assert response.mean() == pytest.approx(0.985, abs=0.03)
    assert response.std() == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize("energy", [5.0, 30.0])
def test_hadrons_have_the_resolution_of_the_hcal(energy):
    hits = many(130, energy)
    response = sums(hits) / energy
    expected = np.hypot(D.hadron_stochastic / np.sqrt(energy), D.hadron_constant)
    assert 0.85 < np.median(response) < 1.02
    low, high = np.quantile(response, [0.16, 0.84])
    assert (high - low) / 2 == pytest.approx(expected, rel=0.2)


def test_muons_leave_little_energy_and_hits_in_the_chambers():
    _, hits, _, _ = shoot(13, 30.0, 200)
    assert np.median(sums(hits)) < 4.0
    chambers = np.bincount(hits.event[hits["subdetector"] == schema.OTHER], minlength=200)
    assert np.median(chambers) == D.muon_layers


def test_hadrons_shower_after_an_exponential_of_one_interaction_length():
    """Fraction that leaves no more than a trace in the ECAL: exp(-its depth on the path)."""
    hits = many(130, 30.0)
    in_ecal = np.bincount(
        hits.event, hits["energy"] * (hits["subdetector"] == schema.ECAL), len(hits.counts)
    )
    trace = 2 * D.ecal_layers * D.ecal_mip
    through = (in_ecal < trace).mean()
    assert np.exp(-1.25) < through < np.exp(-1.0) + 0.1


def test_cells_keep_all_energy_and_say_whose_it_is():
    spots, hits, links, _ = shoot(22, 10.0, 50, NO_THRESHOLD)
    # Two particles to an event, so that cells are shared.
    event = spots.particle // 2
    region = np.zeros(len(event), int)
    hits, links, _ = cells.digitise(spots, event, region, 25, NO_THRESHOLD)
    x, y, z = spots.position
    depth = np.hypot(x, y) - D.barrel_face
    inside = (depth < D.hcal_end) & (np.abs(z) < D.barrel_end / D.barrel_face * np.hypot(x, y))
    assert hits["energy"].sum() == pytest.approx(spots.energy[inside].sum(dtype=float), rel=1e-6)
    given = np.bincount(links.target, links.weight * hits["energy"][links.source], 50)
    left = np.bincount(spots.particle[inside], spots.energy[inside], 50)
    np.testing.assert_allclose(given, left, rtol=1e-5)
    np.testing.assert_allclose(np.bincount(links.source, links.weight), 1)


def test_cells_agree_with_a_loop_over_spots():
    spots, hits, _, _ = shoot(22, 3.0, 6, NO_THRESHOLD)
    expected: dict = {}
    for particle, energy, (x, y, z) in zip(
        spots.particle, spots.energy, spots.position.T.astype(float), strict=True
    ):
        layer = int(max(np.hypot(x, y) - D.barrel_face, 0) / (D.ecal_depth / D.ecal_layers))
        if layer >= D.ecal_layers:
            continue
        radius = D.barrel_face + (layer + 0.5) * D.ecal_depth / D.ecal_layers
        row = np.floor(np.arctan2(y, x) * radius / D.ecal_cell)
        key = (particle, layer, row, np.floor(z / D.ecal_cell))
        expected[key] = expected.get(key, 0.0) + energy
    ecal = hits["subdetector"] == schema.ECAL
    assert abs(ecal.sum() - len(expected)) <= 2  # float32 at the edge of a cell
    np.testing.assert_allclose(
        np.sort(hits["energy"][ecal])[-50:], np.sort(list(expected.values()))[-50:], rtol=1e-3
    )


def test_thresholds_hold():
    _, hits, _, _ = shoot(130, 20.0, 100)
    for where, least in ((schema.ECAL, D.ecal_threshold), (schema.HCAL, D.hcal_threshold)):
        assert hits["energy"][hits["subdetector"] == where].min() >= least


def test_hits_lie_in_their_layers():
    _, hits, _, region = shoot(130, 20.0, 100)
    barrel = region == helix.BARREL
    depth = np.where(
        barrel,
        np.hypot(hits["x"], hits["y"]) - D.barrel_face,
        np.abs(hits["z"]) - D.endcap_face,
    )
    ecal, hcal = (hits["subdetector"] == s for s in (schema.ECAL, schema.HCAL))
    assert ((depth[ecal] > 0) & (depth[ecal] < D.ecal_depth)).all()
    assert ((depth[hcal] > D.hcal_start) & (depth[hcal] < D.hcal_end)).all()
    layer = hits["type"] // 10000
    np.testing.assert_allclose(
        depth[ecal], (layer[ecal] + 0.5) * D.ecal_depth / D.ecal_layers, atol=1e-2
    )
    np.testing.assert_array_equal(hits["type"] % 10000 // 1000, np.where(barrel, 1, 2))
