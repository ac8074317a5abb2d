"""Particles through the tracker: layers crossed, reactions in them, and what is conserved."""

from dataclasses import replace

import numpy as np
import pytest

from datasets.events import Table
from datasets.simulation.detector import CLICLike
from datasets.simulation.tracker import decays, helix, interactions, kinematics, layers, transport

D = CLICLike()
DENSE = replace(D, beam_pipe_material=0.1, vertex_material=0.05, tracker_material=0.15)
MASS = {22: 0.0, 11: 0.000511, 13: 0.10566, 211: 0.13957, 321: 0.49368, 130: 0.49761,
        2212: 0.93827, 2112: 0.93957}  # fmt: skip
CHARGED = {11: -1, 13: -1, 211: 1, 321: 1, 2212: 1}


def table(pdg, momentum, events: int = 1) -> Table:
    """Final particles, dealt out evenly to the events."""
    code = np.abs(pdg)
    columns = {
        "pdg": pdg,
        **dict(zip(("px", "py", "pz"), momentum.T, strict=True)),
        "mass": np.array([MASS[c] for c in code]),
        "charge": np.array([CHARGED.get(c, 0) for c in code]) * np.sign(pdg).astype(float),
        "generator_status": np.ones(len(pdg), np.int64),
        "simulator_status": np.zeros(len(pdg), np.int64),
    }
    return Table(np.linspace(0, len(pdg), events + 1).astype(np.int64), columns)


def mixture(n: int, seed: int) -> Table:
    """All kinds of particles, from 0.1 to 50 GeV, in all directions."""
    rng = np.random.default_rng(seed)
    species = np.array([22, 11, -11, 13, 211, -211, 321, -321, 130, 2212, 2112])
    momentum = kinematics.isotropic(n, rng) * np.exp(rng.uniform(-2.3, 4, n))[:, None]
    return table(rng.choice(species, n), momentum, events=10)


def gun(pdg: int, momentum: float, n: int, seed: int = 0) -> Table:
    """Particles at right angles to the beam."""
    phi = np.random.default_rng(seed).uniform(-np.pi, np.pi, n)
    p = momentum * np.stack([np.cos(phi), np.sin(phi), np.zeros(n)], axis=1)
    return table(np.full(n, pdg), p)


def through(particles: Table, detector=D, seed: int = 1) -> transport.Transported:
    return transport.transport(
        particles, np.zeros((len(particles), 3)), detector, np.random.default_rng(seed)
    )


def momentum_of(particles: Table) -> np.ndarray:
    return np.stack([particles[name] for name in ("px", "py", "pz")], axis=1)


SEEDS = (5, 6, 7)


@pytest.fixture(scope="module", params=SEEDS)
def dense(request) -> transport.Transported:
    return through(mixture(3000, request.param), DENSE, request.param)


def reactions(moved: transport.Transported, kinds):
    """Parents that end in the tracker, and sums over their daughters: energy, momentum, charge."""
    particles, links = moved.particles, moved.daughters
    n = len(particles)
    p = momentum_of(particles)
    energy = kinematics.energy_of(p, particles["mass"])
    parents = np.unique(links.source)
    parents = parents[moved.ended[parents] & np.isin(np.abs(particles["pdg"][parents]), kinds)]
    sums = [
        np.bincount(links.source, column[links.target], n)[parents]
        for column in (energy, *p.T, particles["charge"])
    ]
    return parents, energy[parents], p[parents], sums[0], np.stack(sums[1:4], axis=1), sums[4]


def is_decay(moved, rows):
    return (moved.particles["simulator_status"][rows] & transport.STOPPED) == 0


def test_conversions_conserve_energy_and_leave_the_nucleus_almost_no_momentum(dense):
    parents, energy, p, made, p_made, charge = reactions(dense, [22])
    assert len(parents) > 50
    np.testing.assert_allclose(made, energy, rtol=1e-12)
    np.testing.assert_allclose(charge, 0)
    lacking = np.linalg.norm(p_made - p, axis=1)
    # At least m^2 k / (2 E+ E-) (PDG Review), so at the most a few MeV, at the softest electron.
    assert lacking.max() < 2 * 0.000511
    assert (np.bincount(dense.daughters.source)[parents] == 2).all()


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
    np.testing.assert_array_equal(status & transport.CREATED > 0, made)
    np.testing.assert_array_equal(status & transport.IN_TRACKER > 0, dense.ended)
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
    assert (interactions.excess(slow, np.full(3, MASS[2112])) < transport.SOFTEST_HADRON).all()
    moved = through(gun(2112, 0.05, 500), DENSE)
    assert not moved.ended.any()


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


def test_neutral_particles_leave_no_trace_and_charged_ones_up_to_their_end(dense):
    charged = dense.particles["charge"] != 0
    assert charged[dense.trace.row].all()
    assert (np.diff(dense.trace.row) >= 0).all()
    same = np.diff(dense.trace.row) == 0
    assert (np.diff(dense.trace.time)[same] >= 0).all()
    # Not faster than light.
    away = np.linalg.norm(dense.trace.position, axis=1)
    assert (dense.trace.time >= away / transport.LIGHT * (1 - 1e-9)).all()


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
