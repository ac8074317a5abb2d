"""Columns of a chunk of events to `EventData`: the same for every layout."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from datasets.detectors import Detector, TrackerTruth
from datasets.edm4hep import layout as names
from datasets.edm4hep.chunk import Chunk
from datasets.edm4hep.errors import EventFault, refuse
from datasets.edm4hep.layout import Objects, PodioLayout
from datasets.edm4hep.reading.references import (
    Place,
    aligned,
    all_of,
    join_links,
    links_between,
    members,
    place_of,
    ranges,
    rows_of,
)
from datasets.events import ENDS, EventData, Links, Table, offsets_of

MAY_LACK = ("dEdx", "dEdxError", "time")  # of tracks: 0 then, and `survey` says so
RADIUS = "radiusOfInnermostHit"
TRACK_COLUMNS = ("type", "chi2", "ndf", *MAY_LACK[:2], RADIUS, *names.STATE)
NO_LINKS = Links(np.zeros(0, int), np.zeros(0, int), np.zeros(0))


def to_events(
    chunk: Chunk, layout: PodioLayout, detector: Detector, parts: Collection[str] = names.PARTS
) -> EventData:
    """Tables and links of the events of a chunk, those of parts that are not read empty.

    Hits stand event by event in the order of `detector.hits`, and in each collection as in the
    file. Values are those of the file, also where they are no numbers.

    Raises:
        EventFault: a reference points outside its collection, branches that belong together differ
            in length, or a track has no state; names the branch and the events.
        EDM4HEPError: a reference points to a collection that is not read.
    """
    if names.TRACKER not in parts:  # clusters that have such hits have them no more
        layout = replace(layout, unread=(*layout.unread, *detector.tracker_hits))
    detector = _without_unread(detector, parts)
    tracks = _tracks(chunk, layout) if names.TRACKS in parts else _nothing(chunk, TRACK_COLUMNS)
    clusters = _table(chunk, layout.clusters, names.CLUSTERS in parts)
    hits, places = _hits(chunk, layout, detector)
    to_cluster = {layout.clusters.collection: place_of(clusters)}
    read = EventData(
        field=detector.field,
        face=detector.face,
        particles=_table(chunk, layout.particles, read=False),
        tracks=tracks,
        clusters=clusters,
        hits=hits,
        candidates=_table(chunk, layout.candidates, read=False),
        cluster_hit=_related(chunk, layout, layout.clusters, clusters, "hits", places)
        if names.CLUSTERS in parts
        else NO_LINKS,
        **dict.fromkeys(ENDS.keys() - {"cluster_hit"}, NO_LINKS),
    )
    to_track = {layout.tracks.collection: place_of(tracks)}
    if names.TRUTH in parts:
        with blamed(names.TRUTH):
            read = replace(read, **_truth(chunk, layout, detector, places, to_track))
    if names.BASELINE in parts:
        with blamed(names.BASELINE):
            read = replace(read, **_baseline(chunk, layout, to_track, to_cluster))
    return read


@contextmanager
def blamed(part: str) -> Iterator[None]:
    """What is wrong with events in the block is wrong with that part of them alone."""
    try:
        yield
    except EventFault as fault:
        fault.part = part
        raise


def _without_unread(detector: Detector, parts: Collection[str]) -> Detector:
    """The detector without the hits that are not read."""
    return replace(
        detector,
        calorimeter_hits=detector.calorimeter_hits if names.CALORIMETER in parts else {},
        tracker_hits=detector.tracker_hits if names.TRACKER in parts else {},
    )


def _truth(chunk: Chunk, layout: PodioLayout, detector: Detector, hit_places, to_track) -> dict:
    """The particles, and what they left."""
    particles = _table(chunk, layout.particles)
    to_particle = {layout.particles.collection: place_of(particles)}

    def truth(links: str, places) -> Links:
        return links_between(*_linked(chunk, layout, links, places, to_particle))

    tracker = [
        _tracker_truth(chunk, layout, way, hit_places, to_particle)
        for way in detector.tracker_hits.values()
        if way is not None
    ]
    return {
        "particles": particles,
        "daughters": _related(chunk, layout, layout.particles, particles, "daughters", to_particle),
        "hit_particle": join_links([truth(layout.hit_links, hit_places), *tracker]),
        "track_particle": truth(layout.track_links, to_track),
    }


def _baseline(chunk: Chunk, layout: PodioLayout, to_track, to_cluster) -> dict:
    """The candidates of the rule-based reconstruction, and what they are made of."""
    candidates = _table(chunk, layout.candidates)
    made_of = {
        relation: _related(chunk, layout, layout.candidates, candidates, relation, places)
        for relation, places in (("tracks", to_track), ("clusters", to_cluster))
    }
    return {
        "candidates": candidates,
        "candidate_track": made_of["tracks"],
        "candidate_cluster": made_of["clusters"],
    }


def _related(
    chunk: Chunk, layout: PodioLayout, objects: Objects, table: Table, relation: str, places
) -> Links:
    branch = layout.branch(objects.collection, relation)
    owner, references = members(chunk, table, objects.collection, relation, branch)
    rows = rows_of(chunk, references, places, layout.unread)
    return links_between(owner, rows, np.ones(len(owner)))


def _nothing(chunk: Chunk, columns: Iterable[str]) -> Table:
    return Table(offsets_of(np.zeros(chunk.events, int)), {name: np.zeros(0) for name in columns})


def _table(chunk: Chunk, objects: Objects, read: bool = True) -> Table:
    if not read:
        return _nothing(chunk, objects.columns)
    leaves = tuple(f"{objects.collection}.{leaf.name}" for leaf in objects.columns.values())
    read = aligned(chunk, leaves)
    columns = {name: leaf.values for name, leaf in zip(objects.columns, read, strict=True)}
    return Table(offsets_of(read[0].counts), columns)


def _tracks(chunk: Chunk, layout: PodioLayout) -> Table:
    """Tracks with their state at the interaction point, which is the first of each track."""
    name = layout.tracks.collection
    tracks = _table(chunk, layout.tracks)
    states = _table(chunk, layout.states)
    owner, position = ranges(chunk, tracks, name, "trackStates", states.counts)
    owned, first = np.unique(owner, return_index=True)
    _check_all_have(chunk, tracks, name, owned, "track state")
    columns = {
        **{column: np.zeros(len(tracks)) for column in MAY_LACK},
        **tracks.columns,
        **{c: states[c][position[first]] for c in names.STATE if c in states.columns},
    }
    if layout.dqdx is not None:
        columns |= _dqdx(chunk, layout, tracks)
    if RADIUS not in columns:
        columns[RADIUS] = _first_hit(chunk, name, tracks, states, owner, position)
    return Table(tracks.offsets, columns)


def _first_hit(chunk: Chunk, name: str, tracks: Table, states: Table, owner, position):
    """Distance of the innermost hit from the beam (mm)."""
    at_first_hit = states["location"][position] == names.AT_FIRST_HIT
    owner, position = owner[at_first_hit], position[at_first_hit]
    _check_all_have(chunk, tracks, name, owner, "state at its first hit")
    radius = np.zeros(len(tracks))
    radius[owner] = np.hypot(states["x"], states["y"])[position]
    return radius


def _check_all_have(chunk: Chunk, tracks: Table, name: str, having, what: str) -> None:
    without = ~np.isin(np.arange(len(tracks)), having)
    refuse(chunk.first_event, tracks.event, without, lambda _: f"a track of {name} has no {what}")


def _dqdx(chunk: Chunk, layout: PodioLayout, tracks: Table) -> dict[str, np.ndarray]:
    """dE/dx of the tracks; zero where none was measured, as in the published datasets."""
    measured = _table(chunk, layout.dqdx)
    branch = layout.branch(layout.dqdx.collection, "track")
    value = f"{layout.dqdx.collection}.{layout.dqdx.columns['dEdx'].name}"
    aligned(chunk, (value, names.reference_leaves(branch)[0]))
    references = all_of(chunk, branch)
    rows = rows_of(chunk, references, {layout.tracks.collection: place_of(tracks)})
    columns = {}
    for name in layout.dqdx.columns:
        columns[name] = np.zeros(len(tracks))
        columns[name][rows[rows >= 0]] = measured[name][rows >= 0]
    return columns


def _hits(chunk: Chunk, layout: PodioLayout, detector: Detector) -> tuple[Table, dict[str, Place]]:
    """All hits, event by event, in the detector's order of collections, and where each stands."""
    tables = [_table(chunk, layout.hits(name, detector)) for name in detector.hits]
    if not tables:
        return _nothing(chunk, (*layout.calorimeter_hit, "subdetector")), {}
    codes = [detector.code(name) for name in detector.hits]
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
        for name in layout.calorimeter_hit
    }
    columns["subdetector"] = np.repeat(codes, [len(table) for table in tables])[order]
    places = {name: Place(starts[:, i], counts[:, i]) for i, name in enumerate(detector.hits)}
    return Table(offsets_of(counts.sum(axis=1)), columns), places


def _tracker_truth(
    chunk: Chunk, layout: PodioLayout, way: TrackerTruth, hit_places, to_particle
) -> Links:
    """Tracker hit -> particle, by way of the simulated hit."""
    branch = layout.branch(way.simulated, "particle")
    particles = rows_of(chunk, all_of(chunk, branch), to_particle)
    counts = chunk.columns[names.reference_leaves(branch)[0]].counts
    simulated = {way.simulated: Place(offsets_of(counts)[:-1], counts)}
    hits, via, weight = _linked(chunk, layout, way.relations, hit_places, simulated)
    known = via >= 0
    return links_between(hits[known], particles[via[known]], weight[known])


def _linked(chunk: Chunk, layout: PodioLayout, links: str, source_places, target_places):
    """Both ends and the weight of every link of a collection."""
    source, target = (layout.branch(links, end) for end in ("from", "to"))
    indices = (names.reference_leaves(branch)[0] for branch in (source, target))
    weight, *_ = aligned(chunk, (f"{links}.weight", *indices))
    return (
        rows_of(chunk, all_of(chunk, source), source_places),
        rows_of(chunk, all_of(chunk, target), target_places),
        weight.values,
    )
