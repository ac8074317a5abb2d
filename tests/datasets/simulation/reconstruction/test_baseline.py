"""Rules of the baseline, one at a time, on made-up tracks and clusters."""

import numpy as np
import pytest

from datasets import schema
from datasets.events import Links, Table
from datasets.simulation.detector import CLICLike
from datasets.simulation.reconstruction import baseline, blocks
from datasets.simulation.tracker import helix

D = CLICLike()


def track(momentum: float) -> Table:
    """One positive track at a right angle to the beam."""
    path = helix.path_of(
        np.zeros((1, 3)), np.array([momentum]), np.zeros(1), np.zeros(1), np.ones(1), D.field
    )
    return Table(np.array([0, 1]), helix.perigee(path)._asdict())


def on_line(tracks: Table, depth: float, aside: float) -> np.ndarray:
    """A point behind the calorimeter face on the line of the track, moved along z."""
    names = ("D0", "Z0", "phi", "omega", "tanLambda")
    path = helix.path_of_perigee(helix.Perigee(*(tracks[n] for n in names)))
    face = helix.to_face(path, D.barrel_face, D.endcap_face)
    return face.position[0] + depth * face.direction[0] + np.array([0.0, 0.0, aside])


def clusters(*specs) -> tuple[Table, Table, Links]:
    """(centre, energy, rms across, subdetector) of each cluster, made of two hits apart in z."""
    centre = np.array([spec[0] for spec in specs])
    energy, size = (np.array([spec[k] for spec in specs], float) for k in (1, 2))
    n = len(specs)
    x, y, z = centre.T
    columns = {"x": x, "y": y, "z": z, "energy": energy}
    apart = np.tile([-1.0, 1.0], n) * np.repeat(size, 2)
    hits = {
        **{name: np.repeat(columns[name], 2) for name in "xy"},
        "z": np.repeat(z, 2) + apart,
        "energy": np.repeat(energy / 2, 2),
        "subdetector": np.repeat([spec[3] for spec in specs], 2),
    }
    links = Links(np.repeat(np.arange(n), 2), np.arange(2 * n), np.ones(2 * n))
    return Table(np.array([0, n]), columns), Table(np.array([0, 2 * n]), hits), links


def candidates(momentum: float, *specs):
    """Code and energy of the candidates of a track and of clusters (depth, aside, ...)."""
    tracks = track(momentum)
    placed = [(on_line(tracks, depth, aside), *rest) for depth, aside, *rest in specs]
    table, of_track, _ = baseline.reconstruct(tracks, *clusters(*placed), D)
    energy = np.sqrt(sum(table[name] ** 2 for name in ("px", "py", "pz", "mass")))
    np.testing.assert_array_equal(of_track.target, [0])
    return list(zip(table["pdg"].tolist(), np.round(energy, 2).tolist(), strict=True))


def hadron(raw: float) -> tuple:
    """The neutral hadron that a cluster of this energy is taken for."""
    lack = blocks.RULES.neutral_lack
    energy = raw / blocks.hadron_response(np.array([raw]), lack)[0]
    return 130, pytest.approx(energy, abs=0.01)


def photon(raw: float) -> float:
    return pytest.approx(raw / blocks.RULES.photon_response, abs=0.01)


WIDE, NARROW = 35.0, 10.0
SPREAD = float(blocks.resolution(np.array([10.0]), D)[0])
LEFT = 10 * float(blocks.hadron_response(np.array([10.0]), blocks.RULES.charged_lack)[0])


def test_a_cluster_that_fits_its_track_is_no_particle():
    assert candidates(10.0, (200, 5, 9.0, WIDE, schema.HCAL)) == [(211, 10.0)]


def test_what_a_cluster_holds_beyond_its_track_is_neutral_if_significant():
    below, above = LEFT + 0.8 * SPREAD, LEFT + 6 * SPREAD
    assert candidates(10.0, (200, 5, below, WIDE, schema.HCAL)) == [(211, 10.0)]
    found = candidates(10.0, (200, 5, above, WIDE, schema.HCAL))
    assert found == [(211, 10.0), (130, photon(6 * SPREAD))]


def test_fragments_join_as_long_as_the_track_explains_them():
    near, fragment = (200, 5, 6.0, WIDE, schema.HCAL), (300, 120, 3.0, WIDE, schema.HCAL)
    assert candidates(10.0, near, fragment) == [(211, 10.0)]
    heavy = (300, 120, 15.0, WIDE, schema.HCAL)
    assert candidates(10.0, near, heavy) == [(211, 10.0), hadron(15.0)]
    far = (300, 600, 3.0, WIDE, schema.HCAL)
    assert candidates(10.0, near, far) == [(211, 10.0), hadron(3.0)]


def test_a_compact_cluster_beside_a_track_is_a_photon():
    of_track = (200, 5, 6.0, WIDE, schema.HCAL)
    of_photon = (80, 60, 3.0, NARROW, schema.ECAL)
    assert candidates(10.0, of_track, of_photon) == [(211, 10.0), (22, photon(3.0))]


def test_a_muon_does_not_swallow_what_is_beside_it():
    """Its cluster has chamber hits: it leaves little, whatever its momentum."""
    tracks = track(40.0)
    places = [on_line(tracks, depth, aside) for depth, aside in ((900, 2), (300, 100))]
    table, hits, links = clusters(
        (places[0], 2.5, WIDE, schema.HCAL), (places[1], 12.0, WIDE, schema.HCAL)
    )
    n, chambers = len(hits), 4
    columns = {
        name: np.concatenate([v, v[:1].repeat(chambers)]) for name, v in hits.columns.items()
    }
    columns["energy"][n:], columns["subdetector"][n:] = 1e-3, schema.OTHER
    hits = Table(np.array([0, n + chambers]), columns)
    links = Links(
        np.append(links.source, np.zeros(chambers, int)),
        np.arange(n + chambers),
        np.ones(n + chambers),
    )
    found, _, _ = baseline.reconstruct(tracks, table, hits, links, D)
    energy = np.sqrt(sum(found[name] ** 2 for name in ("px", "py", "pz", "mass")))
    assert found["pdg"].tolist() == [-13, 130]
    assert energy[1] == hadron(12.0)[1]


def test_showers_that_overlap_share_their_energy():
    """Two tracks, all energy in the cluster of one: none of it is a neutral particle."""
    first, second = track(10.0), track(12.0)
    tracks = Table(
        np.array([0, 2]),
        {name: np.concatenate([first[name], second[name]]) for name in first.columns},
    )
    rich, poor = on_line(first, 200, 0), on_line(first, 200, 90)
    shift = {name: v.copy() for name, v in tracks.columns.items()}
    shift["Z0"][1] += 90.0
    tracks = Table(tracks.offsets, shift)
    table, hits, links = clusters((rich, 20.0, WIDE, schema.HCAL), (poor, 1.0, WIDE, schema.HCAL))
    found, _, owned = baseline.reconstruct(tracks, table, hits, links, D)
    assert found["pdg"].tolist() == [211, 211]
    np.testing.assert_array_equal(np.sort(owned.target), [0, 1])
    # Were they far apart, the energy of the first would be too much.
    shift["Z0"][1] += 900.0
    alone, _, _ = baseline.reconstruct(Table(tracks.offsets, shift), table, hits, links, D)
    assert 130 in alone["pdg"].tolist()


def random_events(seed: int, n: int = 12):
    """Tracks and clusters anywhere near each other, some events without one of them."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 6, n)
    p = rng.exponential(8.0, counts.sum()) + 0.3
    angle, slope = rng.uniform(-0.3, 0.3, (2, len(p)))
    px, py = p * np.cos(angle), p * np.sin(angle)
    charge = rng.choice([-1.0, 1.0], len(p))
    path = helix.path_of(np.zeros((len(p), 3)), px, py, p * slope, charge, D.field)
    tracks = Table(np.concatenate([[0], np.cumsum(counts)]), helix.perigee(path)._asdict())
    per_event = rng.integers(0, 9, n)
    m = int(per_event.sum())
    phi, z = rng.uniform(-0.4, 0.4, m), rng.uniform(-500, 500, m)
    radius = rng.uniform(1520, 2400, m)
    centre = np.stack([radius * np.cos(phi), radius * np.sin(phi), z], axis=1)
    specs = zip(
        centre, rng.exponential(6.0, m) + 0.2, rng.uniform(2, 60, m), rng.integers(0, 2, m),
        strict=True,
    )  # fmt: skip
    table, hits, links = clusters(*specs)
    offsets = np.concatenate([[0], np.cumsum(per_event)])
    return tracks, Table(offsets, table.columns), Table(2 * offsets, hits.columns), links


@pytest.mark.parametrize("seed", range(8))
def test_every_track_is_a_candidate_and_every_cluster_is_accounted_for(seed):
    tracks, table, hits, links = random_events(seed)
    found, of_track, of_cluster = baseline.reconstruct(tracks, table, hits, links, D)
    charged = found["charge"] != 0
    np.testing.assert_array_equal(np.sort(of_track.target), np.arange(len(tracks)))
    np.testing.assert_array_equal(np.sort(of_track.source), np.flatnonzero(charged))
    np.testing.assert_array_equal(found.event[of_track.source], tracks.event[of_track.target])
    np.testing.assert_array_equal(found.event[of_cluster.source], table.event[of_cluster.target])
    # A cluster is a neutral particle, part of a block with tracks, or both where it is too rich.
    on_charged = charged[of_cluster.source]
    assert np.bincount(of_cluster.target[on_charged], minlength=len(table)).max(initial=0) <= 1
    neutral = ~charged
    assert (np.bincount(of_cluster.source, minlength=len(found))[neutral] == 1).all()
    small = table["energy"] <= blocks.RULES.least_energy
    np.testing.assert_array_equal(
        np.unique(np.concatenate([of_cluster.target, np.flatnonzero(small)])),
        np.arange(len(table)),
    )
    # Energies: what neutral candidates have is at most what is in the clusters, calibrated.
    lack = blocks.RULES.neutral_lack
    most = (table["energy"] / blocks.hadron_response(table["energy"], lack)).sum() * 1.03
    energy = np.sqrt(sum(found[name] ** 2 for name in ("px", "py", "pz", "mass")))
    assert energy[neutral].sum() <= most


@pytest.mark.parametrize("seed", range(4))
def test_candidates_do_not_depend_on_the_events_beside_them(seed):
    tracks, table, hits, links = random_events(seed)
    all_of_them, _, _ = baseline.reconstruct(tracks, table, hits, links, D)
    event = 5
    parts = [
        Table(
            np.array([0, t.counts[event]]),
            {k: v[t.offsets[event] : t.offsets[event + 1]] for k, v in t.columns.items()},
        )
        for t in (tracks, table, hits)
    ]
    n = parts[1].counts[0]
    own = Links(np.repeat(np.arange(n), 2), np.arange(2 * n), np.ones(2 * n))
    alone, _, _ = baseline.reconstruct(*parts, own, D)
    rows = slice(all_of_them.offsets[event], all_of_them.offsets[event + 1])
    for name, column in alone.columns.items():
        np.testing.assert_allclose(column, all_of_them[name][rows], err_msg=name)


def test_an_electron_is_compact_and_has_the_energy_of_its_track():
    assert candidates(10.0, (80, 2, 9.7, NARROW, schema.ECAL)) == [(-11, 10.0)]
    assert candidates(10.0, (80, 2, 3.0, NARROW, schema.ECAL)) == [(211, 10.0)]


def test_resolution_is_that_of_the_hadron_calorimeter():
    energy = np.array([1.0, 25.0])
    expected = np.hypot([0.5, 2.5], 0.04 * energy)
    np.testing.assert_allclose(blocks.resolution(energy, D), expected)
