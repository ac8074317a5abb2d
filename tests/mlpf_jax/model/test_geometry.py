from pathlib import Path

import jax
import numpy as np
import pytest

from datasets import edm4hep, schema
from datasets.detectors import CLD
from datasets.truth.target import to_samples
from mlpf_jax.model import geometry


def stepped_track(pt, phi, charge, tan_lambda, face=schema.CLIC_FACE, field=4.0):
    """Direction of the end of a helix, followed in small steps to the calorimeter face."""
    turn = -charge * 3e-4 * field / pt  # radians per mm
    position, step = np.zeros(3), 0.2
    for _ in range(50_000):  # 10 m
        middle = phi + turn * step / 2
        position += step * np.array([np.cos(middle), np.sin(middle), tan_lambda])
        phi += turn * step
        if np.hypot(*position[:2]) >= face.radius or abs(position[2]) >= face.half_length:
            return position / np.linalg.norm(position)
    raise AssertionError("a helix that never reaches the face")


@pytest.mark.parametrize("face", [schema.CLIC_FACE, CLD.face, schema.Face(900.0, 1200.0)])
@pytest.mark.parametrize("charge", [-1, 1])
@pytest.mark.parametrize(
    ("pt", "tan_lambda"), [(50.0, 0.3), (2.0, -0.5), (1.0, 3.0), (0.5, 0.8), (0.95, 0.0)]
)
def test_tracks_bend_to_the_face(pt, tan_lambda, charge, face):
    x = np.zeros(schema.ELEMENT_WIDTH, np.float32)
    phi = 2.0
    pt *= face.radius / schema.CLIC_FACE.radius  # the same curve in a larger detector
    values = {
        "elemtype": 1, "pt": pt, "sin_phi": np.sin(phi), "cos_phi": np.cos(phi),
        "tanLambda": tan_lambda, "omega": charge * 3e-4 * 4 / pt,
    }  # fmt: skip
    for name, value in values.items():
        x[schema.track(name)] = value
    expected = stepped_track(pt, phi, charge, tan_lambda, face)
    found = geometry.face_direction(x[None], np.array(face))
    np.testing.assert_allclose(found[0], expected, atol=2e-3)
    if face == schema.CLIC_FACE:
        np.testing.assert_allclose(geometry.face_direction(x[None]), found, rtol=1e-6)


def test_tracks_of_a_real_cld_event_end_at_their_clusters():
    """Angle between a track and the cluster with most of its particle's energy, by either face."""
    source = Path(__file__).parents[4] / "shared" / "edm4hep" / "cld_zh_nunubb_240gev.root"
    if not source.exists():
        pytest.skip(f"no real event in {source}")
    pytest.importorskip("fastjet", reason="jets need the extra 'physics'")
    samples = to_samples(next(edm4hep.read(source)))
    assert samples.face == CLD.face
    links = samples.shares
    order = np.argsort(links["energy"])
    best = dict(zip(links["track"][order], links["cluster"][order], strict=True))
    tracks, clusters = np.array(list(best.items()), int).T

    def angle(face):
        direction = np.asarray(geometry.face_direction(samples.X, np.array(face)))
        return np.median(np.linalg.norm(direction[tracks] - direction[clusters], axis=1))

    assert len(tracks) >= 20
    assert angle(samples.face) < 0.03 < 2 * angle(samples.face) < angle(schema.CLIC_FACE)


def test_shapes_of_clusters_do_not_depend_on_their_azimuth():
    """A shower along its flight: the same values anywhere around the beam, and known ones."""
    X = np.zeros((8, schema.ELEMENT_WIDTH), np.float32)
    X[:, 0] = schema.CLUSTER
    for row, phi in enumerate(np.linspace(0, np.pi / 2, 8)):
        X[row, 6:9] = 1700 * np.array([np.cos(phi), np.sin(phi), 0])
    for row, along, across in ((0, "x", "y"), (7, "y", "x")):  # of an axis they are the dataset's
        X[row, schema.cluster(f"sigma_{along}")] = 90
        X[row, [schema.cluster(f"sigma_{axis}") for axis in (across, "z")]] = 20
    values = {"energy": 8.0, "energy_ecal": 6.0, "energy_hcal": 2.0, "num_hits": 40.0}
    for name, value in values.items():
        X[:, schema.cluster(name)] = value
    found = np.asarray(geometry.shapes(X))
    np.testing.assert_allclose(found[:, 0], np.arcsinh(2.0), rtol=1e-4)  # 200 mm behind the face
    for row in (0, 7):
        np.testing.assert_allclose(found[row, 1:3], np.log1p([9, 2]), rtol=1e-4)
    np.testing.assert_allclose(found[:, 3:], [[0.75, 0.25, np.log1p(20.0)]] * 8, rtol=1e-4)
    nearer = geometry.shapes(X, np.array([1600.0, 2000.0]))
    np.testing.assert_allclose(nearer[:, 0], np.arcsinh(1.0), rtol=1e-3)
    X[:, 0] = schema.TRACK
    assert not np.asarray(geometry.shapes(X)).any()


def test_unusual_tracks_have_a_direction():
    x = np.zeros((3, schema.ELEMENT_WIDTH), np.float32)
    x[:, 0] = 1
    x[1, schema.track("omega")] = 1e-2  # never reaches the barrel
    x[2, schema.track("cos_phi")] = 1  # straight
    direction = jax.jit(geometry.face_direction)(x)
    np.testing.assert_allclose(np.linalg.norm(direction, axis=-1), 1, rtol=1e-5)


def test_neighbours_against_loops(batch_of):
    batch = batch_of([(6, 9), (2, 1), (3, 0), (0, 0)], 16)
    direction = np.asarray(geometry.face_direction(batch.X))
    counts = batch.segment.sum(1, keepdims=True)
    got = np.asarray(geometry.neighbour_features(batch.X, batch.segment, direction, counts))
    assert got.shape[-1] == geometry.NEIGHBOUR_FEATURES
    for event in range(4):
        X, u = batch.X[event, batch.mask[event]], direction[event, batch.mask[event]]
        for i in range(len(X)):
            np.testing.assert_allclose(got[event, i], looped(X, u, i), rtol=1e-3, atol=1e-3)
        assert not got[event, len(X) :].any()


def looped(X, u, i):
    """The neighbour values of element i, by looking at every other one."""
    distance = np.linalg.norm(u - u[i], axis=-1)
    near = [j for j in np.argsort(distance, kind="stable") if j != i]
    clusters = [j for j in near if X[j, 0] == schema.CLUSTER]
    tracks = [j for j in near if X[j, 0] == schema.TRACK]
    ecal = schema.cluster("energy_ecal")
    log = lambda d: 0.5 * np.log(d**2 + 1e-7) + 3.5  # noqa: E731
    values = []
    for j in [*clusters, None, None][:2]:
        values += (
            [3, 0, 0] if j is None else [log(distance[j]), np.log(X[j, 5]), X[j, ecal] / X[j, 5]]
        )
    for j in [*tracks, None, None, None][:3]:
        values += [3, 0] if j is None else [log(distance[j]), np.log(X[j, 5])]

    def pointing(cluster):
        every = [j for j in range(len(X)) if X[j, 0] == schema.CLUSTER]
        return [
            X[t, 5]
            for t in range(len(X))
            if X[t, 0] == schema.TRACK
            and min(every, key=lambda c: np.linalg.norm(u[c] - u[t])) == cluster
        ]

    own = pointing(i) if X[i, 0] == schema.CLUSTER else []
    other = pointing(clusters[0]) if clusters else []
    around = []
    for width in (0.02, 0.06, 0.2):
        weight = X[:, 5] * np.exp(-0.5 * (distance / width) ** 2)
        energy, momentum = (weight[X[:, 0] == kind].sum() for kind in (2, 1))
        asymmetry = (energy - momentum) / (energy + momentum + 0.1)
        around += [np.log1p(energy), np.log1p(momentum), asymmetry]
    return [*values, np.log1p(sum(own)), np.log1p(sum(other)), len(own), len(other), *around]
