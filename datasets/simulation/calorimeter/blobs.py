"""Parts of showers: what photons, hadrons and muons turn into, before it is spread over space.

A blob is a compact part of a shower with one longitudinal and one lateral profile. Photons and
electrons make a core and a halo; charged hadrons leave the trace of a minimum-ionising particle
up to the first interaction, and hadrons from there blobs about the axis, hadronic ones and
electromagnetic ones, and what neutrons carry far away; muons leave a trace through everything and
radiate now and then.

The constants are fitted to the full-simulation photons in CLIC and the event in CLD of
`datasets.simulation.validation.fidelity`, but for those with a source of their own.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from datasets.simulation.detector import CLICLike

HADRON_SCALE = 1.04  # makes up for what falls below threshold or comes late
LOST = 0.045  # square of the stochastic term of what is lost (GeV)
HADRONIC_SPOT = 0.034  # GeV per spot in the hadronic part of a shower
CRITICAL = 0.010  # GeV, critical energy of the ECAL
RATE = 0.76  # fall of an electromagnetic shower with depth, per radiation length
HALO = 0.28  # share of the halo of an electromagnetic shower
CORE_WIDTH, HALO_WIDTH = 3.1, 19.0  # mm, half the energy of core and halo lies within
HADRONIC_WIDTH = 16.0  # mm, half the energy of a hadronic blob lies within
BLOBS = 1.3  # secondary blobs of a hadron shower for each unit of ln(1 + E/GeV)
BLOB_SPREAD = 75.0  # mm, mean distance of the blobs of a hadron shower from its axis
HADRONIC_DEPTH, BLOB_DEPTH = 0.28, 0.25  # interaction lengths
NEUTRONS = 0.12  # share of the energy of a hadron shower
NEUTRON_SPOT = 0.02  # GeV per spot
NEUTRON_WIDTH = 100.0  # mm, half the energy lies within
NEUTRON_DEPTH = 0.4  # interaction lengths, mean depth behind the first interaction
LATE, LATE_BLOBS = 6.0, 0.2  # ns, mean delay of what neutrons leave; share of blobs made by them
RADIATED, LEAST_RADIATED = 0.25, 0.1  # showers on the way of a muon, and their least energy (GeV)
PROMPT, PROMPT_HADRONIC = 0.008, 0.05  # ns, mean delay of deposits


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
    late: Float[np.ndarray, " blobs"]  # ns, mean of the exponential of the delays


def electromagnetic(
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
            np.full(n, detector.stretch),
            offset,
            np.full(n, width),
            np.full(n, PROMPT),
        )
        for share, width in ((1 - HALO, CORE_WIDTH), (HALO, HALO_WIDTH))
    ]


def hadronic(particle, energy, charged, normal, detector: CLICLike, rng) -> list[Blobs]:
    """Traces of charged ones up to the first interaction, from there blobs.

    The first interaction comes after an exponential of one interaction length. Fluctuations of
    the response beyond those of the number of spots: a gamma distribution, which stays positive.
    """
    n = len(particle)
    width2 = detector.hadron_stochastic**2 - 2 * HADRONIC_SPOT - LOST
    variance = width2 / np.maximum(energy, 0.1) + detector.hadron_constant**2
    deposited = HADRON_SCALE * energy * rng.standard_gamma(1 / variance) * variance
    start = rng.standard_exponential(n) * detector.ecal_interaction_length
    traces = _traces(particle, start, np.where(charged, deposited, 0.0), normal, detector)
    left = np.maximum(deposited - sum(t.spots * t.spot_energy for t in traces), 0.0)
    return [
        *traces,
        _neutrons(particle, NEUTRONS * left, start, detector, rng),
        *_secondaries(particle, energy, (1 - NEUTRONS) * left, start, normal, detector, rng),
    ]


def _neutrons(particle, energy, start, detector: CLICLike, rng) -> Blobs:
    """What neutrons carry away and leave late, in single cells far from the shower."""
    ones = np.ones(len(particle))
    length = detector.ecal_interaction_length
    return Blobs(
        particle,
        rng.poisson(energy / NEUTRON_SPOT),
        NEUTRON_SPOT * ones,
        np.zeros(len(particle), bool),
        start,
        ones,
        NEUTRON_DEPTH * length * ones,
        detector.hcal_interaction_length / length * ones,
        np.zeros((len(particle), 2)),
        NEUTRON_WIDTH * ones,
        LATE * ones,
    )


def _secondaries(particle, energy, left, start, normal, detector: CLICLike, rng) -> list[Blobs]:
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
    begin = start[of] + later * BLOB_DEPTH * length * rng.standard_exponential(len(of))
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
        HADRONIC_DEPTH * length * ones,
        detector.hcal_interaction_length / length * ones,
        offset[h],
        HADRONIC_WIDTH * ones,
        np.where(rng.random(len(h)) < LATE_BLOBS, LATE, PROMPT_HADRONIC),
    )
    # Behind the ECAL lengths scale for electromagnetic blobs by `stretch`, not as interactions do.
    ecal = (detector.ecal_depth / normal)[of[e]]
    scale = detector.hcal_interaction_length / length / detector.stretch
    first = np.where(begin[e] > ecal, ecal + (begin[e] - ecal) * scale, begin[e])
    photons = np.ones(len(e), bool)
    return [
        hadronic,
        *electromagnetic(particle[of[e]], blob_energy[e], photons, first, offset[e], detector, rng),
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
        np.zeros((n, 2)), np.full(n, 0.5), np.full(n, PROMPT),
    )  # fmt: skip


def muonic(particle, energy, normal, detector: CLICLike, rng) -> list[Blobs]:
    """A trace through ECAL, HCAL and the muon chambers, as far as the energy carries.

    On the way muons radiate: few showers, their energies uniform in the logarithm, so that a
    muon of 100 GeV loses 0.5% in them (PDG Review, muon energy loss at high energy).
    """
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
    hard = np.flatnonzero(0.1 * energy > LEAST_RADIATED)
    radiating = np.repeat(hard, rng.poisson(RADIATED, len(hard)))
    most = np.log(0.1 * energy[radiating] / LEAST_RADIATED)
    radiated = LEAST_RADIATED * np.exp(rng.random(len(radiating)) * most)
    where = rng.random(len(radiating)) * (ecal + hcal / detector.stretch)[radiating]
    n = len(radiating)
    showers = electromagnetic(
        particle[radiating], radiated, np.ones(n, bool), where, np.zeros((n, 2)), detector, rng
    )
    return [*traces, chambers, *showers]
