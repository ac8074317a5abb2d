"""`EventData` to the columns of an EDM4HEP file: `reading.tables` the other way round."""

from dataclasses import replace

import numpy as np
from jaxtyping import Int

from datasets.detectors import Detector, TrackerTruth
from datasets.edm4hep import layout as names
from datasets.edm4hep.chunk import Chunk, Jagged
from datasets.edm4hep.errors import EDM4HEPError
from datasets.edm4hep.layout import Objects, PodioLayout
from datasets.edm4hep.writing.addresses import (
    Address,
    Leaves,
    address,
    hit_address,
    linked,
    ranges,
    references,
    related,
)
from datasets.events import EventData, Links, Table, offsets_of
from datasets.schema import TRACKER


def in_file_order(
    events: EventData, collection: Int[np.ndarray, " hits"]
) -> tuple[EventData, Int[np.ndarray, " hits"]]:
    """The events with the hits of each in the order of their collections, and these."""
    order = np.lexsort((collection, events.hits.event))
    new = np.argsort(order)
    member, truth = events.cluster_hit, events.hit_particle
    hits = {name: column[order] for name, column in events.hits.columns.items()}
    return replace(
        events,
        hits=Table(events.hits.offsets, hits),
        cluster_hit=Links(member.source, new[member.target], member.weight),
        hit_particle=Links(new[truth.source], truth.target, truth.weight),
    ), collection[order]


def to_columns(
    events: EventData, collection: Int[np.ndarray, " hits"], layout: PodioLayout, detector: Detector
) -> Chunk:
    """Columns that `reading.tables` turns back into those events, their hits `in_file_order`.

    `collection` has the position of every hit's collection in `detector.hits`. Values are rounded
    to the types of EDM4HEP. Links to particles have weights there, all others are 1.

    Raises:
        EDM4HEPError: a value does not fit its type in EDM4HEP, or tracker hits have particles but
            the detector no way to them.
    """
    events, collection = in_file_order(events, collection)
    collections = dict(enumerate(names.pointed_at(layout, detector), start=1))
    numbers = {name: number for number, name in collections.items()}
    particles, tracks, clusters = (
        address(table, numbers[objects.collection])
        for table, objects in (
            (events.particles, layout.particles),
            (events.tracks, layout.tracks),
            (events.clusters, layout.clusters),
        )
    )
    hits = hit_address(events.hits, collection, [numbers[name] for name in detector.hits])
    columns: Leaves = {}
    for objects, table, relations in (
        (layout.particles, events.particles, {"daughters": (events.daughters, particles)}),
        (layout.tracks, events.tracks, {}),
        (layout.clusters, events.clusters, {"hits": (events.cluster_hit, hits)}),
        (layout.candidates, events.candidates, {
            "tracks": (events.candidate_track, tracks),
            "clusters": (events.candidate_cluster, clusters),
        }),
    ):  # fmt: skip
        columns |= _objects(objects, table)
        for relation, (links, goal) in relations.items():
            columns |= related(layout, objects.collection, relation, table, links, goal)
    columns |= _of_tracks(layout, events.tracks, tracks)
    for i, name in enumerate(detector.hits):
        columns |= _objects(layout.hits(name, detector), _rows(events.hits, collection == i))

    truth = events.hit_particle
    in_tracker = events.hits["subdetector"][truth.source] == TRACKER
    columns |= linked(layout, names.HIT_LINKS, _some(truth, ~in_tracker), hits, particles)
    columns |= linked(layout, names.TRACK_LINKS, events.track_particle, tracks, particles)
    for name, way in detector.tracker_hits.items():
        here = in_tracker & (collection[truth.source] == detector.hits.index(name))
        if way is not None:
            number = numbers[way.simulated]
            columns |= _by_simulated(layout, way, number, _some(truth, here), hits, particles)
        elif here.any():
            raise EDM4HEPError(
                f"hits of {name} have particles, but {detector.name} has no way to them"
            )
    return Chunk(columns, collections, first_event=0)


def _objects(objects: Objects, table: Table) -> Leaves:
    leaves = {}
    for name, (member, type, _) in objects.columns.items():
        leaf = f"{objects.collection}.{member}"
        leaves[leaf] = Jagged(table.counts, _cast(leaf, table[name], type))
    return leaves


def _cast(leaf: str, values: np.ndarray, type: str) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # of what is no number, and refused below
        cast = values.astype(type)
    if cast.dtype.kind in "iu" and not np.array_equal(cast, values):
        wrong = values[cast != values][0]
        raise EDM4HEPError(f"{wrong} cannot be written as {leaf}, which is of type {cast.dtype}")
    return cast


def _rows(table: Table, chosen) -> Table:
    counts = np.bincount(table.event[chosen], minlength=len(table.counts))
    return Table(offsets_of(counts), {k: column[chosen] for k, column in table.columns.items()})


def _some(links: Links, chosen) -> Links:
    return Links(links.source[chosen], links.target[chosen], links.weight[chosen])


def _of_tracks(layout: PodioLayout, tracks: Table, to_track: Address) -> Leaves:
    """What a layout has of tracks outside of them: states, and in the one of 2025 their dE/dx.

    There the innermost radius is the distance of a second state, at the first hit, of which
    nothing else is known.
    """
    states = 1 if layout.dqdx is None else 2
    second = np.tile(np.arange(states) == 1, len(tracks))
    columns = {
        name: np.where(second, np.nan, np.repeat(tracks[name], states)) for name in names.STATE
    }
    radius = np.repeat(tracks["radiusOfInnermostHit"], states)
    columns |= {
        "location": np.where(second, names.AT_FIRST_HIT, names.AT_IP),
        "x": np.where(second, radius, 0),
    }
    columns |= {"y": np.zeros(len(second)), "z": np.where(second, np.nan, 0)}
    lengths = np.full(len(tracks), states)
    leaves = ranges(layout.tracks.collection, "trackStates", tracks, lengths)
    leaves |= _objects(layout.states, Table(tracks.offsets * states, columns))
    if layout.dqdx is None:
        return leaves
    measured = references(layout, layout.dqdx.collection, "track", to_track, slice(None))
    return {**leaves, **_objects(layout.dqdx, tracks), **measured}


def _by_simulated(
    layout: PodioLayout,
    way: TrackerTruth,
    number: int,
    links: Links,
    hits: Address,
    particles: Address,
) -> Leaves:
    """Tracker hit -> particle, by way of one simulated hit for each link."""
    order = np.argsort(hits.event[links.source], kind="stable")
    event = hits.event[links.source[order]]
    simulated = address(Table(offsets_of(np.bincount(event, minlength=hits.events)), {}), number)
    to_simulated = Links(links.source[order], np.arange(len(order)), links.weight[order])
    return {
        **linked(layout, way.relations, to_simulated, hits, simulated),
        **references(layout, way.simulated, "particle", particles, links.target[order]),
    }
