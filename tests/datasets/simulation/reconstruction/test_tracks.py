"""Tracks of made-up particles: which are found, with what errors, and what goes wrong."""

import numpy as np
import pytest

from datasets.constants import GEV_PER_TESLA_MM
from datasets.events import Table
from datasets.simulation.detector import CLICLike
from datasets.simulation.reconstruction import measurement, tracks
from datasets.simulation.tracker import helix, kinematics
from datasets.simulation.tracker import hits as tracker_hits
from datasets.simulation.tracker.transport import transport
from tests.datasets.simulation.muons import CLEAR, central, muons


def reconstructed(particles: Table, vertices=None, detector=CLEAR, seed: int = 1):
    """Particles, their hits, and tracks with links."""
    rng = np.random.default_rng(seed)
    vertices = np.zeros((len(particles), 3)) if vertices is None else vertices
    moved = transport(particles, vertices, detector, rng)
    trace = tracker_hits.seen(moved.trace, detector, rng)
    found, links = tracks.reconstruct(moved.particles, moved.vertices, trace, detector, rng)
    return moved, trace, found, links


@pytest.fixture(scope="module")
def alone():
    """One muon in an event: nothing to be mistaken for another."""
    n = 2000
    return reconstructed(muons(central(n, 0.3, 50, np.random.default_rng(2)), events=n))


@pytest.fixture(scope="module")
def jets():
    """Forty muons within a few degrees, some of them displaced."""
    rng = np.random.default_rng(3)
    n, size = 60, 40
    axis = np.repeat(kinematics.isotropic(n, rng) * [1, 1, 0.5], size, axis=0)
    p = (axis + 0.05 * rng.normal(size=(n * size, 3))) * rng.uniform(0.5, 20, (n * size, 1))
    displaced = rng.random(n * size) < 0.3
    vertices = displaced[:, None] * rng.normal(size=(n * size, 3)) * 3
    return reconstructed(muons(p, events=n), vertices)


def test_alone_a_particle_has_one_track_with_all_its_hits(alone):
    _, _, found, links = alone
    np.testing.assert_array_equal(links.weight, 1)
    assert found.counts.max() == 1
    assert 0.98 < found.counts.mean() < 1
    np.testing.assert_array_equal(found.event, links.target[np.argsort(links.source)])


def test_parameters_are_the_true_ones_within_their_errors(alone):
    moved, _, found, links = alone
    row = links.target
    p = [moved.particles[name][row] for name in ("px", "py", "pz")]
    path = helix.path_of(np.zeros((len(row), 3)), *p, moved.particles["charge"][row], CLEAR.field)
    true = helix.perigee(path)
    pt = np.hypot(p[0], p[1])
    relative = found["omega"] / true.omega - 1
    for low, high in ((0.5, 2.0), (10.0, 50.0)):
        chosen = (pt > low) & (pt < high)
        expected = np.hypot(1.6e-5 * np.median(pt[chosen]), 2.2e-3)
        spread = np.diff(np.quantile(relative[chosen], [0.16, 0.84]))[0] / 2
        assert spread == pytest.approx(expected, rel=0.25)
    # Impact parameters: better with momentum, never better than the sensors.
    for name in ("D0", "Z0"):
        soft, hard = (np.median(np.abs(found[name][chosen])) for chosen in (pt < 1.0, pt > 10.0))
        assert soft > 2 * hard
        assert 0.002 < hard < 0.01
    tails = np.abs(found["D0"]) > 5 * np.hypot(0.005, 0.015 / (pt * 0.8))
    assert 0.001 < tails.mean() < 0.05


def test_chi2_is_that_of_its_degrees_of_freedom_but_for_tails(alone):
    _, trace, found, links = alone
    hits = np.bincount(trace.row[trace.outgoing], minlength=2000)[links.target]
    np.testing.assert_array_equal(found["ndf"], 2 * hits - 5)
    ratio = found["chi2"] / found["ndf"]
    assert np.median(ratio) == pytest.approx(1.0, abs=0.06)
    assert 0.01 < (ratio > 3).mean() < 0.1


def test_the_innermost_radius_is_that_of_the_first_hit(alone):
    _, trace, found, links = alone
    radius = np.hypot(trace.position[:, 0], trace.position[:, 1])
    first = np.full(2000, np.inf)
    np.minimum.at(first, trace.row[trace.outgoing], radius[trace.outgoing])
    np.testing.assert_allclose(found["radiusOfInnermostHit"], first[links.target])
    # Prompt: the first layer, but for its inefficiency.
    assert (found["radiusOfInnermostHit"] < 32.5).mean() == pytest.approx(0.99, abs=0.01)


def test_displaced_tracks_begin_later():
    n = 1500
    rng = np.random.default_rng(5)
    p = central(n, 1.0, 20, rng)
    for distance, low, high in ((0.05, 0.0, 0.1), (5.0, 0.6, 1.0)):
        across = np.stack([-p[:, 1], p[:, 0], np.zeros(n)], axis=1)
        vertices = distance * across / np.linalg.norm(across, axis=1, keepdims=True)
        _, _, found, _ = reconstructed(muons(p, events=n), vertices)
        late = found["radiusOfInnermostHit"] > 35
        assert low <= late.mean() <= high
        assert np.median(np.abs(found["D0"])) == pytest.approx(distance, rel=0.2)


def test_soft_and_short_tracks_are_found_less_often():
    n = 3000
    rng = np.random.default_rng(6)
    rates = []
    for pt in (0.08, 0.15, 1.0):
        _, _, found, _ = reconstructed(muons(central(n, pt, pt * 1.01, rng), events=n))
        rates.append(len(found) / n)
    assert rates[0] < rates[1] < rates[2]
    assert rates[0] < 0.9 < 0.97 < rates[2]


def test_beside_another_a_track_is_found_less_often():
    n = 3000
    p = np.repeat(central(n, 2.0, 10, np.random.default_rng(12)), 2, axis=0)
    p[1::2] *= 1.02  # nearly parallel
    _, _, found, links = reconstructed(muons(p, events=n))
    together = len(np.unique(links.target[links.weight > 0.5])) / (2 * n)
    _, _, found, links = reconstructed(muons(p[::2], events=n))
    assert len(found) / n - together > 0.5 * tracks.LOST


def test_in_jets_tracks_share_hits_and_some_are_made_in_addition(jets):
    moved, _, found, links = jets
    n = len(found)
    # Shares are whole numbers of hits, and no track has more than its own.
    hits = (found["ndf"] + 5) / 2
    count = links.weight * hits[links.source]
    np.testing.assert_allclose(count, np.round(count), atol=1e-5)
    total = np.bincount(links.source, links.weight, n)
    assert ((np.abs(total - 1) < 1e-6) | (total == 0)).all()
    best = np.zeros(n)
    np.maximum.at(best, links.source, links.weight)
    assert 0.02 < ((best < 0.99) & (best > 0)).mean() < 0.3
    assert 0 < (total == 0).mean() < 0.02
    # Both particles are of the event of the track.
    np.testing.assert_array_equal(moved.particles.event[links.target], found.event[links.source])
    pairs = np.stack([links.source, links.target], axis=1)
    assert len(np.unique(pairs, axis=0)) == len(pairs)
    # Mixed ones fit badly; some particles have two tracks.
    ratio = found["chi2"] / found["ndf"]
    assert np.median(ratio[best < 0.99]) > 5 > 1.3 > np.median(ratio[best > 0.99])
    whole = links.target[links.weight > 0.6]
    assert 0.002 < 1 - len(np.unique(whole)) / len(whole) < 0.1
    assert hits.min() >= CLEAR.fewest_track_hits


def test_neighbours_agree_with_a_plain_search():
    rng = np.random.default_rng(8)
    counts = np.array([5, 0, 1, 12, 2])
    event = np.repeat(np.arange(5), counts)
    p = rng.normal(size=(len(event), 3))
    path = helix.path_of(np.zeros_like(p), *p.T, rng.choice([-1.0, 1.0], len(p)), 4.0)
    near = tracks.neighbours(path, event, 5)
    phi = path.phi + path.turn * tracks.HALFWAY / 2
    d = np.stack([np.cos(phi), np.sin(phi), path.slope], axis=1)
    d /= np.linalg.norm(d, axis=1, keepdims=True)
    for i in range(len(event)):
        others = [j for j in np.flatnonzero(event == event[i]) if j != i]
        if not others:
            assert near.number[i] == i
            assert np.isinf(near.angle[i])
            continue
        angles = [np.arccos(np.clip(d[i] @ d[j], -1, 1)) for j in others]
        assert near.number[i] == others[int(np.argmin(angles))]
        assert near.angle[i] == pytest.approx(min(angles), abs=1e-5)


def test_electrons_that_radiate_seem_softer():
    n = 1500
    p = central(n, 10, 20, np.random.default_rng(9))
    particles = muons(p, events=n)
    electrons = Table(
        particles.offsets,
        {**particles.columns, "pdg": np.full(n, 11), "mass": np.full(n, 0.000511)},
    )
    moved, _, found, links = reconstructed(electrons, detector=CLICLike())
    given = moved.particles["generator_status"] == 1
    mine = given[links.target] & (links.weight > 0.99)
    true = np.linalg.norm([moved.particles[n_][links.target[mine]] for n_ in ("px", "py")], axis=0)
    seen = GEV_PER_TESLA_MM * CLEAR.field / np.abs(found["omega"][links.source[mine]])
    low, middle, high = np.quantile(seen / true, [0.1, 0.5, 0.9])
    assert low < 0.97 < 0.99 < middle <= high < 1.02


def test_no_tracks_of_no_particles():
    _, _, found, links = reconstructed(muons(np.zeros((0, 3)), events=2))
    np.testing.assert_array_equal(found.counts, [0, 0])
    assert len(links.source) == 0


def test_misfits_multiply_what_is_there():
    rng = np.random.default_rng(0)
    n = 4000
    calm = measurement.misfit(np.ones(n), np.zeros(n, bool), rng)
    wrong = measurement.misfit(np.ones(n), np.ones(n, bool), rng)
    bent = measurement.misfit(np.full(n, 1.2), np.zeros(n, bool), rng)
    assert calm.min() == 1
    assert np.median(calm) == 1
    assert np.median(wrong) > 10
    assert np.median(bent) == pytest.approx(3.0)
