"""Events that no truth can be told of: a value in them is no measurement.

Full simulation and reconstruction do fail now and then. Such an event is left out as a whole and
counted, because an element without its energy would look like one that has none.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Bool

from datasets.elements import hit_sums
from datasets.events import ENDS, EventData
from datasets.schema import CHARGES

LARGEST = 1e18  # of any value in any unit: what is larger was never written on purpose
SMALLEST_OMEGA = 1e-18  # 1/mm: straighter than any track can be told to be
INPUTS = ("tracks", "clusters", "hits")  # what a model sees
TABLES = (*INPUTS, "particles", "candidates")
OF_PART = {"truth": "particles", "baseline": "candidates"}  # of events that cannot be read


def sound(events: EventData, tables: Sequence[str] = TABLES) -> Bool[np.ndarray, " events"]:
    """Events of which nothing is wrong in these tables and the links between them."""
    good = np.ones(events.events, bool)
    good[[*faults(events, tables)]] = False
    return good


def left_out(events: EventData, tables: Sequence[str] = TABLES) -> list[str]:
    """What is wrong with those that are not sound, by the file and the event."""
    found = sorted(faults(events, tables).items())
    if events.origin is None:
        return [f"event {event}: {what}" for event, what in found]
    path, numbers, _ = events.origin
    return [f"{path}, event {numbers[event]}: {what}" for event, what in found]


def faults(events: EventData, tables: Sequence[str] = TABLES) -> dict[int, str]:
    """What is wrong with events, by their place in the batch: the first thing of each.

    It could not be read; a value or the weight of a link is not finite, or absurdly large; a track
    is straight; what has a track has a charge that no model knows; the energies of a cluster's hits
    cancel; or a cluster or hit is on the beam axis (there, there is no eta).
    """
    found: dict[int, str] = {}
    for event, what in (*_unread(events, tables), *_unmeasured(events, tables)):
        found.setdefault(event, what)
    return found


def _unread(events: EventData, tables: Sequence[str]) -> Iterator[tuple[int, str]]:
    if events.origin is None:
        return
    places = {int(number): place for place, number in enumerate(events.origin.numbers)}
    for fault in events.origin.faults:
        if fault.event in places and OF_PART.get(fault.part, tables[0]) in tables:
            yield places[fault.event], fault.what


def _unmeasured(events: EventData, tables: Sequence[str]) -> Iterator[tuple[int, str]]:
    for name in tables:
        table = getattr(events, name)
        for column, values in table.columns.items():
            yield from _wrong(table.event, ~_measured(values), f"{column} of {name}", values)
    tracks, hits, clusters = events.tracks, events.hits, events.clusters
    if "tracks" in tables:
        yield from _wrong(
            tracks.event, np.abs(tracks["omega"]) < SMALLEST_OMEGA, "a straight track"
        )
    if "hits" in tables:
        on_axis = (hits["x"] == 0) & (hits["y"] == 0)
        yield from _wrong(hits.event, on_axis, "a hit on the beam axis")
    if "clusters" in tables:
        on_axis = np.sin(clusters["iTheta"]) <= 0
        yield from _wrong(clusters.event, on_axis, "a cluster on the beam axis")
    if {"hits", "clusters"} <= {*tables} and (hits["energy"] < 0).any():
        yield from _wrong(clusters.event, _without_spread(events), "a cluster of hits that cancel")
    for name, owner, rows in (
        ("particles", events.particles, events.track_particle.target),
        ("candidates", events.candidates, events.candidate_track.source),
    ):
        if name in tables:
            beyond = ~np.isin(charge := owner["charge"][rows], CHARGES)
            text = f"charge of {name} with tracks"
            yield from _wrong(owner.event[rows], beyond, text, charge)
    for name, ends in ENDS.items():
        if {*ends} <= {*tables}:
            links = getattr(events, name)
            event = getattr(events, ends[0]).event[links.source]
            yield from _wrong(event, ~_measured(links.weight), f"weight of {name}", links.weight)


def _without_spread(events: EventData) -> Bool[np.ndarray, " clusters"]:
    """Clusters whose hits of negative energy outweigh the others somewhere: a sum of squares
    weighted by them has no root."""
    with np.errstate(all="ignore"):
        sums = hit_sums(events)
        spreads = [np.float32(sums[f"sigma_{axis}"]) for axis in "xyz"]
    return ~np.isfinite(spreads).all(axis=0)


def _wrong(event, wrong, what: str, values=None) -> Iterator[tuple[int, str]]:
    """The first wrong row of each event."""
    rows = np.flatnonzero(wrong)
    of, first = np.unique(event[rows], return_index=True)
    for place, row in zip(of, rows[first], strict=True):
        yield int(place), what if values is None else f"{what} is {values[row]}"


def _measured(values: np.ndarray) -> Bool[np.ndarray, " values"]:
    """Finite, and of a size that squares and sums of it are finite too, as float32."""
    return np.abs(values) < LARGEST  # no comparison with nan is true
