"""Closed-form helices against a particle moved step by step, and their parameters."""

import numpy as np
import pytest

from datasets.constants import GEV_PER_TESLA_MM
from datasets.simulation.detector import CLICLike
from datasets.simulation.tracker import helix

D = CLICLike()


def sample(n: int, seed: int, charges=(-1.0, 1.0)):
    rng = np.random.default_rng(seed)
    momentum = rng.normal(size=(n, 3)) * np.exp(rng.uniform(-1.5, 3, n))[:, None]
    vertex = rng.normal(size=(n, 3)) * 20
    charge = rng.choice(charges, n)
    return vertex, momentum, charge


def stepped(vertex, momentum, charge, step=0.2, limit=1e4):
    """Moves particles in a field along z until they cross the face; nan where they never do."""
    position, p = vertex.copy(), momentum.copy()
    out = np.full((len(p), 3), np.nan)
    size = np.linalg.norm(p, axis=1)
    # dp/ds = q v x B / v, with p in GeV and s in mm.
    angle = -charge * GEV_PER_TESLA_MM * D.field / size * step
    alive = np.arange(len(p))
    for _ in range(int(limit / step)):
        half = p[alive].copy()
        c, s = np.cos(angle[alive] / 2), np.sin(angle[alive] / 2)
        half[:, 0], half[:, 1] = (
            c * p[alive, 0] - s * p[alive, 1],
            s * p[alive, 0] + c * p[alive, 1],
        )
        position[alive] += half / size[alive, None] * step
        p[alive, 0], p[alive, 1] = c * half[:, 0] - s * half[:, 1], s * half[:, 0] + c * half[:, 1]
        inside = np.hypot(*position[alive, :2].T) < D.barrel_face
        inside &= np.abs(position[alive, 2]) < D.endcap_face
        out[alive[~inside]] = position[alive[~inside]]
        alive = alive[inside]
        if not len(alive):
            break
    return out


@pytest.mark.parametrize("charges", [(-1.0, 1.0), (0.0,)])
def test_arrival_agrees_with_stepping(charges):
    vertex, momentum, charge = sample(300, 1, charges)
    path = helix.path_of(vertex, *momentum.T, charge, D.field)
    face = helix.to_face(path, D.barrel_face, D.endcap_face)
    expected = stepped(vertex, momentum, charge)
    arrived = np.isfinite(expected[:, 0])
    assert arrived.mean() > 0.9
    np.testing.assert_array_equal(arrived, face.arrives & (face.length < 1e4))
    distance = np.linalg.norm(face.position - expected, axis=1)[arrived]
    assert distance.max() < 1.0
    np.testing.assert_allclose(np.linalg.norm(face.direction, axis=1), 1)


def test_first_crossing_lies_on_the_cylinder_and_not_before():
    vertex, momentum, charge = sample(200, 2)
    path = helix.path_of(vertex, *momentum.T, charge, D.field)
    s = helix.to_radius(path, 600.0)
    reached = np.isfinite(s)
    s = np.where(reached, s, 0)
    x, y, _, _ = helix.at(path, s)
    np.testing.assert_allclose(np.hypot(x, y)[reached], 600.0, rtol=1e-9)
    for fraction in np.linspace(0, 0.999, 50):
        x, y, _, _ = helix.at(path, s * fraction)
        assert (np.hypot(x, y)[reached] < 600.0).all()


def test_perigee_of_a_particle_from_the_centre():
    _, momentum, charge = sample(50, 3)
    path = helix.path_of(np.zeros((50, 3)), *momentum.T, charge, D.field)
    state = helix.perigee(path)
    np.testing.assert_allclose(state.D0, 0, atol=1e-9)
    np.testing.assert_allclose(state.Z0, 0, atol=1e-9)
    np.testing.assert_allclose(np.cos(state.phi - path.phi), 1)
    # LCIO: omega has the sign of the charge, pT = 2.99792458e-4 |B / omega|.
    np.testing.assert_array_equal(np.sign(state.omega), charge)
    pt = np.hypot(momentum[:, 0], momentum[:, 1])
    np.testing.assert_allclose(2.99792458e-4 * D.field / np.abs(state.omega), pt, rtol=1e-12)


def test_perigee_is_the_nearest_point_and_describes_the_same_path():
    vertex, momentum, charge = sample(200, 4)
    path = helix.path_of(vertex, *momentum.T, charge, D.field)
    again = helix.path_of_perigee(helix.perigee(path))
    np.testing.assert_allclose(np.hypot(again.x, again.y), np.abs(helix.perigee(path).D0))
    one = helix.to_face(path, D.barrel_face, D.endcap_face)
    other = helix.to_face(again, D.barrel_face, D.endcap_face)
    both = one.arrives & other.arrives
    assert both.mean() > 0.9
    np.testing.assert_allclose(one.position[both], other.position[both], atol=1e-4)
    for s in np.linspace(-50, 50, 21):
        x, y, _, _ = helix.at(again, np.full(200, s))
        assert (np.hypot(x, y) >= np.hypot(again.x, again.y) - 1e-9).all()
