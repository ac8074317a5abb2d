"""Where paths cross the layers of the tracker, against small steps."""

import numpy as np
import pytest

from datasets.simulation.tracker import helix, kinematics, layers
from tests.datasets.simulation.tracker.beams import D


def stepped_crossings(path: helix.Path, end: float, all_layers: layers.Layers, step=0.05):
    """Layers in the order in which one path crosses them, by small steps."""
    s = np.arange(0, end, step)
    x, y, z, _ = (np.broadcast_to(v, s.shape) for v in helix.at(path, s))
    radius = np.hypot(x, y)
    found = []
    for number in range(len(all_layers.radius)):
        on_disk = number >= all_layers.cylinders
        value = z - all_layers.z[number] if on_disk else radius - all_layers.radius[number]
        other = radius if on_disk else np.abs(z)
        change = np.flatnonzero(np.sign(value[1:]) != np.sign(value[:-1]))
        inside = (other[change] > all_layers.low[number]) & (
            other[change] < all_layers.high[number]
        )
        found += [(s[i], number) for i in change[inside]]
    return [number for _, number in sorted(found)]


@pytest.mark.parametrize("charge", [1.0, 0.0])
def test_crossings_agree_with_stepping(charge):
    rng = np.random.default_rng(6)
    n = 40
    all_layers = layers.layers_of(D)
    momentum = kinematics.isotropic(n, rng) * np.exp(rng.uniform(-1.5, 2, n))[:, None]
    vertex = rng.normal(size=(n, 3)) * 100
    path = helix.path_of(vertex, *momentum.T, np.full(n, charge), D.field)
    end = np.full(n, 3000.0)
    crossed = layers.crossings(path, end, all_layers)
    assert (np.diff(crossed.path) >= 0).all()
    assert (np.diff(crossed.s)[np.diff(crossed.path) == 0] >= 0).all()
    agree = 0
    for i in range(n):
        expected = stepped_crossings(helix.Path(*(c[i] for c in path)), 3000.0, all_layers)
        agree += list(crossed.layer[crossed.path == i]) == expected
    # Steps miss a crossing where a path only just touches a layer, or two of one step.
    assert agree >= n - 1
    radius = np.hypot(crossed.position[:, 0], crossed.position[:, 1])
    cylinder = crossed.layer < all_layers.cylinders
    np.testing.assert_allclose(radius[cylinder], all_layers.radius[crossed.layer[cylinder]])
    z = crossed.position[~cylinder, 2]
    np.testing.assert_allclose(z, all_layers.z[crossed.layer[~cylinder]], rtol=1e-9)
    assert (crossed.cosine >= layers.STEEPEST).all()
    assert (crossed.cosine <= 1 + 1e-12).all()
