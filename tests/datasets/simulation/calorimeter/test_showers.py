"""Energy of single particles: deposits, cells, thresholds, links and resolutions."""

from dataclasses import replace

import numpy as np
import pytest

from datasets import schema
from datasets.constants import LIGHT
from datasets.events import join_tables
from datasets.simulation.calorimeter import cells, faces, noise, showers
from datasets.simulation.detector import CLD_LIKE, CLICLike
from datasets.simulation.tracker import helix

D = CLICLike()
NO_THRESHOLD = replace(D, ecal_threshold=0.0, hcal_threshold=0.0)


def spots_of(pdg: int, energy: float, n: int, detector=D, seed: int = 0, cosine: float = 0.6):
    """Spots of particles of one kind from the centre, |cos theta| up to `cosine`."""
    rng = np.random.default_rng(seed)
    phi, cosines = rng.uniform(-np.pi, np.pi, n), rng.uniform(-cosine, cosine, n)
    sines = np.sqrt(1 - cosines**2)
    momentum = energy * np.stack([sines * np.cos(phi), sines * np.sin(phi), cosines])
    path = helix.path_of(np.zeros((n, 3)), *momentum, np.zeros(n), detector.field)
    arrival = helix.to_face(path, detector.barrel_face, detector.endcap_face)
    entry = faces.enter(arrival, np.zeros((n, 3)), np.ones(n), detector)
    charged = np.full(n, pdg in (11, 13, 211))
    codes = np.full(n, pdg)
    return showers.shower(np.arange(n), codes, np.full(n, energy), charged, entry, detector, rng)


def shoot(pdg: int, energy: float, n: int, detector=D, seed: int = 0, cosine: float = 0.6):
    """Such particles, one per event: spots and hits."""
    spots = spots_of(pdg, energy, n, detector, seed, cosine)
    return spots, *cells.digitise(spots, spots.particle, n, detector)


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
    _, hits, _ = shoot(13, 30.0, 200)
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


def layers_of(spots):
    """Barrel spots: distance from the face of their sector, along the face, and z; by hand."""
    x, y, z = spots.position.astype(float)
    angles = np.arange(12) * np.pi / 6
    away = np.cos(angles)[:, None] * x + np.sin(angles)[:, None] * y
    sector = away.argmax(axis=0)
    across = np.cos(angles[sector]) * y - np.sin(angles[sector]) * x
    return away.max(axis=0) - D.barrel_face, sector, across, z


def test_cells_keep_all_energy_and_say_whose_it_is():
    spots = spots_of(22, 10.0, 50, NO_THRESHOLD)
    # Two particles to an event, so that cells are shared.
    hits, links = cells.digitise(spots, spots.particle // 2, 25, NO_THRESHOLD)
    depth, _, _, z = layers_of(spots)
    inside = (depth < D.hcal_end) & (np.abs(z) < D.barrel_end) & (spots.delay < D.latest_hit)
    assert hits["energy"].sum() == pytest.approx(spots.energy[inside].sum(dtype=float), rel=1e-6)
    given = np.bincount(links.target, links.weight * hits["energy"][links.source], 50)
    left = np.bincount(spots.particle[inside], spots.energy[inside], 50)
    np.testing.assert_allclose(given, left, rtol=1e-5)
    np.testing.assert_allclose(np.bincount(links.source, links.weight), 1)


def test_the_threshold_takes_whole_cells_and_nothing_else():
    spots = spots_of(130, 10.0, 50)
    every, _ = cells.digitise(spots, spots.particle, 50, NO_THRESHOLD)
    seen, _ = cells.digitise(spots, spots.particle, 50, D)
    least = np.array([D.ecal_threshold, D.hcal_threshold, 0.0])[every["subdetector"]]
    np.testing.assert_array_equal(seen["energy"], every["energy"][every["energy"] >= least])


def test_cells_agree_with_a_loop_over_spots():
    spots, hits, _ = shoot(22, 3.0, 6, NO_THRESHOLD)
    expected: dict = {}
    for particle, energy, depth, sector, across, z in zip(
        spots.particle, spots.energy, *layers_of(spots), strict=True
    ):
        layer = int(max(depth, 0) / (D.ecal_depth / D.ecal_layers))
        if layer >= D.ecal_layers:
            continue
        row, column = np.floor(across / D.ecal_cell), np.floor(z / D.ecal_cell)
        key = (particle, layer, sector, row, column)
        expected[key] = expected.get(key, 0.0) + energy
    ecal = hits["subdetector"] == schema.ECAL
    assert abs(ecal.sum() - len(expected)) <= 2  # float32 at the edge of a cell
    np.testing.assert_allclose(
        np.sort(hits["energy"][ecal])[-50:], np.sort(list(expected.values()))[-50:], rtol=1e-3
    )


def test_thresholds_hold():
    _, hits, _ = shoot(130, 20.0, 100)
    for where, least in ((schema.ECAL, D.ecal_threshold), (schema.HCAL, D.hcal_threshold)):
        assert hits["energy"][hits["subdetector"] == where].min() >= least


def test_hits_lie_in_their_layers():
    _, hits, _ = shoot(130, 20.0, 200, cosine=0.98)
    barrel = hits["type"] % 10000 // 1000 == 1
    assert 0.5 < barrel.mean() < 0.95
    angles = np.arange(12) * np.pi / 6
    away = np.max(np.outer(np.cos(angles), hits["x"]) + np.outer(np.sin(angles), hits["y"]), axis=0)
    depth = np.where(barrel, away - D.barrel_face, np.abs(hits["z"]) - D.endcap_face)
    assert (np.abs(hits["z"][barrel]) < D.barrel_end + D.hcal_cell).all()
    ecal, hcal = (hits["subdetector"] == s for s in (schema.ECAL, schema.HCAL))
    assert ((depth[ecal] > 0) & (depth[ecal] < D.ecal_depth)).all()
    assert ((depth[hcal] > D.hcal_start) & (depth[hcal] < D.hcal_end)).all()
    layer = hits["type"] // 10000
    off = np.abs(depth[ecal] - (layer[ecal] + 0.5) * D.ecal_depth / D.ecal_layers)
    assert np.quantile(off, 0.99) < 1e-2
    assert off.max() < D.ecal_cell * np.sin(np.pi / 6)  # the last cell of a face sticks out


def test_all_sectors_of_the_barrel_are_alike():
    """Photons turned by a sector leave the same energy in every layer, but for fluctuations."""
    _, hits, _ = shoot(22, 10.0, 240, cosine=0.5)
    sector = faces.sector_of(hits["x"], hits["y"])
    energy = np.bincount(sector, hits["energy"], faces.SECTORS)
    particles = np.bincount(sector[np.unique(hits.event, return_index=True)[1]], minlength=12)
    np.testing.assert_allclose(energy / particles / 10.0, 1, atol=0.35)
    assert energy.sum() / 2400 == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(("pdg", "least"), [(22, 0.93), (211, 0.85)])
def test_a_shower_goes_on_behind_the_gap_between_barrel_and_end_cap(pdg, least):
    """Particles at the end of the barrel: barrel and end cap together see them."""
    n = 200
    momentum = 20 * np.array([0.5758, 0.0, 0.8176]) * np.ones((n, 1))  # z = 2130 on the face
    path = helix.path_of(np.zeros((n, 3)), *momentum.T, np.zeros(n), D.field)
    arrival = helix.to_face(path, D.barrel_face, D.endcap_face)
    entry = faces.enter(arrival, np.zeros((n, 3)), np.ones(n), D)
    codes, charged = np.full(n, pdg), np.full(n, pdg == 211)
    rng = np.random.default_rng(4)
    spots = showers.shower(np.arange(n), codes, np.full(n, 20.0), charged, entry, D, rng)
    hits, _ = cells.digitise(spots, spots.particle, n, D)
    barrel = hits["type"] % 10000 // 1000 == 1
    assert 0.05 < np.average(barrel, weights=hits["energy"]) < 0.95
    assert hits["energy"].sum() / (20.0 * n) > least


def test_particles_enter_through_flat_faces_without_turning():
    rng = np.random.default_rng(3)
    n = 500
    momentum = rng.normal(size=(3, n)) * [[1], [1], [2]]
    path = helix.path_of(np.zeros((n, 3)), *momentum, np.zeros(n), D.field)
    arrival = helix.to_face(path, D.barrel_face, D.endcap_face)
    entry = faces.enter(arrival, np.zeros((n, 3)), np.full(n, 0.5), D)
    x, y, z = entry.position.T
    angles = np.arange(12) * np.pi / 6
    away = np.max(np.outer(np.cos(angles), x) + np.outer(np.sin(angles), y), axis=0)
    at_end = np.isclose(np.abs(z), D.endcap_face)
    np.testing.assert_allclose(away[~at_end], D.barrel_face, rtol=1e-6)
    assert (np.abs(z[~at_end]) < D.endcap_face).all()
    assert ((entry.normal >= faces.STEEPEST) & (entry.normal <= 1)).all()
    # From the centre all lies on one line, and half the speed of light takes twice the time.
    length = np.linalg.norm(entry.position, axis=1)
    np.testing.assert_allclose(entry.position, length[:, None] * entry.direction, rtol=1e-5)
    np.testing.assert_allclose(entry.delay, length / LIGHT, rtol=1e-5)


def test_prompt_hits_come_first_and_none_after_the_window():
    for pdg, latest in ((22, 0.3), (130, D.latest_hit)):
        _, hits, _ = shoot(pdg, 10.0, 100)
        assert hits["time"].min() >= showers.FIRST - 1e-6
        assert np.quantile(hits["time"], 0.98) < latest
        assert hits["time"].max() < D.latest_hit
    assert np.quantile(hits["time"], 0.9) > 1.0  # neutrons


@pytest.mark.parametrize(("pdg", "tolerance"), [(22, 0.03), (130, 0.06), (211, 0.06)])
def test_the_response_is_linear(pdg, tolerance):
    response = [sums(many(pdg, energy, 500)).mean() / energy for energy in (3.0, 10.0, 40.0)]
    np.testing.assert_allclose(response, np.mean(response), rtol=tolerance)
    assert np.mean(response) == pytest.approx(0.98, abs=0.05)


def test_muons_leave_the_same_whatever_their_energy_but_for_showers():
    soft, hard = (np.median(sums(shoot(13, energy, 200)[1])) for energy in (20.0, 90.0))
    assert hard == pytest.approx(soft, rel=0.1)
    showers_of_muons = sums(shoot(13, 90.0, 250, seed=2)[1]) > 1.5 * hard
    assert 0.02 < showers_of_muons.mean() < 0.25


@pytest.mark.parametrize(("ecal", "hcal"), [(30.0, 0.0), (0.0, 12.0), (8.0, 3.0)])
def test_noise_comes_at_its_rate_and_belongs_to_nobody(ecal, hcal):
    detector = replace(D, ecal_noise=ecal, hcal_noise=hcal)
    spots, event = noise.noise(200, detector, np.random.default_rng(6))
    hits, links = cells.digitise(spots, event, 200, detector)
    assert len(links.source) == 0
    for where, rate in ((schema.ECAL, ecal), (schema.HCAL, hcal)):
        count = np.bincount(hits.event[hits["subdetector"] == where], minlength=200)
        assert count.mean() == pytest.approx(rate, abs=4 * np.sqrt(rate / 200) + 0.05 * rate)
    assert {1, 2} == set(np.unique(hits["type"] % 10000 // 1000))


@pytest.mark.parametrize(
    "change",
    [{"ecal_cell": 2.0}, {"barrel_face": 3000.0}, {"hcal_layers": 100}, {"hcal_cell": 1.0}],
)
def test_a_detector_with_too_many_cells_is_refused(change):
    with pytest.raises(ValueError, match="take larger cells or fewer layers"):
        shoot(22, 1.0, 2, replace(D, **change))
    shoot(22, 1.0, 2, CLD_LIKE)
