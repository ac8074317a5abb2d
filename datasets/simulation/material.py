"""What happens in the material of the tracker: photons convert, charged hadrons interact."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from datasets.events import Links, Table, offsets_of
from datasets.simulation.detector import CLICLike

ELECTRON_MASS = 0.000511  # GeV
# Bits of the simulator status in LCIO.
CREATED_IN_SIMULATION, ENDS_IN_TRACKER, ENDS_IN_CALORIMETER, STOPPED = (
    1 << bit for bit in (30, 27, 26, 24)
)


class Simulated(NamedTuple):
    """Particles after the tracker: the generated ones and those made in the material."""

    particles: Table
    vertices: Float[np.ndarray, "particles 3"]  # mm
    daughters: Links
    ended: Bool[np.ndarray, " particles"]  # in the tracker; seen no further


def convert_photons(
    particles: Table,
    vertices: Float[np.ndarray, "particles 3"],
    detector: CLICLike,
    rng: np.random.Generator,
) -> Simulated:
    """Photons that meet an atom become pairs of electrons, which follow as further particles.

    The probability is 1 - exp(-7/9 x) for x radiation lengths of material, the energy is shared
    uniformly, and the pair keeps the photon's direction (PDG Review, passage of particles through
    matter: photon interactions).
    """
    momentum = np.stack([particles[name] for name in ("px", "py", "pz")], axis=1)
    transverse = np.hypot(momentum[:, 0], momentum[:, 1])
    sine = np.maximum(transverse / np.linalg.norm(momentum, axis=1), 0.05)
    depth = 7 / 9 * detector.tracker_radiation_lengths / sine
    radius = material_radius(len(particles), detector, rng)
    # Forward photons leave through the disks.
    last = 0.95 * detector.endcap_face * sine / np.sqrt(1 - np.minimum(sine, 0.999) ** 2)
    radius = np.where(radius < last, radius, last * rng.random(len(particles)))
    inside = np.hypot(vertices[:, 0], vertices[:, 1]) + radius < detector.barrel_face
    converts = (
        (particles["pdg"] == 22)
        & (rng.random(len(particles)) < -np.expm1(-depth))
        & (transverse > 0.02)
        & inside
    )
    photon = np.flatnonzero(converts)
    way = momentum[photon] * (radius[photon] / transverse[photon])[:, None]
    share = rng.uniform(0.02, 0.98, len(photon))
    pair = {
        "pdg": np.concatenate([np.full(len(photon), 11), np.full(len(photon), -11)]),
        "momentum": np.concatenate(
            [momentum[photon] * share[:, None], momentum[photon] * (1 - share)[:, None]]
        ),
        "vertex": np.tile(vertices[photon] + way, (2, 1)),
        "parent": np.tile(photon, 2),
    }
    return _append(particles, vertices, pair, converts)


def material_radius(n: int, detector: CLICLike, rng) -> Float[np.ndarray, " n"]:
    """Radii (mm) where a particle may meet material: the layers and the beam pipe."""
    layers = np.array([detector.beam_pipe, *(radius for radius, _ in detector.barrel_layers)])
    return rng.choice(layers, n)


def _append(particles: Table, vertices, pair, ended) -> Simulated:
    """The table with the pairs at the end of their events, and the links to their parents."""
    n, extra = len(particles), len(pair["parent"])
    px, py, pz = pair["momentum"].T
    columns = {
        "pdg": pair["pdg"],
        "px": px,
        "py": py,
        "pz": pz,
        "mass": np.full(extra, ELECTRON_MASS),
        "charge": -np.sign(pair["pdg"]).astype(np.float64),
        "generator_status": np.zeros(extra, np.int64),
        "simulator_status": np.full(extra, CREATED_IN_SIMULATION + ENDS_IN_CALORIMETER + STOPPED),
    }
    status = np.where(ended, ENDS_IN_TRACKER, ENDS_IN_CALORIMETER) + STOPPED
    old = {**particles.columns, "simulator_status": status}
    event = np.concatenate([particles.event, particles.event[pair["parent"]]])
    order = np.argsort(event, kind="stable")
    place = np.empty(n + extra, np.int64)
    place[order] = np.arange(n + extra)
    joined = {name: np.concatenate([old[name], columns[name]])[order] for name in old}
    return Simulated(
        Table(offsets_of(np.bincount(event, minlength=len(particles.counts))), joined),
        np.concatenate([vertices, pair["vertex"]])[order],
        Links(place[pair["parent"]], place[n:], np.ones(extra)),
        np.concatenate([ended, np.zeros(extra, bool)])[order],
    )
