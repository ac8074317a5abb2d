"""The rows of `ytarget` and `ycand`: particles and candidates written where they were placed.

Classes are adapted to the element: what a track or a cluster cannot tell is not asked.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

from datasets import elements
from datasets.elements import ElementRows
from datasets.events import EventData, Links, Table, offsets_of
from datasets.schema import OVERLAID, TARGET_WIDTH, target
from datasets.truth.placement import Placement, merged_p4
from datasets.truth.truth import Truth, four_momenta, to_hits

CHARGED_HADRON, NEUTRAL_HADRON, PHOTON, ELECTRON, MUON = 1, 2, 3, 4, 5


def target_rows(
    events: EventData, found: Truth, places: ElementRows, placement: Placement
) -> Float[np.ndarray, "elements targets"]:
    """`ytarget` but for the jet index: `schema.TARGET_FEATURES`, zero where nothing is asked.

    gp_to_track is the highest track weight of the particle, gp_to_cluster the energy (GeV) of its
    hits in clusters. particle_number counts the particles of an event that left something in a
    track or a cluster, from 1; elements without a primary particle carry the number of the
    particle that left most in them, 0 if none did.
    """
    y = np.zeros((places.offsets[-1], TARGET_WIDTH))
    number = _number_in_event(events.particles, found)
    links = [(places.track, found.to_track), (places.cluster, found.to_cluster)]
    if not places.form.has_clusters:
        links.append((places.hit, to_hits(found, len(events.hits))))
    for row, to_element in links:
        best, element = _best_of_target(to_element)
        known = row[element] != elements.NO_ROW
        y[row[element][known], target("particle_number")] = number[best[known]]

    owners = np.flatnonzero(placement.placed)
    rows = placement.row[owners]
    columns = {name: events.particles[name][found.rows] for name in events.particles.columns}
    _fill(y, placement, columns, merged_p4(found.p4, placement))
    y[rows, target("generatorStatus")] = columns["generator_status"][owners]
    status = columns["simulator_status"][owners]
    y[rows, target("simulatorStatus")] = status
    y[rows, target("ispu")] = (status.astype(np.int64) & OVERLAID) > 0
    best_track = np.zeros(len(found.rows))
    np.maximum.at(best_track, found.to_track.source, found.to_track.weight)
    in_clusters = np.bincount(
        found.to_cluster.source, found.to_cluster.weight, minlength=len(found.rows)
    )
    y[rows, target("gp_to_track")] = best_track[owners]
    y[rows, target("gp_to_cluster")] = in_clusters[owners]
    y[rows, target("particle_number")] = number[owners]
    return y


def candidate_rows(
    events: EventData, places: ElementRows, placement: Placement
) -> Float[np.ndarray, "elements targets"]:
    """`ycand` but for the jet index."""
    y = np.zeros((places.offsets[-1], TARGET_WIDTH))
    p4 = merged_p4(four_momenta(events.candidates), placement)
    _fill(y, placement, events.candidates.columns, p4)
    return y


def classes(
    pdg: Int[np.ndarray, " rows"], on_track: Bool[np.ndarray, " rows"]
) -> Int[np.ndarray, " rows"]:
    """Index in `schema.CLASSES`, as far as a track or a cluster can tell them apart."""
    code = np.abs(pdg)
    charged = np.select([code == 11, code == 13], [ELECTRON, MUON], CHARGED_HADRON)
    neutral = np.where((code == 11) | (code == 22), PHOTON, NEUTRAL_HADRON)
    return np.where(on_track, charged, neutral)


def _number_in_event(particles: Table, found: Truth) -> Int[np.ndarray, " visible"]:
    """Numbers in the event, from 1, of the particles that reached a track or cluster; else 0."""
    linked = np.zeros(len(found.rows), bool)
    linked[found.to_track.source] = linked[found.to_cluster.source] = True
    before = offsets_of(linked)
    event = particles.event[found.rows]
    return np.where(linked, before[1:] - before[np.searchsorted(event, event)], 0)


def _best_of_target(links: Links) -> tuple[np.ndarray, np.ndarray]:
    """The source of the highest weight of every linked target, and those targets."""
    order = np.lexsort((links.source, -links.weight, links.target))
    linked, first = np.unique(links.target[order], return_index=True)
    return links.source[order][first], linked


def _fill(y, placement: Placement, columns, p4) -> None:
    """Writes class, charge and kinematics of the owners into their rows of y."""
    owners = np.flatnonzero(placement.placed)
    rows, on_track = placement.row[owners], placement.on_track[owners]
    px, py, pz, energy = p4[owners].T
    pt = np.hypot(px, py)
    y[rows, target("PDG")] = classes(columns["pdg"][owners], on_track)
    y[rows, target("charge")] = np.where(on_track, columns["charge"][owners], 0)
    y[rows, target("pt")] = pt
    y[rows, target("eta")] = np.arcsinh(pz / pt)
    y[rows, target("sin_phi")] = py / pt
    y[rows, target("cos_phi")] = px / pt
    y[rows, target("energy")] = energy
