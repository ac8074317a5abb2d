"""Samples: what a model learns from a batch of events, the truth among it.

`truth` says which particle each track and cluster should become, `placement` which row of X that
is; here it is written into rows, with classes adapted to the element (what a track or a cluster
cannot tell is not asked), next to inputs, baseline candidates and jets.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from datasets import elements, jets
from datasets.elements import Layout
from datasets.events import EventData, Links, Samples, Table, offsets_of, take_events
from datasets.schema import ELEMENTS, TARGET_WIDTH, target
from datasets.truth.assignment import NOBODY
from datasets.truth.placement import Placement, merged_p4, place_candidates, place_particles
from datasets.truth.soundness import sound
from datasets.truth.truth import (
    PRESENT,
    Truth,
    Visibility,
    four_momenta,
    stable,
    to_hits,
    truth,
)

CHARGED_HADRON, NEUTRAL_HADRON, PHOTON, ELECTRON, MUON = 1, 2, 3, 4, 5
OVERLAID = 1 << 23  # LCIO's bit of the simulator status for particles of overlaid collisions


@dataclass(frozen=True)
class Settings:
    """What a dataset's definition leaves to choose."""

    elements: str = "clusters"  # of schema.ELEMENTS
    visibility: Visibility = PRESENT
    jet_radius: float = 0.4
    jet_min_pt: float = 5.0  # GeV


SETTINGS = Settings()


class Summary(NamedTuple):
    """Where the energy of a batch went: visible = assigned + merged + dropped. GeV."""

    events: int  # all that came in
    events_unsound: int  # left out: a value is not finite (`datasets.truth.soundness`)
    events_empty: int  # left out: no visible particle reached an element
    visible: float  # all particles that the visibility rule keeps
    assigned: float  # ... with an element of their own
    merged: float  # ... added to the owner of their best cluster
    dropped: float  # ... with nowhere to go
    invisible: float  # status-1 particles other than neutrinos that the rule does not keep
    particles_visible: int
    particles_merged: int
    particles_dropped: int
    candidates_dropped: int  # baseline candidates linked to no element
    candidate_energy_dropped: float


def total(summaries: Iterable[Summary]) -> Summary:
    """The account of several batches together."""
    return Summary(*(sum(column) for column in zip(*summaries, strict=True)))


def to_samples(events: EventData, settings: Settings = SETTINGS) -> Samples:
    """Inputs, truth, baseline and jets of a batch.

    Left out are events with values that are not finite, and those in which no visible particle
    reached an element. Jets and missing pt are of all that happened, overlaid collisions included:
    `ispu` tells them apart.
    """
    return samples_and_summary(events, settings)[0]


def samples_and_summary(
    events: EventData, settings: Settings = SETTINGS
) -> tuple[Samples, Summary]:
    """`to_samples` with the account of what was merged, dropped and left out."""
    came, well = events.events, sound(events)
    events = events if well.all() else take_events(events, np.flatnonzero(well))
    form = ELEMENTS[settings.elements]
    found = truth(events, settings.visibility)
    places = elements.layout(events, form)
    offsets, X = elements.features(events, form)
    placement = place_particles(events, found, places)
    ytarget = target_rows(events, found, places, placement)
    targetjets, ytarget[:, target("jet_idx")] = _jets_of_rows(ytarget, offsets, settings)
    candidates = place_candidates(events, places)
    ycand = candidate_rows(events, places, candidates)
    ycand[:, target("jet_idx")] = _jets_of_rows(ycand, offsets, settings)[1]
    measurable = np.flatnonzero(stable(events.particles))
    p4 = four_momenta(events.particles)[measurable]
    first = np.searchsorted(measurable, events.particles.offsets)
    genjets, _ = jets.cluster_momenta(p4, first, settings.jet_radius, settings.jet_min_pt)
    genmet = jets.missing_pt(p4[:, 0], p4[:, 1], first)

    kept = np.zeros(events.events, bool)
    kept[events.particles.event[found.rows[placement.placed]]] = True
    element_kept = np.repeat(kept, np.diff(offsets))
    samples = Samples(
        offsets_of(np.diff(offsets)[kept]),
        X[element_kept],
        ytarget[element_kept].astype(np.float32),
        ycand[element_kept].astype(np.float32),
        genmet[kept].astype(np.float32),
        _keep_events(genjets, kept),
        _keep_events(targetjets, kept),
        form.name,
    )
    left_out = (came, came - events.events, int((~kept).sum()))
    return samples, _summary(events, left_out, found, placement, measurable, candidates)


def target_rows(
    events: EventData, found: Truth, places: Layout, placement: Placement
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
    events: EventData, places: Layout, placement: Placement
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


def _jets_of_rows(y, offsets, settings: Settings) -> tuple[Table, np.ndarray]:
    phi = np.arctan2(y[:, target("sin_phi")], y[:, target("cos_phi")])
    pt, eta, energy = (y[:, target(name)] for name in ("pt", "eta", "energy"))
    return jets.cluster(pt, eta, phi, energy, offsets, settings.jet_radius, settings.jet_min_pt)


def _keep_events(table: Table, kept: Bool[np.ndarray, " events"]) -> Table:
    rows = np.repeat(kept, table.counts)
    return Table(
        offsets_of(table.counts[kept]), {name: v[rows] for name, v in table.columns.items()}
    )


def _summary(events, left_out, found: Truth, placement: Placement, measurable, candidates):
    energy = found.p4[:, 3]
    merged = placement.merged_into != NOBODY
    invisible = np.setdiff1d(measurable, found.rows)
    candidate_energy = four_momenta(events.candidates)[:, 3]
    return Summary(
        *left_out,
        visible=float(energy.sum()),
        assigned=float(energy[placement.placed].sum()),
        merged=float(energy[merged].sum()),
        dropped=float(energy[placement.dropped].sum()),
        invisible=float(four_momenta(events.particles)[invisible, 3].sum()),
        particles_visible=len(energy),
        particles_merged=int(merged.sum()),
        particles_dropped=int(placement.dropped.sum()),
        candidates_dropped=int(candidates.dropped.sum()),
        candidate_energy_dropped=float(candidate_energy[candidates.dropped].sum()),
    )
