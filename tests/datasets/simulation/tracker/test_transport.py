"""Particles through the tracker: what is made, where, of whom, and what sensors see."""

from dataclasses import replace

import numpy as np
import pytest

from datasets.constants import LIGHT
from datasets.simulation.tracker import history, kinematics, layers
from tests.datasets.simulation.tracker.beams import (
    DENSE,
    SEEDS,
    D,
    is_decay,
    mixture,
    table,
    through,
)


def test_links_lead_to_later_rows_of_the_same_event(dense):
    links, particles = dense.daughters, dense.particles
    assert (links.target > links.source).all()
    event = particles.event
    np.testing.assert_array_equal(event[links.source], event[links.target])
    assert len(np.unique(links.target)) == len(links.target)
    made = np.zeros(len(particles), bool)
    made[links.target] = True
    np.testing.assert_array_equal(particles["generator_status"] == 0, made)
    status = particles["simulator_status"]
    np.testing.assert_array_equal(status & history.CREATED > 0, made)
    np.testing.assert_array_equal(status & history.IN_TRACKER > 0, dense.ended)
    # Whatever ended has become something.
    assert np.isin(np.flatnonzero(dense.ended), links.source).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_given_particles_stay_as_they_are(seed):
    given = mixture(3000, seed)
    dense = through(given, DENSE)
    kept = dense.particles["generator_status"] == 1
    for name in ("pdg", "px", "py", "pz", "mass", "charge"):
        np.testing.assert_array_equal(dense.particles[name][kept], given[name])
    np.testing.assert_array_equal(dense.particles.event[kept], given.event)


def test_what_is_made_begins_on_a_layer_or_where_a_particle_decayed(dense):
    made, parent = dense.daughters.target, dense.daughters.source
    parent_decayed = dense.ended[parent] & is_decay(dense, parent)
    x, y, z = dense.vertices[made[~parent_decayed]].T
    all_layers = layers.layers_of(DENSE)
    n = all_layers.cylinders
    from_cylinder = np.abs(np.hypot(x, y)[:, None] - all_layers.radius[:n]).min(axis=1)
    from_disk = np.abs(z[:, None] - all_layers.z[n:]).min(axis=1)
    assert np.minimum(from_cylinder, from_disk).max() < 1e-6


def test_neutral_particles_leave_no_trace_and_charged_ones_up_to_their_end(dense):
    charged = dense.particles["charge"] != 0
    assert charged[dense.trace.row].all()
    assert (np.diff(dense.trace.row) >= 0).all()
    same = np.diff(dense.trace.row) == 0
    assert (np.diff(dense.trace.time)[same] >= 0).all()
    # Not faster than light.
    away = np.linalg.norm(dense.trace.position, axis=1)
    assert (dense.trace.time >= away / LIGHT * (1 - 1e-9)).all()


def test_nothing_comes_of_nothing():
    moved = through(table(np.zeros(0, int), np.zeros((0, 3)), events=3))
    assert len(moved.particles) == len(moved.trace.row) == len(moved.daughters.source) == 0
    np.testing.assert_array_equal(moved.particles.offsets, [0, 0, 0, 0])


def test_events_beside_it_change_nothing_but_the_random_numbers():
    """Without reactions, what an event leaves does not depend on the others of its portion."""
    clear = replace(D, beam_pipe_material=0.0, vertex_material=0.0, tracker_material=0.0)
    rng = np.random.default_rng(3)
    momentum = kinematics.isotropic(60, rng) * 5
    stable = rng.choice([13, -13, 2212, 22], 60)
    both = through(table(stable, momentum, events=2), clear)
    one = through(table(stable[:30], momentum[:30]), clear)
    rows = both.trace.row < 30
    np.testing.assert_array_equal(both.trace.position[rows], one.trace.position)
    np.testing.assert_array_equal(both.trace.layer[rows], one.trace.layer)
