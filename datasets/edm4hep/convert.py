"""Columns of a chunk of events to `EventData`: references become row numbers over all events."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from datasets.detectors import Detector
from datasets.edm4hep import layout
from datasets.edm4hep.errors import EDM4HEPError
from datasets.events import EventData, Links, Table, offsets_of
from datasets.schema import TRACKER

AT_FIRST_HIT = 2  # `location` of a track state, as in edm4hep::TrackState
UNSET = (-1, -2)  # index of a podio reference to nothing


class Jagged(NamedTuple):
    """One leaf: the values of all events behind each other, and how many each event has."""

    counts: Int[np.ndarray, " events"]
    values: np.ndarray


class Chunk(NamedTuple):
    """What was read of some consecutive events."""

    columns: Mapping[str, Jagged]  # by leaf name
    ids: Mapping[str, int]  # collection name -> podio's number of it
    first_event: int  # number in the file, for messages


class Place(NamedTuple):
    """Where the objects of a collection stand in a table, by event."""

    starts: Int[np.ndarray, " events"]
    counts: Int[np.ndarray, " events"]


class References(NamedTuple):
    """Some entries of a branch of podio references."""

    branch: str
    event: Int[np.ndarray, " references"]
    index: Int[np.ndarray, " references"]
    collection: Int[np.ndarray, " references"]


def convert(chunk: Chunk, detector: Detector) -> EventData:
    """Tables and links of the events of a chunk.

    Raises:
        EDM4HEPError: a reference points outside its collection or to one that is not read, or a
            track has no state; names the branch and the event.
    """
    particles = _table(chunk, layout.PARTICLES, layout.PARTICLE_COLUMNS)
    clusters = _table(chunk, layout.CLUSTERS, layout.CLUSTER_COLUMNS)
    candidates = _table(chunk, layout.CANDIDATES, layout.CANDIDATE_COLUMNS)
    tracks = _tracks(chunk)
    hits, hit_places = _hits(chunk, detector)
    to_particle = {layout.PARTICLES: _place(particles)}
    to_track = {layout.TRACKS: _place(tracks)}
    to_cluster = {layout.CLUSTERS: _place(clusters)}

    def members(table: Table, collection: str, relation: str, places) -> Links:
        owner, references = _members(chunk, table, collection, relation)
        rows = _rows(chunk, references, places)
        return _links(owner, rows, np.ones(len(owner)))

    def truth(links: str, places) -> Links:
        ends = [_rows(chunk, _all(chunk, f"_{links}_{end}"), to) for end, to in (
            ("from", places), ("to", to_particle))]  # fmt: skip
        return _links(*ends, chunk.columns[f"{links}.weight"].values)

    calorimeter = truth(layout.HIT_LINKS, hit_places)
    tracker = [
        _tracker_truth(chunk, way, hit_places, to_particle)
        for way in detector.tracker_hits.values()
    ]
    return EventData(
        field=detector.field,
        particles=particles,
        tracks=tracks,
        clusters=clusters,
        hits=hits,
        candidates=candidates,
        daughters=members(particles, layout.PARTICLES, "daughters", to_particle),
        hit_particle=_join([calorimeter, *tracker]),
        track_particle=truth(layout.TRACK_LINKS, to_track),
        cluster_hit=members(clusters, layout.CLUSTERS, "hits", hit_places),
        candidate_track=members(candidates, layout.CANDIDATES, "tracks", to_track),
        candidate_cluster=members(candidates, layout.CANDIDATES, "clusters", to_cluster),
    )


def _table(chunk: Chunk, collection: str, columns: Mapping[str, str]) -> Table:
    read = {name: chunk.columns[f"{collection}.{leaf}"] for name, leaf in columns.items()}
    first = next(iter(read.values()))
    return Table(offsets_of(first.counts), {name: leaf.values for name, leaf in read.items()})


def _place(table: Table) -> Place:
    return Place(table.offsets[:-1], table.counts)


def _tracks(chunk: Chunk) -> Table:
    """Tracks with their state at the interaction point, which is the first of each track."""
    tracks = _table(chunk, layout.TRACKS, layout.TRACK_COLUMNS)
    states = _table(
        chunk,
        layout.STATES,
        {
            **layout.STATE_COLUMNS,
            **{name: name for name in ("location", "referencePoint.x", "referencePoint.y")},
        },
    )
    owner, position = _ranges(chunk, tracks, layout.TRACKS, "trackStates", states.counts)
    owned, first = np.unique(owner, return_index=True)
    at_first_hit = states["location"][position] == AT_FIRST_HIT
    for having, what in ((owned, "track state"), (owner[at_first_hit], "state at its first hit")):
        without = np.setdiff1d(np.arange(len(tracks)), having)
        if len(without):
            event = chunk.first_event + tracks.event[without[0]]
            raise EDM4HEPError(f"a track of {layout.TRACKS} has no {what} in event {event}")

    radius = np.zeros(len(tracks))
    radius[owner[at_first_hit]] = np.hypot(states["referencePoint.x"], states["referencePoint.y"])[
        position[at_first_hit]
    ]
    return Table(
        tracks.offsets,
        {
            **tracks.columns,
            **{name: states[name][position[first]] for name in layout.STATE_COLUMNS},
            **_dqdx(chunk, tracks),
            "radiusOfInnermostHit": radius,
        },
    )


def _dqdx(chunk: Chunk, tracks: Table) -> dict[str, np.ndarray]:
    """dE/dx of the tracks; zero where none was measured, as in the published datasets."""
    references = _all(chunk, f"_{layout.DQDX}_track")
    rows = _rows(chunk, references, {layout.TRACKS: _place(tracks)})
    columns = {}
    for name, leaf in layout.DQDX_COLUMNS.items():
        columns[name] = np.zeros(len(tracks))
        columns[name][rows[rows >= 0]] = chunk.columns[f"{layout.DQDX}.{leaf}"].values[rows >= 0]
    return columns


def _hits(chunk: Chunk, detector: Detector) -> tuple[Table, dict[str, Place]]:
    """All hits, event by event, in the detector's order of collections, and where each stands."""
    tables = [
        *(_table(chunk, name, layout.CALORIMETER_COLUMNS) for name in detector.calorimeter_hits),
        *(_table(chunk, name, layout.TRACKER_COLUMNS) for name in detector.tracker_hits),
    ]
    codes = [*detector.calorimeter_hits.values(), *[TRACKER] * len(detector.tracker_hits)]
    counts = np.stack([table.counts for table in tables], axis=1)  # events, collections
    starts = offsets_of(counts.ravel())[:-1].reshape(counts.shape)
    rows = np.concatenate(
        [
            np.arange(len(table)) + (starts[:, i] - table.offsets[:-1])[table.event]
            for i, table in enumerate(tables)
        ]
    )
    order = np.argsort(rows)
    columns = {
        name: np.concatenate([table[name] for table in tables])[order]
        for name in layout.CALORIMETER_COLUMNS
    }
    columns["subdetector"] = np.repeat(codes, [len(table) for table in tables])[order]
    places = {name: Place(starts[:, i], counts[:, i]) for i, name in enumerate(detector.hits)}
    return Table(offsets_of(counts.sum(axis=1)), columns), places


def _tracker_truth(chunk: Chunk, way, hit_places, to_particle) -> Links:
    """Tracker hit -> particle, by way of the simulated hit."""
    particle_of = _all(chunk, f"_{way.simulated}_particle")
    particles = _rows(chunk, particle_of, to_particle)
    counts = chunk.columns[f"_{way.simulated}_particle.index"].counts
    simulated = {way.simulated: Place(offsets_of(counts)[:-1], counts)}
    hits = _rows(chunk, _all(chunk, f"_{way.relations}_from"), hit_places)
    via = _rows(chunk, _all(chunk, f"_{way.relations}_to"), simulated)
    known = via >= 0
    return _links(hits[known], particles[via[known]], np.ones(known.sum()))


def _members(chunk: Chunk, table: Table, collection: str, relation: str):
    """Row of the owner, and the reference, of every member in a one-to-many relation."""
    references = _all(chunk, f"_{collection}_{relation}")
    counts = chunk.columns[f"_{collection}_{relation}.index"].counts
    owner, position = _ranges(chunk, table, collection, relation, counts)
    return owner, References(
        references.branch,
        references.event[position],
        references.index[position],
        references.collection[position],
    )


def _ranges(chunk: Chunk, table: Table, collection: str, relation: str, available):
    """Owner and position of every entry in the ranges [begin, end) of the objects of a table."""
    begin, end = (
        chunk.columns[f"{collection}.{relation}_{bound}"].values.astype(np.int64)
        for bound in ("begin", "end")
    )
    event = table.event
    wrong = (begin > end) | (end > available[event])
    if wrong.any():
        row = np.flatnonzero(wrong)[0]
        raise EDM4HEPError(
            f"{collection}.{relation} of event {chunk.first_event + event[row]} asks for entries "
            f"{begin[row]} to {end[row]} of {available[event[row]]}"
        )
    lengths = end - begin
    owner = np.repeat(np.arange(len(table)), lengths)
    within = np.arange(len(owner)) - np.repeat(offsets_of(lengths)[:-1], lengths)
    return owner, offsets_of(available)[event[owner]] + begin[owner] + within


def _all(chunk: Chunk, branch: str) -> References:
    index, collection = (chunk.columns[f"{branch}.{leaf}"] for leaf in ("index", "collectionID"))
    event = np.repeat(np.arange(len(index.counts)), index.counts)
    return References(branch, event, index.values.astype(np.int64), collection.values)


def _rows(chunk: Chunk, references: References, places: Mapping[str, Place]) -> np.ndarray:
    """Table rows that references point to; -1 for references to nothing."""
    branch, event, index, collection = references
    rows = np.full(len(index), -1)
    pending = ~np.isin(index, UNSET)
    for name, place in places.items():
        here = pending & (collection == chunk.ids[name])
        pending &= ~here
        outside = here & ((index < 0) | (index >= place.counts[event]))
        if outside.any():
            first = np.flatnonzero(outside)[0]
            raise EDM4HEPError(
                f"{branch} points to entry {index[first]} of {name}, which has "
                f"{place.counts[event[first]]}, in event {chunk.first_event + event[first]}"
            )
        rows[here] = place.starts[event[here]] + index[here]
    if pending.any():
        first = np.flatnonzero(pending)[0]
        number = int(collection[first])
        name = next((name for name, i in chunk.ids.items() if i == number), f"number {number}")
        raise EDM4HEPError(
            f"{branch} points to collection {name} in event {chunk.first_event + event[first]}, "
            f"where one of {', '.join(places)} is expected (hit collections of a detector are "
            "listed in datasets/detectors.py)"
        )
    return rows


def _links(source: np.ndarray, target: np.ndarray, weight: np.ndarray) -> Links:
    """Links whose both ends exist."""
    kept = (source >= 0) & (target >= 0)
    return Links(source[kept], target[kept], weight[kept].astype(np.float64))


def _join(parts: list[Links]) -> Links:
    return Links(
        *(
            np.concatenate([getattr(p, end) for p in parts])
            for end in ("source", "target", "weight")
        )
    )
