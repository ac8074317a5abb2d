"""What is conserved where particles react with the material, and how often they do."""

import numpy as np
import pytest

from datasets.simulation.tracker import fates, interactions, kinematics, layers
from tests.datasets.simulation.tracker.beams import (
    DENSE,
    MASS,
    D,
    gun,
    is_decay,
    momentum_of,
    reactions,
    through,
)


def test_conversions_conserve_energy_and_leave_the_nucleus_almost_no_momentum(dense):
    parents, energy, p, made, p_made, charge = reactions(dense, [22])
    assert len(parents) > 50
    np.testing.assert_allclose(made, energy, rtol=1e-12)
    np.testing.assert_allclose(charge, 0)
    lacking = np.linalg.norm(p_made - p, axis=1)
    # At least m^2 k / (2 E+ E-) (PDG Review), so at the most a few MeV, at the softest electron.
    assert lacking.max() < 2 * 0.000511
    assert (np.bincount(dense.daughters.source)[parents] == 2).all()


def test_collisions_conserve_all_but_the_binding_of_one_nucleon(dense):
    parents, energy, p, made, p_made, charge = reactions(dense, [211, 321, 130, 2212, 2112])
    hard = ~is_decay(dense, parents)
    assert hard.sum() > 300
    gained = (made - energy)[hard] + interactions.BINDING
    nucleons = np.array([interactions.PROTON, interactions.NEUTRON])
    assert np.abs(gained[:, None] - nucleons).min(axis=1).max() < 1e-6
    is_proton = np.abs(gained - interactions.PROTON) < 1e-6
    np.testing.assert_allclose(charge[hard], dense.particles["charge"][parents][hard] + is_proton)
    sizes = [np.linalg.norm(v[hard], axis=1) for v in (p_made, p)]
    np.testing.assert_allclose(*sizes, atol=1e-6)
    np.testing.assert_allclose(p_made[hard][:, 2], p[hard][:, 2], atol=1e-6)
    # Protons and neutrons that come out are those that went in and the one that was hit.
    links, code = dense.daughters, np.abs(dense.particles["pdg"])
    baryons = np.bincount(links.source, np.isin(code[links.target], (2112, 2212)), len(code))
    np.testing.assert_array_equal(
        baryons[parents][hard], 1 + np.isin(code[parents][hard], (2112, 2212))
    )


def test_electrons_go_on_with_what_they_do_not_radiate(dense):
    particles, links = dense.particles, dense.daughters
    electron = np.abs(particles["pdg"]) == 11
    before = kinematics.energy_of(momentum_of(particles), particles["mass"])
    after = kinematics.energy_of(dense.leaving.momentum, particles["mass"])
    radiated = np.bincount(links.source, before[links.target], len(particles))
    assert (radiated[electron] > 0).sum() > 100
    np.testing.assert_allclose(after[electron], (before - radiated)[electron], rtol=1e-9)
    assert (particles["pdg"][links.target[electron[links.source]]] == 22).all()
    assert not dense.ended[electron].any()
    # What does not radiate leaves with the momentum with which it was made.
    others = ~electron
    np.testing.assert_array_equal(dense.leaving.momentum[others], momentum_of(particles)[others])


def material_at_right_angles() -> float:
    """Radiation lengths of the barrel."""
    all_layers = layers.layers_of(D)
    return all_layers.material[: all_layers.cylinders].sum()


def test_the_barrel_has_about_a_tenth_of_a_radiation_length():
    assert material_at_right_angles() == pytest.approx(0.11, abs=0.015)


def test_photons_convert_and_electrons_radiate_as_often_as_the_material_says():
    n, depth = 4000, material_at_right_angles()
    moved = through(gun(22, 20.0, n))
    kept = moved.particles["generator_status"] == 1
    expected = -np.expm1(-interactions.PAIRS_PER_LENGTH * depth)
    width = np.sqrt(expected * (1 - expected) / n)
    assert moved.ended[kept].mean() == pytest.approx(expected, abs=4 * width)

    moved = through(gun(11, 40.0, n))
    photons = len(moved.daughters.source) / n
    # At most one in a layer, and those that convert again are few.
    assert photons == pytest.approx(interactions.PHOTONS_PER_LENGTH * depth, rel=0.12)
    lost = 1 - np.linalg.norm(moved.leaving.momentum, axis=1) / 40.0
    electrons = moved.particles["generator_status"] == 1
    assert lost[electrons].mean() == pytest.approx(-np.expm1(-depth), rel=0.15)


def test_secondaries_of_collisions_are_limited_in_transverse_momentum():
    n = 3000
    p = np.tile([0.0, 0.0, 20.0], (n, 1))
    made = interactions.collide(
        np.full(n, -211), np.full(n, MASS[211]), np.full(n, -1.0), p, np.random.default_rng(4)
    )
    pions = np.abs(made.pdg) < 1000
    transverse = np.hypot(made.momentum[:, 0], made.momentum[:, 1])
    assert 0.25 < transverse[pions].mean() < 0.5
    count = np.bincount(made.parent)
    assert 4 < count.mean() < 8
    assert count.min() >= 2
    assert (made.momentum[pions, 2] > 0).mean() > 0.8
    # The leading one is sometimes neutral: charge exchange.
    fastest = np.full(n, -1)
    order = np.argsort(made.momentum[:, 2])
    fastest[made.parent[order]] = made.pdg[order]
    assert 0.1 < (fastest == 111).mean() < 0.5


def test_hadrons_too_slow_to_collide_do_not():
    slow = np.zeros((3, 3))
    slow[:, 0] = [0.001, 0.01, 0.02]
    assert (interactions.excess(slow, np.full(3, MASS[2112])) < fates.SOFTEST_HADRON).all()
    moved = through(gun(2112, 0.05, 500), DENSE)
    assert not moved.ended.any()
