"""Energy deposits in the calorimeters: particles -> blobs -> spots.

A spot is one deposit of a blob (`blobs`). Longitudinal profiles are gamma
distributions (Longo and Sestili, NIM 128 (1975) 283), lateral ones r / (r^2 + R^2)^2 (Grindhammer
and Peters, arXiv:hep-ex/0001020). The number of spots is Poisson and their energies exponential,
so that a mean energy e per spot gives a resolution of sqrt(2 e / E): that of the ECAL follows
from nothing else.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from datasets.constants import LIGHT
from datasets.simulation.calorimeter import blobs
from datasets.simulation.calorimeter.blobs import Blobs
from datasets.simulation.calorimeter.faces import Entry
from datasets.simulation.detector import CLICLike
from datasets.simulation.tracker.kinematics import across

PHOTON_LIKE, HADRON_LIKE, MUON_LIKE, UNSEEN = 0, 1, 2, 3

FIRST = 0.1  # ns, delay of the earliest hits of full simulation
DETOUR = 0.3  # further way per distance from the axis
MIP_SHAPE = 4.0  # of the gamma distribution of the deposits of a minimum-ionising particle


class Spots(NamedTuple):
    """Single energy deposits."""

    particle: Int[np.ndarray, " spots"]
    energy: Float[np.ndarray, " spots"]  # GeV
    position: Float[np.ndarray, "3 spots"]  # mm
    delay: Float[np.ndarray, " spots"]  # ns after light from the centre


def kind_of(pdg: Int[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
    """How a particle behaves in the calorimeters."""
    code = np.abs(pdg)
    return np.select(
        [(code == 22) | (code == 11), code == 13, np.isin(code, (12, 14, 16))],
        [PHOTON_LIKE, MUON_LIKE, UNSEEN],
        HADRON_LIKE,
    )


def shower(
    particle: Int[np.ndarray, " n"],
    pdg: Int[np.ndarray, " n"],
    energy: Float[np.ndarray, " n"],
    charged: Bool[np.ndarray, " n"],
    entry: Entry,
    detector: CLICLike,
    rng: np.random.Generator,
) -> Spots:
    """All deposits of particles that enter the calorimeters.

    `energy` is what a particle can deposit. `particle`
    are the numbers that the spots will carry; spots come sorted by their place in it.
    """
    kind = kind_of(pdg)
    light, hadrons, muons = (np.flatnonzero(kind == k) for k in range(3))
    normal = entry.normal
    zero, offset = np.zeros(len(light)), np.zeros((len(light), 2))
    parts = [
        *blobs.electromagnetic(light, energy[light], pdg[light] == 22, zero, offset, detector, rng),
        *blobs.hadronic(hadrons, energy[hadrons], charged[hadrons], normal[hadrons], detector, rng),
        *blobs.muonic(muons, energy[muons], normal[muons], detector, rng),
    ]
    joined = Blobs(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    order = np.argsort(joined.particle, kind="stable")
    spots = _spots(Blobs(*(column[order] for column in joined)), entry, detector, rng)
    return spots._replace(particle=particle[spots.particle])


def join(first: Spots, second: Spots) -> Spots:
    """The spots of both."""
    return Spots(*(np.concatenate(columns, axis=-1) for columns in zip(first, second, strict=True)))


def _spots(parts: Blobs, entry: Entry, detector: CLICLike, rng) -> Spots:
    """All spots of all blobs: position = blob's origin + s direction + r (cos, sin) across.

    What is r off the axis has come a longer way.
    """
    owner, counts, normal = parts.particle, parts.spots, entry.normal
    direction = entry.direction[owner]
    first, second = (axes[owner] for axes in across(entry.direction))
    offset = parts.offset
    origin = entry.position[owner] + offset[:, :1] * first + offset[:, 1:] * second

    def each(values) -> np.ndarray:
        return np.repeat(values.astype(np.float32), counts)

    n = int(counts.sum())
    trace = np.repeat(parts.trace, counts)
    energy = rng.standard_exponential(n, dtype=np.float32)
    energy[trace] = rng.standard_gamma(MIP_SHAPE, int(trace.sum()), np.float32) / MIP_SHAPE
    energy *= each(parts.spot_energy)
    depth = each(parts.start) + each(parts.scale) * _depths(parts, trace, rng)
    # Depth in mm of ECAL to mm along the path: beyond the ECAL comes a gap, then HCAL.
    ecal, gap = detector.ecal_depth / normal[owner], detector.hcal_gap / normal[owner]
    behind = each(ecal + gap - ecal * parts.stretch) + each(parts.stretch) * depth
    s = np.where(depth < each(ecal), depth, behind)
    s += np.where(s > each(entry.to_gap[owner]), each(entry.gap[owner]), np.float32(0))
    radius = each(parts.width) * _lateral(n, rng)
    angle = rng.random(n, dtype=np.float32) * np.float32(2 * np.pi)
    a, b = radius * np.cos(angle), radius * np.sin(angle)
    position = np.empty((3, n), np.float32)
    for k in range(3):
        position[k] = each(origin[:, k]) + s * each(direction[:, k])
        position[k] += a * each(first[:, k])
        position[k] += b * each(second[:, k])
    delay = each(parts.late) * rng.standard_exponential(n, dtype=np.float32)
    delay += radius * np.float32(DETOUR / LIGHT)
    delay += each(entry.delay[owner] + FIRST + np.hypot(*offset.T) * DETOUR / LIGHT)
    return Spots(np.repeat(owner, counts), energy, position, delay)


def _depths(parts: Blobs, trace, rng) -> Float[np.ndarray, " spots"]:
    """In units of the scale: gamma-distributed; traces have evenly spaced spots instead."""
    depth = np.empty(len(trace), np.float32)
    shapes = np.repeat(parts.shape[~parts.trace].astype(np.float32), parts.spots[~parts.trace])
    depth[~trace] = rng.standard_gamma(shapes, dtype=np.float32)
    counts = parts.spots[parts.trace]
    ordinal = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    depth[trace] = (ordinal + 0.5) / np.repeat(counts, counts)
    return depth


def _lateral(n: int, rng) -> Float[np.ndarray, " n"]:
    """Radii in units of the half-energy radius, from the cumulative r^2 / (r^2 + 1)."""
    u = rng.random(n, dtype=np.float32)
    return np.minimum(np.sqrt(u / (1 - u)), np.float32(12.0))
