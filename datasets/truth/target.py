"""Samples: what a model learns from a batch of events, the truth among it.

`truth` says which particle each track and cluster should become, `placement` which row of X that
is, `rows` writes it there; here it comes together with inputs, baseline candidates and jets.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool

from datasets import elements, jets
from datasets.events import EventData, Samples, Table, offsets_of, take_events
from datasets.schema import ELEMENTS, Face, target
from datasets.truth.assignment import NOBODY
from datasets.truth.placement import Placement, place_candidates, place_particles
from datasets.truth.rows import candidate_rows, target_rows
from datasets.truth.shares import true_shares
from datasets.truth.soundness import sound
from datasets.truth.truth import (
    PRESENT,
    Truth,
    Visibility,
    four_momenta,
    stable,
    truth,
)


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
    places = elements.rows_of(events, form)
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
        _keep_events(true_shares(found, places), kept) if form.has_clusters else None,
        face_of(events),
    )
    left_out = (came, came - events.events, int((~kept).sum()))
    return samples, _summary(events, left_out, found, placement, measurable, candidates)


def face_of(events: EventData) -> Face:
    """The calorimeter face of the events. Raises ValueError where their detector has none."""
    if events.face is None:
        raise ValueError(
            "the detector of these events has no calorimeter face: give it one, "
            "datasets.detectors.Detector(..., face=Face(radius, half_length)) in mm"
        )
    return events.face


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
