"""Decays in flight: conservation, lengths and fractions."""

from dataclasses import replace

import numpy as np
import pytest

from datasets.simulation.tracker import decays
from tests.datasets.simulation.tracker.beams import (
    CHARGED,
    MASS,
    D,
    gun,
    is_decay,
    reactions,
    through,
)


def test_decays_conserve_energy_and_momentum(dense):
    parents, energy, p, made, p_made, charge = reactions(dense, [111, 211, 321, 130])
    decayed = is_decay(dense, parents)
    assert decayed.sum() > 50
    np.testing.assert_allclose(made[decayed], energy[decayed], atol=1e-6)
    np.testing.assert_allclose(p_made[decayed][:, 2], p[decayed][:, 2], atol=1e-6)
    # On a curved path the direction of the parent has turned until then.
    sizes = [np.linalg.norm(v[decayed], axis=1) for v in (p_made, p)]
    np.testing.assert_allclose(*sizes, atol=1e-6)
    np.testing.assert_allclose(charge[decayed], dense.particles["charge"][parents][decayed])


def test_decay_lengths():
    n, momentum = 6000, 2.0
    clear = replace(D, beam_pipe_material=0.0, vertex_material=0.0, tracker_material=0.0)
    moved = through(gun(130, momentum, n), clear)
    length = 15338.0 * momentum / MASS[130]
    expected = -np.expm1(-D.barrel_face / length)
    kept = moved.particles["generator_status"] == 1
    assert moved.ended[kept].mean() == pytest.approx(expected, abs=4 * np.sqrt(expected / n))
    for stable in (22, 11, 13, 2212):
        assert len(through(gun(stable, momentum, 50), clear).daughters.source) == 0


def test_fractions_of_decays_sum_to_one_and_conserve_charge():
    for species, channels in decays.CHANNELS.items():
        assert sum(channel.fraction for channel in channels) == pytest.approx(1)
        for channel in channels:
            charge = sum(
                np.sign(code) * decays.PER_CHARGE.get(abs(code), 0) for code in channel.products
            )
            assert charge == CHARGED.get(species, 0)
            assert sum(decays.MASS[abs(code)] for code in channel.products) < {
                **MASS, 111: decays.MASS[111]}[species]  # fmt: skip
