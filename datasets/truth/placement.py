"""Which row of X each particle or candidate is written to, for every form of dataset.

Particles are the same whatever the elements are: `truth` has decided over tracks and clusters who
has an element of its own, who is merged and who is dropped. Where the elements are hits, those
with an element move on: to their track, if tracks are elements, else to their best hit.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from datasets.elements import NO_ROW, ElementRows
from datasets.events import EventData, Links, offsets_of
from datasets.truth.assignment import NOBODY, Assignment, assign, chain, relabel
from datasets.truth.truth import Truth, four_momenta, to_hits


class Placement(NamedTuple):
    """Of each particle or candidate: its row of X, or whom it was added to."""

    row: Int[np.ndarray, " owners"]  # NO_ROW: no element of its own
    on_track: Bool[np.ndarray, " owners"]  # represented by a track, even where hits are elements
    merged_into: Int[np.ndarray, " owners"]  # NOBODY: placed, or dropped

    @property
    def placed(self) -> Bool[np.ndarray, " owners"]:
        """Owners with an element of their own."""
        return self.row != NO_ROW

    @property
    def dropped(self) -> Bool[np.ndarray, " owners"]:
        """Owners with nowhere to go."""
        return ~self.placed & (self.merged_into == NOBODY)


def place_particles(events: EventData, found: Truth, places: ElementRows) -> Placement:
    """Rows of the visible particles."""
    if places.form.has_clusters:
        return _on_tracks_and_clusters(found.assignment, places)
    to_hit = to_hits(found, len(events.hits))
    return _on_hits(found.p4[:, 3], found.assignment, to_hit, events, places)


def place_candidates(events: EventData, places: ElementRows) -> Placement:
    """Rows of the baseline's candidates, by the same rules, so that none counts twice.

    A candidate takes its first track, else its most energetic cluster, else it is added to the
    candidate that has that cluster. Where the elements are hits it takes the most energetic hit
    of its clusters instead, and one that has none any unused row of its event: the reconstruction
    of an event is complete, but such a row says nothing of the place of the candidate.
    """
    candidates, clusters = events.candidates, events.clusters
    p4 = four_momenta(candidates)
    with_eta = np.where(np.hypot(p4[:, 0], p4[:, 1]) > 0, np.arange(len(p4)), NOBODY)
    to_track = relabel(events.candidate_track, with_eta)
    to_cluster = relabel(events.candidate_cluster, with_eta)
    weighted = replace(to_cluster, weight=clusters["energy"][to_cluster.target])
    first = assign(p4[:, 3], to_track, weighted, len(events.tracks), len(clusters))
    if places.form.has_clusters:
        return _on_tracks_and_clusters(first, places)
    sizes = (len(candidates), len(clusters), len(events.hits))
    to_hit = chain(to_cluster, events.cluster_hit, sizes)
    to_hit = replace(to_hit, weight=events.hits["energy"][to_hit.target])
    placement = _on_hits(p4[:, 3], first, to_hit, events, places)
    return _on_spare_rows(placement, candidates.event, first.primary, places)


def merged_p4(
    p4: Float[np.ndarray, "owners 4"], placement: Placement
) -> Float[np.ndarray, "owners 4"]:
    """Four-vectors of the owners with those of the owners merged into them."""
    merged = np.flatnonzero(placement.merged_into != NOBODY)
    total = p4.copy()
    np.add.at(total, placement.merged_into[merged], p4[merged])
    return total


def _on_tracks_and_clusters(assignment: Assignment, places: ElementRows) -> Placement:
    on_track = assignment.track != NOBODY
    row = np.full(len(on_track), NO_ROW)
    row[on_track] = places.track[assignment.track[on_track]]
    on_cluster = assignment.cluster != NOBODY
    row[on_cluster] = places.cluster[assignment.cluster[on_cluster]]
    return Placement(row, on_track, assignment.merged_into)


def _on_hits(energy, first: Assignment, to_hit: Links, events: EventData, places: ElementRows):
    """Those who had an element, by decreasing energy: their own track, else their best hit."""
    having = np.where(first.primary, np.arange(len(energy)), NOBODY)
    owners = np.flatnonzero(first.track != NOBODY)
    own_track = Links(owners, first.track[owners], np.ones(len(owners)))
    second = assign(
        energy,
        _on_elements(own_track, places.track),
        _on_elements(relabel(to_hit, having), places.hit),
        len(events.tracks),
        len(events.hits),
    )
    row = np.full(len(energy), NO_ROW)
    row[second.track != NOBODY] = places.track[second.track[second.track != NOBODY]]
    row[second.cluster != NOBODY] = places.hit[second.cluster[second.cluster != NOBODY]]
    # Who was merged before follows the owner of its cluster, also where that one is merged now.
    merged = np.flatnonzero(first.merged_into != NOBODY)
    into = second.merged_into.copy()
    owner = first.merged_into[merged]
    into[merged] = np.where(row[owner] != NO_ROW, owner, second.merged_into[owner])
    return Placement(row, first.track != NOBODY, into)


def _on_elements(links: Links, row: np.ndarray) -> Links:
    """The links whose target is an element."""
    kept = row[links.target] != NO_ROW
    return Links(links.source[kept], links.target[kept], links.weight[kept])


def _on_spare_rows(placement: Placement, event, wanted, places: ElementRows) -> Placement:
    """Gives those who are wanted but were dropped the unused rows of their events, in order."""
    events = len(places.offsets) - 1
    used = np.zeros(places.offsets[-1], bool)
    used[placement.row[placement.placed]] = True
    spare = np.flatnonzero(~used)
    spare_event = np.searchsorted(places.offsets, spare, side="right") - 1
    spares = offsets_of(np.bincount(spare_event, minlength=events))
    homeless = np.flatnonzero(wanted & placement.dropped)
    before = offsets_of(np.bincount(event[homeless], minlength=events))
    within = np.arange(len(homeless)) - before[event[homeless]]
    fits = within < np.diff(spares)[event[homeless]]
    row = placement.row.copy()
    row[homeless[fits]] = spare[(spares[event[homeless]] + within)[fits]]
    return placement._replace(row=row)
