"""What tells podio's layouts apart: where each thing is in a file, as data.

Reader and writer know no branch but through a `PodioLayout`; `podio` has the two that there are. A
leaf is named `collection.member` in all of them, which is how uproot finds it in a TTree and in an
RNTuple alike.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from datasets.detectors import Detector

HIT_LINKS, TRACK_LINKS = "CalohitMCTruthLink", "SiTracksMCTruthLink"
AT_IP, AT_FIRST_HIT = 1, 2  # `location` of a track state, as in edm4hep::TrackState
STATE = ("tanLambda", "D0", "phi", "omega", "Z0", "time")  # of a track, from its first state


class Leaf(NamedTuple):
    """A member of the objects of a collection, and its type in EDM4HEP."""

    name: str
    type: str


Columns = Mapping[str, Leaf]  # by our names of the columns


class Objects(NamedTuple):
    """A collection: the columns of its table, and its relations of one object to many."""

    collection: str
    columns: Columns
    relations: tuple[str, ...] = ()


@dataclass(frozen=True)
class PodioLayout:
    """Where everything is in a file that podio wrote in one way."""

    name: str
    particles: Objects
    tracks: Objects
    states: Objects  # of the tracks, in ranges named trackStates
    dqdx: Objects | None  # dE/dx; None where it and the innermost radius are in the tracks
    clusters: Objects
    candidates: Objects
    calorimeter_hit: Columns
    tracker_hit: Columns
    references: Mapping[str, str]  # relation -> branch of its references; {} is the collection
    collection_id: str  # type of podio's numbers of collections
    aliases: Mapping[str, str]  # other names under which references know a collection
    unread: tuple[str, ...]  # collections that objects may be made of without being read
    tracker_truth: bool  # whether every file has what leads from tracker hits to particles

    def branch(self, collection: str, relation: str) -> str:
        """Branch of the references of a relation."""
        return self.references[relation].format(collection)

    def hits(self, collection: str, detector: Detector) -> Objects:
        """A collection of hits."""
        calorimeter = collection in detector.calorimeter_hits
        return Objects(collection, self.calorimeter_hit if calorimeter else self.tracker_hit)


def collections(layout: PodioLayout, detector: Detector) -> tuple[str, ...]:
    """Collections that a file must have."""
    ways = [way for way in detector.tracker_hits.values() if way is not None]
    return (
        layout.particles.collection,
        layout.tracks.collection,
        *((layout.dqdx.collection,) if layout.dqdx else ()),
        layout.clusters.collection,
        layout.candidates.collection,
        HIT_LINKS,
        TRACK_LINKS,
        *detector.hits,
        *((way.relations for way in ways) if layout.tracker_truth else ()),
    )


def pointed_at(layout: PodioLayout, detector: Detector) -> tuple[str, ...]:
    """Collections that references lead to."""
    ways = [way for way in detector.tracker_hits.values() if way is not None]
    return (
        layout.particles.collection,
        layout.tracks.collection,
        layout.clusters.collection,
        *detector.hits,
        *(way.simulated for way in ways),
    )


def leaves(layout: PodioLayout, detector: Detector) -> tuple[str, ...]:
    """Every leaf that is read."""
    return tuple(_leaves(layout, detector))


def truth_leaves(layout: PodioLayout, relations: str, simulated: str) -> tuple[str, ...]:
    """The leaves that lead from the hits of a tracker to particles."""
    ends = ((relations, "from"), (relations, "to"), (simulated, "particle"))
    references = (leaf for end in ends for leaf in reference_leaves(layout.branch(*end)))
    return (f"{relations}.weight", *references)


def reference_leaves(branch: str) -> tuple[str, str]:
    """The two members of podio's references."""
    return f"{branch}.index", f"{branch}.collectionID"


def _leaves(layout: PodioLayout, detector: Detector) -> Iterator[str]:
    dqdx = () if layout.dqdx is None else (layout.dqdx,)
    hits = (layout.hits(name, detector) for name in detector.hits)
    tables = (layout.particles, layout.tracks, layout.states, layout.clusters, layout.candidates)
    for collection, columns, relations in (*tables, *dqdx, *hits):
        yield from (f"{collection}.{leaf.name}" for leaf in columns.values())
        for relation in relations:
            yield from (f"{collection}.{relation}_{bound}" for bound in ("begin", "end"))
            yield from reference_leaves(layout.branch(collection, relation))
    yield from (f"{layout.tracks.collection}.trackStates_{bound}" for bound in ("begin", "end"))
    for collection, *_ in dqdx:
        yield from reference_leaves(layout.branch(collection, "track"))
    for links in (HIT_LINKS, TRACK_LINKS):
        yield f"{links}.weight"
        for end in ("from", "to"):
            yield from reference_leaves(layout.branch(links, end))
    for way in detector.tracker_hits.values():
        if way is not None:
            yield from truth_leaves(layout, *way)
