"""Samples: what a model learns from a batch of events, the truth among it.

`truth` says which particle each track and cluster should become; here it is written into rows,
with classes adapted to the element (what a track or a cluster cannot tell is not asked), next to
inputs, baseline candidates and jets.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from datasets import elements, jets
from datasets.assignment import Assignment, assign, relabel
from datasets.events import EventData, Links, Samples, Table, offsets_of
from datasets.schema import TARGET_WIDTH, target
from datasets.truth import PRESENT, Truth, Visibility, four_momenta, stable, truth

CHARGED_HADRON, NEUTRAL_HADRON, PHOTON, ELECTRON, MUON = 1, 2, 3, 4, 5


class Summary(NamedTuple):
    """Where the energy of a batch went: visible = assigned + merged + dropped. GeV."""

    visible: float  # all particles that the visibility rule keeps
    assigned: float  # ... with an element of their own
    merged: float  # ... added to the owner of their best cluster
    dropped: float  # ... with nowhere to go
    invisible: float  # status-1 particles other than neutrinos that the rule does not keep
    particles_visible: int
    particles_merged: int
    particles_dropped: int
    events_left_out: int  # no visible particle reached an element
    candidates_dropped: int  # baseline candidates linked to no element
    candidate_energy_dropped: float


def to_samples(
    events: EventData, visibility: Visibility = PRESENT, radius: float = 0.4, min_pt: float = 5.0
) -> Samples:
    """Inputs, truth, baseline and jets of a batch. Events in which no visible particle
    reached an element are left out.

    Jets: `jets.cluster` with that radius and least pt (GeV).
    """
    return samples_and_summary(events, visibility, radius, min_pt)[0]


def samples_and_summary(
    events: EventData, visibility: Visibility = PRESENT, radius: float = 0.4, min_pt: float = 5.0
) -> tuple[Samples, Summary]:
    """`to_samples` with the account of what was merged, dropped and left out."""
    found = truth(events, visibility)
    offsets, X = elements.features(events)
    ytarget = target_rows(events, found)
    targetjets, ytarget[:, target("jet_idx")] = _jets_of_rows(ytarget, offsets, radius, min_pt)
    ycand, placed = candidate_rows(events)
    ycand[:, target("jet_idx")] = _jets_of_rows(ycand, offsets, radius, min_pt)[1]
    measurable = np.flatnonzero(stable(events.particles))
    genjets, _ = jets.cluster_momenta(
        four_momenta(events.particles)[measurable],
        np.searchsorted(measurable, events.particles.offsets),
        radius,
        min_pt,
    )
    genmet = _met(events.particles, measurable)

    kept = np.zeros(events.events, bool)
    kept[events.particles.event[found.rows[found.assignment.primary]]] = True
    element_kept = np.repeat(kept, np.diff(offsets))
    samples = Samples(
        offsets_of(np.diff(offsets)[kept]),
        X[element_kept],
        ytarget[element_kept].astype(np.float32),
        ycand[element_kept].astype(np.float32),
        genmet[kept].astype(np.float32),
        _keep_events(genjets, kept),
        _keep_events(targetjets, kept),
    )
    return samples, _summary(events, found, measurable, kept, placed)


def target_rows(events: EventData, found: Truth) -> Float[np.ndarray, "elements targets"]:
    """`ytarget` but for the jet index: `schema.TARGET_FEATURES`, zero where nothing is asked.

    gp_to_track is the highest track weight of the particle, gp_to_cluster the energy (GeV) of its
    hits in clusters. particle_number counts the particles of an event that left something in a
    track or a cluster, from 1; elements without a primary particle carry the number of the
    particle that left most in them, 0 if none did.
    """
    offsets, track_rows, cluster_rows = elements.layout(events)
    y = np.zeros((offsets[-1], TARGET_WIDTH))
    number = _number_in_event(events.particles, found)
    for rows, links in ((track_rows, found.to_track), (cluster_rows, found.to_cluster)):
        best, element = _best_of_target(links)
        y[rows[element], target("particle_number")] = number[best]

    owners, rows, on_track = _placed_rows(found.assignment, track_rows, cluster_rows)
    columns = {name: events.particles[name][found.rows] for name in events.particles.columns}
    _fill(y, rows, owners, on_track, columns, _merged_p4(found.p4, found.assignment))
    y[rows, target("generatorStatus")] = columns["generator_status"][owners]
    y[rows, target("simulatorStatus")] = columns["simulator_status"][owners]
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
    events: EventData,
) -> tuple[Float[np.ndarray, "elements targets"], Bool[np.ndarray, " candidates"]]:
    """`ycand` but for the jet index, and which candidates found a place in it.

    The same assignment as for the truth, so that no candidate counts twice: its first track,
    else its most energetic cluster, else it is added to the candidate that has that cluster.
    """
    offsets, track_rows, cluster_rows = elements.layout(events)
    candidates, clusters = events.candidates, events.clusters
    p4 = four_momenta(candidates)
    with_eta = np.where(np.hypot(p4[:, 0], p4[:, 1]) > 0, np.arange(len(p4)), -1)
    to_track = relabel(events.candidate_track, with_eta)
    to_cluster = relabel(events.candidate_cluster, with_eta)
    to_cluster = replace(to_cluster, weight=clusters["energy"][to_cluster.target])
    placed = assign(p4[:, 3], to_track, to_cluster, len(events.tracks), len(clusters))

    y = np.zeros((offsets[-1], TARGET_WIDTH))
    owners, rows, on_track = _placed_rows(placed, track_rows, cluster_rows)
    _fill(y, rows, owners, on_track, candidates.columns, _merged_p4(p4, placed))
    return y, placed.primary | (placed.merged_into >= 0)


def classes(
    pdg: Int[np.ndarray, " rows"], on_track: Bool[np.ndarray, " rows"]
) -> Int[np.ndarray, " rows"]:
    """Index in `schema.CLASSES`, as far as a track or a cluster can tell them apart."""
    code = np.abs(pdg)
    charged = np.select([code == 11, code == 13], [ELECTRON, MUON], CHARGED_HADRON)
    neutral = np.where((code == 11) | (code == 22), PHOTON, NEUTRAL_HADRON)
    return np.where(on_track, charged, neutral)


def _number_in_event(particles: Table, found: Truth) -> Int[np.ndarray, " visible"]:
    """Numbers within the event, from 1, of the particles that reached an element."""
    linked = np.zeros(len(found.rows), bool)
    linked[found.to_track.source] = linked[found.to_cluster.source] = True
    before = offsets_of(linked)
    event = particles.event[found.rows]
    return before[1:] - before[np.searchsorted(event, event)]


def _best_of_target(links: Links) -> tuple[np.ndarray, np.ndarray]:
    """The source of the highest weight of every linked target, and those targets."""
    order = np.lexsort((links.source, -links.weight, links.target))
    linked, first = np.unique(links.target[order], return_index=True)
    return links.source[order][first], linked


def _placed_rows(assignment: Assignment, track_rows, cluster_rows):
    """Owners with an element of their own, the row of it in X, and whether it is a track."""
    owners = np.flatnonzero(assignment.primary)
    on_track = assignment.track[owners] >= 0
    rows = np.empty(len(owners), np.int64)
    rows[on_track] = track_rows[assignment.track[owners[on_track]]]
    rows[~on_track] = cluster_rows[assignment.cluster[owners[~on_track]]]
    return owners, rows, on_track


def _merged_p4(p4: np.ndarray, assignment: Assignment) -> np.ndarray:
    """Four-vectors of the owners with those of the particles merged into them."""
    merged = np.flatnonzero(assignment.merged_into >= 0)
    total = p4.copy()
    np.add.at(total, assignment.merged_into[merged], p4[merged])
    return total


def _fill(y, rows, owners, on_track, columns, p4) -> None:
    """Writes class, charge and kinematics of the owners into their rows of y."""
    px, py, pz, energy = p4[owners].T
    pt = np.hypot(px, py)
    y[rows, target("PDG")] = classes(columns["pdg"][owners], on_track)
    y[rows, target("charge")] = np.where(on_track, columns["charge"][owners], 0)
    y[rows, target("pt")] = pt
    y[rows, target("eta")] = np.arcsinh(pz / pt)
    y[rows, target("sin_phi")] = py / pt
    y[rows, target("cos_phi")] = px / pt
    y[rows, target("energy")] = energy


def _jets_of_rows(y, offsets, radius, min_pt) -> tuple[Table, np.ndarray]:
    phi = np.arctan2(y[:, target("sin_phi")], y[:, target("cos_phi")])
    pt, eta, energy = (y[:, target(name)] for name in ("pt", "eta", "energy"))
    return jets.cluster(pt, eta, phi, energy, offsets, radius, min_pt)


def _met(particles: Table, rows) -> Float[np.ndarray, " events"]:
    """Size of the summed transverse momentum (GeV) of these particles, by event."""
    event, events = particles.event[rows], len(particles.offsets) - 1
    return np.hypot(
        *(np.bincount(event, particles[name][rows], minlength=events) for name in ("px", "py"))
    )


def _keep_events(table: Table, kept: Bool[np.ndarray, " events"]) -> Table:
    rows = np.repeat(kept, table.counts)
    return Table(
        offsets_of(table.counts[kept]), {name: v[rows] for name, v in table.columns.items()}
    )


def _summary(events: EventData, found: Truth, measurable, kept, placed) -> Summary:
    energy, assignment = found.p4[:, 3], found.assignment
    merged = assignment.merged_into >= 0
    dropped = ~assignment.primary & ~merged
    invisible = np.setdiff1d(measurable, found.rows)
    candidate_energy = four_momenta(events.candidates)[:, 3]
    return Summary(
        visible=float(energy.sum()),
        assigned=float(energy[assignment.primary].sum()),
        merged=float(energy[merged].sum()),
        dropped=float(energy[dropped].sum()),
        invisible=float(four_momenta(events.particles)[invisible, 3].sum()),
        particles_visible=len(energy),
        particles_merged=int(merged.sum()),
        particles_dropped=int(dropped.sum()),
        events_left_out=int((~kept).sum()),
        candidates_dropped=int((~placed).sum()),
        candidate_energy_dropped=float(candidate_energy[~placed].sum()),
    )
