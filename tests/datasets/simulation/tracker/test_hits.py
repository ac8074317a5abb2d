"""Hits of the tracker: on their layers, with the losses of thin silicon, and noise."""

from dataclasses import replace

import numpy as np
import pytest

from datasets.simulation.tracker import hits as tracker_hits
from datasets.simulation.tracker import layers
from datasets.simulation.tracker.transport import transport
from tests.datasets.simulation.muons import CLEAR, central, muons


def test_hits_lie_on_their_layers_and_lose_energy_like_thin_silicon():
    n, rng = 2000, np.random.default_rng(2)
    particles = muons(central(n, 0.3, 50, rng), events=n)
    moved = transport(particles, np.zeros((n, 3)), CLEAR, rng)
    trace = tracker_hits.seen(moved.trace, CLEAR, rng)
    hits, links = tracker_hits.digitise(trace, moved.particles, CLEAR, np.random.default_rng(0))
    assert len(hits) == len(trace.row)  # without noise
    np.testing.assert_array_equal(np.sort(links.source), np.arange(len(hits)))
    np.testing.assert_array_equal(moved.particles.event[links.target], hits.event[links.source])
    order = np.argsort(links.source)
    all_layers = layers.layers_of(CLEAR)
    layer = trace.layer[order]
    x, y, z = (hits[axis].astype(float) for axis in "xyz")
    disk = layer >= all_layers.cylinders
    # Flat: as far from the axis as the cylinder along the nearest normal, farther beside it.
    step = 2 * np.pi / all_layers.ladders[layer]
    number = np.rint(np.arctan2(y, x) / step)
    height = x * np.cos(step * number) + y * np.sin(step * number)
    height -= all_layers.stagger[layer] * (number % 2)
    # Errors of the measurement bring a few to the next ladder.
    on_ladder = np.abs(height - all_layers.radius[layer])[~disk] < 0.05
    assert on_ladder.mean() > 0.999
    spread = np.ptp(np.hypot(x, y)[layer == 0])
    assert spread == pytest.approx(31.0 * (1 / np.cos(np.pi / CLEAR.vertex_ladders) - 1), rel=0.1)
    spread = np.ptp(np.hypot(x, y)[layer == 8])
    assert CLEAR.stagger < spread < 2 * CLEAR.stagger
    np.testing.assert_allclose(z[disk], all_layers.z[layer[disk]], rtol=1e-6)
    away = np.stack([x, y, z], axis=1) - trace.position[order]
    vertex = all_layers.vertex[layer]
    along = CLEAR.tracker_resolution[1]
    np.testing.assert_allclose(
        away[vertex & ~disk].std(axis=0)[2], CLEAR.vertex_resolution, rtol=0.05
    )
    np.testing.assert_allclose(away[~vertex & ~disk].std(axis=0)[2], along, rtol=0.05)
    keV = 1e6 * hits["energy"]
    assert 11 < np.median(keV[vertex]) < 20  # full simulation in CLD: 16
    assert 25 < np.median(keV[~vertex]) < 50  # and 36


def test_noise_is_poisson_and_of_no_particle():
    noisy = replace(CLEAR, tracker_noise=20.0)
    particles = muons(np.zeros((0, 3)), events=300)
    trace = tracker_hits.seen(
        transport(particles, np.zeros((0, 3)), noisy, np.random.default_rng(0)).trace,
        noisy,
        np.random.default_rng(0),
    )
    hits, links = tracker_hits.digitise(trace, particles, noisy, np.random.default_rng(1))
    assert len(links.source) == 0
    assert hits.counts.mean() == pytest.approx(20, abs=1)
    assert hits.counts.var() == pytest.approx(20, rel=0.3)
