"""Rules of the baseline, one at a time, on made-up tracks and clusters."""

import numpy as np
import pytest

from datasets import schema
from datasets.events import Links, Table
from datasets.simulation import baseline, helix
from datasets.simulation.detector import CLICLike

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


WIDE, NARROW = 35.0, 10.0
SPREAD = float(baseline.resolution(np.array([10.0]), D)[0])


def test_a_cluster_that_fits_its_track_is_no_particle():
    assert candidates(10.0, (200, 5, 9.0, WIDE, schema.HCAL)) == [(211, 10.0)]


def test_what_a_cluster_holds_beyond_its_track_is_neutral_if_significant():
    below, above = 10.0 + 1.2 * SPREAD, 10.0 + 6 * SPREAD
    assert candidates(10.0, (200, 5, below, WIDE, schema.HCAL)) == [(211, 10.0)]
    found = candidates(10.0, (200, 5, above, WIDE, schema.HCAL))
    assert found == [(211, 10.0), (130, pytest.approx(6 * SPREAD, abs=0.02))]


def test_fragments_join_as_long_as_the_track_explains_them():
    near, fragment = (200, 5, 6.0, WIDE, schema.HCAL), (300, 120, 3.0, WIDE, schema.HCAL)
    assert candidates(10.0, near, fragment) == [(211, 10.0)]
    heavy = (300, 120, 15.0, WIDE, schema.HCAL)
    assert candidates(10.0, near, heavy) == [(211, 10.0), (130, 15.0)]
    far = (300, 600, 3.0, WIDE, schema.HCAL)
    assert candidates(10.0, near, far) == [(211, 10.0), (130, 3.0)]


def test_a_compact_cluster_beside_a_track_is_a_photon():
    hadron = (200, 5, 6.0, WIDE, schema.HCAL)
    photon = (80, 60, 3.0, NARROW, schema.ECAL)
    assert candidates(10.0, hadron, photon) == [(211, 10.0), (22, 3.0)]


def test_an_electron_is_compact_and_has_the_energy_of_its_track():
    assert candidates(10.0, (80, 2, 9.7, NARROW, schema.ECAL)) == [(-11, 10.0)]
    assert candidates(10.0, (80, 2, 3.0, NARROW, schema.ECAL)) == [(211, 10.0)]


def test_resolution_is_that_of_the_hadron_calorimeter():
    energy = np.array([1.0, 25.0])
    expected = np.hypot([0.5, 2.5], 0.04 * energy)
    np.testing.assert_allclose(baseline.resolution(energy, D), expected)
