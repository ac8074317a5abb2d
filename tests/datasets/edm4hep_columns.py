"""Random events written down as the columns of an EDM4HEP file: the reader's way backwards."""

from dataclasses import replace

import numpy as np

from datasets.detectors import Detector
from datasets.edm4hep import layout
from datasets.edm4hep.convert import AT_FIRST_HIT, Chunk, Jagged
from datasets.events import EventData, Links, Table, offsets_of
from datasets.schema import TRACKER


def in_file_order(events: EventData, detector: Detector, rng) -> tuple[EventData, np.ndarray]:
    """The events with hits in the order of the detector's collections, and the collection of each.

    Tracker hits keep one particle each, as simulated hits have one.
    """
    names = detector.hits
    codes = [*detector.calorimeter_hits.values(), *[TRACKER] * len(detector.tracker_hits)]
    choices = [np.flatnonzero(np.array(codes) == code) for code in range(4)]
    collection = np.array([rng.choice(choices[c]) for c in events.hits["subdetector"]], int)
    order = np.lexsort((collection, events.hits.event))
    new = np.argsort(order)
    hits = Table(events.hits.offsets, {k: v[order] for k, v in events.hits.columns.items()})
    member, truth = events.cluster_hit, events.hit_particle
    tracker = events.hits["subdetector"][truth.source] == TRACKER
    first = np.zeros(len(tracker), bool)
    first[np.unique(truth.source, return_index=True)[1]] = True
    kept = first | ~tracker
    weight = np.where(tracker, 1.0, truth.weight)
    assert len(names) > collection.max(initial=0)
    return replace(
        events,
        hits=hits,
        cluster_hit=Links(member.source, new[member.target], member.weight),
        hit_particle=Links(new[truth.source[kept]], truth.target[kept], weight[kept]),
    ), collection[order]


def chunk_of(events: EventData, collection: np.ndarray, detector: Detector) -> Chunk:
    """Columns that `convert` turns back into those events."""
    ids = {name: 1000 + i for i, name in enumerate(layout.collections(detector))}
    columns: dict[str, Jagged] = {}

    def put(prefix, table, names, rows=slice(None)):
        counts = np.bincount(table.event[rows], minlength=events.events)
        for name, leaf in names.items():
            columns[f"{prefix}.{leaf}"] = Jagged(counts, table[name][rows])

    def references(branch, event, index, names):
        counts = np.bincount(event, minlength=events.events)
        numbers = np.array([ids[name] for name in names], np.uint32)
        columns[f"{branch}.index"] = Jagged(counts, np.asarray(index, np.int32))
        columns[f"{branch}.collectionID"] = Jagged(counts, numbers)

    def local(table, rows):
        return rows - table.offsets[table.event[rows]]

    in_collection = np.zeros(len(collection), int)
    for i in range(len(detector.hits)):
        here = collection == i
        counts = np.bincount(events.hits.event[here], minlength=events.events)
        in_collection[here] = np.arange(here.sum()) - np.repeat(offsets_of(counts)[:-1], counts)

    def hit_references(branch, rows):
        names = [detector.hits[i] for i in collection[rows]]
        references(branch, events.hits.event[rows], in_collection[rows], names)

    def members(prefix, table, relation, links, goal, name=None):
        order = np.lexsort((np.arange(len(links.source)), links.source))
        owner, rows = links.source[order], links.target[order]
        counts = np.bincount(owner, minlength=len(table))
        begin = offsets_of(counts)[:-1]
        first = np.concatenate([begin, [len(rows)]])[table.offsets[:-1]]
        begin = begin - first[table.event]
        for bound, values in (("begin", begin), ("end", begin + counts)):
            columns[f"{prefix}.{relation}_{bound}"] = Jagged(table.counts, values)
        branch = f"_{prefix}_{relation}"
        if name is None:
            hit_references(branch, rows)
        else:
            references(branch, goal.event[rows], local(goal, rows), [name] * len(rows))

    particles, tracks, clusters = events.particles, events.tracks, events.clusters
    put(layout.PARTICLES, particles, layout.PARTICLE_COLUMNS)
    put(layout.TRACKS, tracks, layout.TRACK_COLUMNS)
    put(layout.CLUSTERS, clusters, layout.CLUSTER_COLUMNS)
    put(layout.CANDIDATES, events.candidates, layout.CANDIDATE_COLUMNS)
    put(layout.DQDX, tracks, layout.DQDX_COLUMNS)
    rows = np.arange(len(tracks))
    branch = f"_{layout.DQDX}_track"
    references(branch, tracks.event, local(tracks, rows), [layout.TRACKS] * len(rows))
    _put_states(columns, tracks)
    for i, name in enumerate(detector.hits):
        calorimeter = name in detector.calorimeter_hits
        names = layout.CALORIMETER_COLUMNS if calorimeter else layout.TRACKER_COLUMNS
        put(name, events.hits, names, collection == i)

    members(layout.PARTICLES, particles, "daughters", events.daughters, particles, layout.PARTICLES)
    members(layout.CLUSTERS, clusters, "hits", events.cluster_hit, None)
    for relation, links, goal, name in (
        ("tracks", events.candidate_track, tracks, layout.TRACKS),
        ("clusters", events.candidate_cluster, clusters, layout.CLUSTERS),
    ):
        members(layout.CANDIDATES, events.candidates, relation, links, goal, name)

    def to_particles(branch, rows):
        names = [layout.PARTICLES] * len(rows)
        references(branch, particles.event[rows], local(particles, rows), names)

    links = events.track_particle
    names = [layout.TRACKS] * len(links.source)
    branch = f"_{layout.TRACK_LINKS}"
    references(f"{branch}_from", tracks.event[links.source], local(tracks, links.source), names)
    to_particles(f"{branch}_to", links.target)
    _put_weights(columns, layout.TRACK_LINKS, links.weight)

    links = events.hit_particle
    tracker = events.hits["subdetector"][links.source] == TRACKER
    hit_references(f"_{layout.HIT_LINKS}_from", links.source[~tracker])
    to_particles(f"_{layout.HIT_LINKS}_to", links.target[~tracker])
    _put_weights(columns, layout.HIT_LINKS, links.weight[~tracker])
    for name, way in detector.tracker_hits.items():
        here = tracker & (collection[links.source] == detector.hits.index(name))
        rows = links.source[here]
        hit_references(f"_{way.relations}_from", rows)
        event = events.hits.event[rows]
        within = np.arange(len(rows)) - np.searchsorted(event, event)
        references(f"_{way.relations}_to", event, within, [way.simulated] * len(rows))
        to_particles(f"_{way.simulated}_particle", links.target[here])
    return Chunk(columns, ids, first_event=0)


def _put_states(columns, tracks: Table) -> None:
    """Two states a track: at the interaction point, and at the first hit."""
    twice = np.repeat(np.arange(len(tracks)), 2)
    second = np.tile([False, True], len(tracks))
    begin = 2 * (np.arange(len(tracks)) - tracks.offsets[:-1][tracks.event])
    columns[f"{layout.TRACKS}.trackStates_begin"] = Jagged(tracks.counts, begin)
    columns[f"{layout.TRACKS}.trackStates_end"] = Jagged(tracks.counts, begin + 2)
    states = {
        **{name: np.where(second, -99.0, tracks[name][twice]) for name in layout.STATE_COLUMNS},
        "location": np.where(second, AT_FIRST_HIT, 1),
        "referencePoint.x": np.where(second, tracks["radiusOfInnermostHit"][twice] * 0.6, 0.0),
        "referencePoint.y": np.where(second, tracks["radiusOfInnermostHit"][twice] * 0.8, 0.0),
    }
    for name, values in states.items():
        columns[f"{layout.STATES}.{name}"] = Jagged(2 * tracks.counts, values)


def _put_weights(columns, links: str, weight: np.ndarray) -> None:
    counts = columns[f"_{links}_from.index"].counts
    columns[f"{links}.weight"] = Jagged(counts, weight)
