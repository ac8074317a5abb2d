"""Energy deposits in the calorimeters: particles -> blobs -> spots.

A blob is a compact part of a shower with one longitudinal and one lateral profile; a spot is one
deposit. Photons and electrons make a core and a halo; charged hadrons leave the trace of a
minimum-ionising particle up to the first interaction, and hadrons from there blobs about the
axis, hadronic ones and electromagnetic ones; muons leave a trace through everything.

Longitudinal profiles are gamma distributions (Longo and Sestili, NIM 128 (1975) 283), lateral
ones r / (r^2 + R^2)^2 (Grindhammer and Peters, arXiv:hep-ex/0001020).
The number of spots is Poisson and their energies exponential, so that a mean energy e per spot
gives a resolution of sqrt(2 e / E): that of the ECAL follows from nothing else.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from datasets.simulation import helix
from datasets.simulation.detector import CLICLike

PHOTON_LIKE, HADRON_LIKE, MUON_LIKE, UNSEEN = 0, 1, 2, 3

HADRONIC_SPOT = 0.030  # GeV per spot in the hadronic part of a shower
CRITICAL = 0.010  # GeV, critical energy of the ECAL
RATE = 0.76  # fall of an electromagnetic shower with depth, per radiation length
HALO = 0.28  # share of the halo of an electromagnetic shower
CORE_WIDTH, HALO_WIDTH = 3.0, 16.0  # mm, half the energy of core and halo lies within
HADRONIC_WIDTH = 18.0  # mm, half the energy of a hadronic blob lies within
BLOBS = 1.3  # secondary blobs of a hadron shower for each unit of ln(1 + E/GeV)
BLOB_SPREAD = 85.0  # mm, mean distance of the blobs of a hadron shower from its axis
MIP_SHAPE = 4.0  # of the gamma distribution of the deposits of a minimum-ionising particle


class Blobs(NamedTuple):
    """Parts of showers. Depths run along the path, in mm of ECAL."""

    particle: Int[np.ndarray, " blobs"]
    spots: Int[np.ndarray, " blobs"]
    spot_energy: Float[np.ndarray, " blobs"]  # mean, GeV
    trace: Bool[np.ndarray, " blobs"]  # evenly spaced along `scale` instead of gamma(shape)
    start: Float[np.ndarray, " blobs"]  # mm
    shape: Float[np.ndarray, " blobs"]
    scale: Float[np.ndarray, " blobs"]  # mm
    stretch: Float[np.ndarray, " blobs"]  # mm of HCAL for a mm of ECAL
    offset: Float[np.ndarray, "blobs 2"]  # mm, lateral
    width: Float[np.ndarray, " blobs"]  # mm, half the energy lies within


class Spots(NamedTuple):
    """Single energy deposits."""

    particle: Int[np.ndarray, " spots"]
    energy: Float[np.ndarray, " spots"]  # GeV
    position: Float[np.ndarray, "3 spots"]  # mm


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
    arrival: helix.Arrival,
    detector: CLICLike,
    rng: np.random.Generator,
) -> Spots:
    """All deposits of particles that arrive at the calorimeter face.

    `energy` is what a particle can deposit: kinetic for baryons, total for all else. `particle`
    are the numbers that the spots will carry; spots come sorted by their place in it.
    """
    kind = kind_of(pdg)
    light, hadrons, muons = (np.flatnonzero(kind == k) for k in range(3))
    normal = _normal_cosine(arrival)
    zero, offset = np.zeros(len(light)), np.zeros((len(light), 2))
    parts = [
        *_electromagnetic(light, energy[light], pdg[light] == 22, zero, offset, detector, rng),
        *_hadronic(hadrons, energy[hadrons], charged[hadrons], normal[hadrons], detector, rng),
        *_muonic(muons, energy[muons], normal[muons], detector),
    ]
    blobs = Blobs(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    order = np.argsort(blobs.particle, kind="stable")
    blobs = Blobs(*(column[order] for column in blobs))
    spots = _spots(blobs, arrival, normal, detector, rng)
    return spots._replace(particle=particle[spots.particle])


def _normal_cosine(arrival: helix.Arrival) -> Float[np.ndarray, " n"]:
    """Cosine between the direction and the normal of the face.

    At least 0.2: no path through a layer is longer than five times its depth.
    """
    x, y, _ = arrival.position.T
    radial = (x * arrival.direction[:, 0] + y * arrival.direction[:, 1]) / np.hypot(x, y)
    cosine = np.where(arrival.region == helix.BARREL, radial, np.abs(arrival.direction[:, 2]))
    return np.maximum(cosine, 0.2)


def _electromagnetic(
    particle, energy, is_photon, start, offset, detector: CLICLike, rng
) -> list[Blobs]:
    """A core and a halo; shower maximum at ln(E / Ec) + 0.5 (photon) or - 0.5 (electron).

    The widths, the shares and `RATE` are fitted to full-simulation photons in the ECAL of CLIC.
    """
    n = len(particle)
    spot_energy = 0.5 * detector.ecal_stochastic**2
    maximum = np.log(np.maximum(energy / CRITICAL, 2.0)) + np.where(is_photon, 0.5, -0.5)
    rate = RATE * np.exp(0.1 * rng.standard_normal(n))
    response = 1 + detector.ecal_constant * rng.standard_normal(n)
    return [
        Blobs(
            particle,
            rng.poisson(share * energy * response / spot_energy),
            np.full(n, spot_energy),
            np.zeros(n, bool),
            start,
            1 + RATE * np.maximum(maximum, 0.2),
            detector.ecal_radiation_length / rate,
            np.full(n, detector.hcal_radiation_length / detector.ecal_radiation_length),
            offset,
            np.full(n, width),
        )
        for share, width in ((1 - HALO, CORE_WIDTH), (HALO, HALO_WIDTH))
    ]


def _hadronic(particle, energy, charged, normal, detector: CLICLike, rng) -> list[Blobs]:
    """Traces of charged ones up to the first interaction, from there blobs.

    The first interaction comes after an exponential of one interaction length. Fluctuations of
    the response beyond those of the number of spots: a gamma distribution, which stays positive.
    """
    n = len(particle)
    width2 = detector.hadron_stochastic**2 - 2 * HADRONIC_SPOT
    variance = width2 / np.maximum(energy, 0.1) + detector.hadron_constant**2
    deposited = energy * rng.standard_gamma(1 / variance) * variance
    start = rng.standard_exponential(n) * detector.ecal_interaction_length
    traces = _traces(particle, start, np.where(charged, deposited, 0.0), normal, detector)
    left = np.maximum(deposited - sum(t.spots * t.spot_energy for t in traces), 0.0)
    return [*traces, *_secondaries(particle, energy, left, start, detector, rng)]


def _secondaries(particle, energy, left, start, detector: CLICLike, rng) -> list[Blobs]:
    """Blobs that share the energy `left`: the first on the axis, the others later and about it.

    Each is electromagnetic with a probability of 1 - E^-0.18 (Gabriel et al., NIM A 338 (1994)
    336, with 1 GeV for the scale), else hadronic.
    """
    n = len(particle)
    count = 1 + rng.poisson(BLOBS * np.log1p(energy))
    of = np.repeat(np.arange(n), count)
    share = rng.standard_exponential(len(of))
    blob_energy = left[of] * share / np.bincount(of, share, n)[of]
    later = np.arange(len(of)) != np.repeat(np.cumsum(count) - count, count)
    length = detector.ecal_interaction_length
    begin = start[of] + later * 0.3 * length * rng.standard_exponential(len(of))
    radius = later * BLOB_SPREAD * rng.standard_exponential(len(of))
    angle = rng.random(len(of)) * 2 * np.pi
    offset = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)

    light = rng.random(len(of)) < (1 - np.maximum(energy, 1.0) ** -0.18)[of]
    e, h = np.flatnonzero(light), np.flatnonzero(~light)
    ones = np.ones(len(h))
    hadronic = Blobs(
        particle[of[h]],
        rng.poisson(blob_energy[h] / HADRONIC_SPOT),
        HADRONIC_SPOT * ones,
        np.zeros(len(h), bool),
        begin[h],
        1.3 * ones,
        0.35 * length * ones,
        detector.hcal_interaction_length / length * ones,
        offset[h],
        HADRONIC_WIDTH * ones,
    )
    photons = np.ones(len(e), bool)
    return [
        hadronic,
        *_electromagnetic(
            particle[of[e]], blob_energy[e], photons, begin[e], offset[e], detector, rng
        ),
    ]


def _traces(particle, start, energy, normal, detector: CLICLike) -> list[Blobs]:
    """The minimum-ionising part of a track through ECAL and HCAL up to the depth `start`."""
    ecal = detector.ecal_depth / normal
    in_ecal = np.minimum(start, ecal)
    in_hcal = np.clip(start - ecal, 0, detector.hcal_depth / normal)
    layers_ecal = in_ecal * normal * detector.ecal_layers / detector.ecal_depth
    layers_hcal = in_hcal * normal * detector.hcal_layers / detector.hcal_depth
    # It stops where its energy ends.
    layers_ecal = np.minimum(layers_ecal, energy / detector.ecal_mip).astype(np.int64)
    rest = energy - layers_ecal * detector.ecal_mip
    layers_hcal = np.minimum(layers_hcal, rest / detector.hcal_mip).astype(np.int64)
    return [
        _trace(particle, np.zeros(len(particle)), in_ecal, layers_ecal, detector.ecal_mip),
        _trace(particle, ecal, in_hcal, layers_hcal, detector.hcal_mip),
    ]


def _trace(particle, start, length, layers, energy: float) -> Blobs:
    n = len(particle)
    one = np.ones(n)
    return Blobs(
        particle, layers, np.full(n, energy), np.ones(n, bool), start, one, length, one,
        np.zeros((n, 2)), np.full(n, 0.5),
    )  # fmt: skip


def _muonic(particle, energy, normal, detector: CLICLike) -> list[Blobs]:
    """A trace through ECAL, HCAL and the muon chambers, as far as the energy carries."""
    ecal, hcal = detector.ecal_depth / normal, detector.hcal_depth / normal
    traces = _traces(particle, ecal + hcal, energy, normal, detector)
    left = energy - sum(t.spots * t.spot_energy for t in traces)
    # Iron of the yoke takes about 0.3 GeV per layer.
    layers = np.clip(left / 0.3, 0, detector.muon_layers).astype(np.int64)
    chambers = _trace(
        particle,
        (detector.muon_start - detector.hcal_gap) / normal,
        layers * detector.muon_spacing / normal,
        layers,
        detector.muon_mip,
    )
    return [*traces, chambers]


def _spots(blobs: Blobs, arrival, normal, detector: CLICLike, rng) -> Spots:
    """All spots of all blobs: position = blob's origin + s direction + r (cos, sin) across."""
    owner, counts = blobs.particle, blobs.spots
    direction = arrival.direction[owner]
    first, second = (axes[owner] for axes in _lateral_axes(arrival.direction))
    offset = blobs.offset
    origin = arrival.position[owner] + offset[:, :1] * first + offset[:, 1:] * second

    def each(values) -> np.ndarray:
        return np.repeat(values.astype(np.float32), counts)

    n = int(counts.sum())
    trace = np.repeat(blobs.trace, counts)
    energy = rng.standard_exponential(n, dtype=np.float32)
    energy[trace] = rng.standard_gamma(MIP_SHAPE, int(trace.sum()), np.float32) / MIP_SHAPE
    energy *= each(blobs.spot_energy)
    depth = each(blobs.start) + each(blobs.scale) * _depths(blobs, trace, rng)
    # Depth in mm of ECAL to mm along the path: beyond the ECAL comes a gap, then HCAL.
    ecal, gap = detector.ecal_depth / normal[owner], detector.hcal_gap / normal[owner]
    behind = each(ecal + gap - ecal * blobs.stretch) + each(blobs.stretch) * depth
    s = np.where(depth < each(ecal), depth, behind)
    radius = each(blobs.width) * _lateral(n, rng)
    angle = rng.random(n, dtype=np.float32) * np.float32(2 * np.pi)
    a, b = radius * np.cos(angle), radius * np.sin(angle)
    position = np.empty((3, n), np.float32)
    for k in range(3):
        position[k] = each(origin[:, k]) + s * each(direction[:, k])
        position[k] += a * each(first[:, k])
        position[k] += b * each(second[:, k])
    return Spots(np.repeat(owner, counts), energy, position)


def _depths(blobs: Blobs, trace, rng) -> Float[np.ndarray, " spots"]:
    """In units of the scale: gamma-distributed; traces have evenly spaced spots instead."""
    depth = np.empty(len(trace), np.float32)
    shapes = np.repeat(blobs.shape[~blobs.trace].astype(np.float32), blobs.spots[~blobs.trace])
    depth[~trace] = rng.standard_gamma(shapes, dtype=np.float32)
    counts = blobs.spots[blobs.trace]
    ordinal = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    depth[trace] = (ordinal + 0.5) / np.repeat(counts, counts)
    return depth


def _lateral(n: int, rng) -> Float[np.ndarray, " n"]:
    """Radii in units of the half-energy radius, from the cumulative r^2 / (r^2 + 1)."""
    u = rng.random(n, dtype=np.float32)
    return np.minimum(np.sqrt(u / (1 - u)), np.float32(12.0))


def _lateral_axes(direction: Float[np.ndarray, "n 3"]) -> tuple[np.ndarray, np.ndarray]:
    """Two unit vectors across each direction."""
    other = np.where(np.abs(direction[:, 2:3]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
    first = np.cross(other, direction)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return first, np.cross(direction, first)
