"""Made-up particles, and a detector with enough material to meet in it."""

from dataclasses import replace

import numpy as np

from datasets.events import Table
from datasets.simulation.detector import CLICLike
from datasets.simulation.tracker import kinematics
from datasets.simulation.tracker.history import STOPPED, Transported
from datasets.simulation.tracker.transport import transport

D = CLICLike()
DENSE = replace(D, beam_pipe_material=0.1, vertex_material=0.05, tracker_material=0.15)
MASS = {22: 0.0, 11: 0.000511, 13: 0.10566, 211: 0.13957, 321: 0.49368, 130: 0.49761,
        2212: 0.93827, 2112: 0.93957}  # fmt: skip
CHARGED = {11: -1, 13: -1, 211: 1, 321: 1, 2212: 1}
SEEDS = (5, 6, 7)


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


def through(particles: Table, detector=D, seed: int = 1) -> Transported:
    return transport(
        particles, np.zeros((len(particles), 3)), detector, np.random.default_rng(seed)
    )


def momentum_of(particles: Table) -> np.ndarray:
    return np.stack([particles[name] for name in ("px", "py", "pz")], axis=1)


def reactions(moved: Transported, kinds):
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
    return (moved.particles["simulator_status"][rows] & STOPPED) == 0
