import jax
import numpy as np
import pytest

from datasets import schema
from mlpf_jax.model import geometry


def stepped_track(pt, phi, charge, tan_lambda, field=4.0):
    """Direction of the end of a helix, followed in small steps to the calorimeter face."""
    turn = -charge * 3e-4 * field / pt  # radians per mm
    position, step = np.zeros(3), 0.1
    while np.hypot(*position[:2]) < geometry.FACE_RADIUS and (
        abs(position[2]) < geometry.FACE_HALF_LENGTH
    ):
        middle = phi + turn * step / 2
        position += step * np.array([np.cos(middle), np.sin(middle), tan_lambda])
        phi += turn * step
    return position / np.linalg.norm(position)


@pytest.mark.parametrize("charge", [-1, 1])
@pytest.mark.parametrize(
    ("pt", "tan_lambda"), [(50.0, 0.3), (2.0, -0.5), (1.0, 3.0), (0.5, 0.8), (0.95, 0.0)]
)
def test_tracks_bend_to_the_face(pt, tan_lambda, charge):
    x = np.zeros(schema.ELEMENT_WIDTH, np.float32)
    phi = 2.0
    values = {
        "elemtype": 1, "pt": pt, "sin_phi": np.sin(phi), "cos_phi": np.cos(phi),
        "tanLambda": tan_lambda, "omega": charge * 3e-4 * 4 / pt,
    }  # fmt: skip
    for name, value in values.items():
        x[schema.track(name)] = value
    expected = stepped_track(pt, phi, charge, tan_lambda)
    np.testing.assert_allclose(geometry.face_direction(x), expected, atol=2e-3)


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
