"""The truth of a batch of events: which particle each track and cluster should become.

The definition, in the order of this file:

1. A hit's energy is shared among particles in proportion to the link weights.
2. Status-1 particles collect hits and tracks of all their simulated descendants; where none of
   the status-1 descendants of a particle left anything but the particle itself has hits, it
   stands in for them.
3. Those that left enough in the detector are visible. Neutrinos are not.
4. Each visible particle, by decreasing energy, takes a track or a cluster (`assignment.assign`);
   those left over are merged into the owner of their best cluster.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from datasets.events import EventData, Links, Table
from datasets.truth.assignment import (
    Assignment,
    assign,
    chain,
    combine,
    flip,
    inherit,
    reaches,
    relabel,
)

NEUTRINOS = (12, 14, 16)
STAND_IN_GENERATIONS = 8


class Visibility(NamedTuple):
    """A particle is visible by any of: calorimetric fraction, charged deposit, track weight."""

    energy_fraction: float  # of the particle's energy, in its hits; exclusive
    charged_energy: float  # GeV in the hits of a charged particle; exclusive
    track_weight: float  # of a track's hits; inclusive


PRESENT = Visibility(0.10, 0.5, 0.2)
PAPER_2024 = Visibility(0.10, np.inf, 0.6)  # Pata et al., Commun. Phys. 7, 124 (2024)
VISIBILITIES = {"present": PRESENT, "paper_2024": PAPER_2024}


class Truth(NamedTuple):
    """Visible particles and what they left. `rows` are rows of `EventData.particles`, ascending."""

    rows: Int[np.ndarray, " visible"]
    p4: Float[np.ndarray, "visible 4"]  # px, py, pz, E in GeV
    to_track: Links  # visible particle (position in `rows`) -> track; share of the track's hits
    to_cluster: Links  # visible particle -> cluster; GeV of its hits in the cluster
    deposits: Links  # visible particle -> hit; GeV, a link for each descendant that left some
    assignment: Assignment


def truth(events: EventData, visibility: Visibility = PRESENT) -> Truth:
    """Visible particles of all events, what they left where, and the element each one takes."""
    particles, hits = events.particles, len(events.hits)
    tracks, clusters = len(events.tracks), len(events.clusters)
    deposits = _hit_energy_of_particles(events)
    owner = _owners(events, deposits)
    deposits = relabel(deposits, owner)
    on_tracks = relabel(flip(events.track_particle), owner)
    on_tracks = combine(on_tracks, (len(particles), tracks))

    rows = np.flatnonzero(_visible(particles, deposits, on_tracks, visibility))
    position = np.full(len(particles), -1)
    position[rows] = np.arange(len(rows))
    to_track = relabel(on_tracks, position)
    deposits = relabel(deposits, position)
    to_cluster = chain(deposits, flip(events.cluster_hit), (len(rows), hits, clusters))
    p4 = four_momenta(particles)[rows]
    assignment = assign(p4[:, 3], to_track, to_cluster, tracks, clusters)
    return Truth(rows, p4, to_track, to_cluster, deposits, assignment)


def to_hits(found: Truth, hits: int) -> Links:
    """Visible particle -> hit: GeV of the particle and its descendants in each of `hits` hits."""
    return combine(found.deposits, (len(found.rows), hits))


def four_momenta(table: Table) -> Float[np.ndarray, "rows 4"]:
    """px, py, pz, E (GeV) of particles or candidates: E^2 = p^2 + m^2."""
    px, py, pz, mass = (table[name].astype(np.float64) for name in ("px", "py", "pz", "mass"))
    return np.stack([px, py, pz, np.sqrt(px**2 + py**2 + pz**2 + mass**2)], axis=1)


def _hit_energy_of_particles(events: EventData) -> Links:
    """Particle -> hit; the energy of the hit times the particle's share of its link weights."""
    links = events.hit_particle
    total = np.bincount(links.source, links.weight, minlength=len(events.hits))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(total[links.source] > 0, links.weight / total[links.source], 0.0)
    return Links(links.target, links.source, share * events.hits["energy"][links.source])


def _owners(events: EventData, deposits: Links) -> Int[np.ndarray, " particles"]:
    """Who collects what each particle left: a status-1 particle, or one that stands in; -1 none."""
    particles, daughters = events.particles, events.daughters
    itself = np.arange(len(particles))
    stable = particles["generator_status"] == 1
    has_hits = np.zeros(len(particles), bool)
    has_hits[deposits.source[deposits.weight > 0]] = True
    active = has_hits.copy()
    active[events.track_particle.target[events.track_particle.weight > 0]] = True

    owner = inherit(np.where(stable, itself, -1), daughters)
    depositing = np.zeros(len(particles), bool)
    depositing[owner[active & (owner >= 0)]] = True
    stands_in = (
        (owner < 0)
        & has_hits
        & reaches(stable, daughters, STAND_IN_GENERATIONS)
        & ~reaches(depositing, daughters, STAND_IN_GENERATIONS)
    )
    # Below a particle that stands in, nobody else does.
    stands_in &= ~reaches(stands_in, flip(daughters), len(particles))
    return inherit(np.where(stands_in, itself, owner), daughters)


def _visible(particles: Table, deposits: Links, on_tracks: Links, rule: Visibility) -> np.ndarray:
    """Which particles the rule keeps; those along the beam, without eta, never."""
    energy = four_momenta(particles)[:, 3]
    left = np.bincount(deposits.source, deposits.weight, minlength=len(particles))
    tracked = np.zeros(len(particles), bool)
    tracked[on_tracks.source[on_tracks.weight >= rule.track_weight]] = True
    charged = particles["charge"] != 0
    enough = (left > rule.energy_fraction * energy) | (charged & (left > rule.charged_energy))
    transverse = np.hypot(particles["px"], particles["py"]) > 0
    return (enough | tracked) & transverse & ~_neutrino(particles)


def _neutrino(particles: Table) -> np.ndarray:
    return np.isin(np.abs(particles["pdg"]), NEUTRINOS)


def stable(particles: Table) -> np.ndarray:
    """What a perfect detector would measure: status 1, no neutrinos."""
    return (particles["generator_status"] == 1) & ~_neutrino(particles)
