"""What tells podio's layouts apart: where each thing is in a file, as data.

Reader and writer know no branch but through a `PodioLayout`; `podio` has the two that there are. A
leaf is named `collection.member` in all of them, which is how uproot finds it in a TTree and in an
RNTuple alike.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from datasets.detectors import Detector

HIT_LINKS, TRACK_LINKS = "CalohitMCTruthLink", "SiTracksMCTruthLink"  # what a writer calls them
# What a program may ask a file for.
TRACKS, CLUSTERS, CALORIMETER = "tracks", "clusters", "calorimeter hits"
TRACKER, TRUTH, BASELINE = "tracker hits", "truth", "baseline"
PARTS = (TRACKS, CLUSTERS, CALORIMETER, TRACKER, TRUTH, BASELINE)
NEEDS = {  # what a part leads to, and cannot be read without
    CLUSTERS: (CALORIMETER,),
    TRUTH: (TRACKS, CLUSTERS, CALORIMETER, TRACKER),
    BASELINE: (TRACKS, CLUSTERS, CALORIMETER),
}
BOUNDS = ("begin", "end")  # of a range of references
AT_IP, AT_FIRST_HIT = 1, 2  # `location` of a track state, as in edm4hep::TrackState
STATE = ("tanLambda", "D0", "phi", "omega", "Z0", "time")  # of a track, from its first state


class Leaf(NamedTuple):
    """A member of the objects of a collection, its type in EDM4HEP, and its names in versions that
    call it otherwise."""

    name: str
    type: str
    also: tuple[str, ...] = ()


Columns = Mapping[str, Leaf]  # by our names of the columns


class Objects(NamedTuple):
    """A collection: the columns of its table, and its relations of one object to many."""

    collection: str
    columns: Columns
    relations: tuple[str, ...] = ()
    also: tuple[str, ...] = ()  # collections that are taken for it where it is not there


@dataclass(frozen=True)
class PodioLayout:
    """Where everything is in a file that podio wrote in one way."""

    name: str
    particles: Objects
    tracks: Objects
    states: Objects  # of the tracks, in ranges named trackStates
    dqdx: Objects | None  # dE/dx; None where it is in the tracks, or nowhere
    clusters: Objects
    candidates: Objects
    calorimeter_hit: Columns
    tracker_hit: Columns
    references: Mapping[str, str]  # relation -> branch of its references; {} is the collection
    collection_id: str  # type of podio's numbers of collections
    aliases: Mapping[str, str]  # other names under which references know a collection
    unread: tuple[str, ...]  # collections that objects may be made of without being read
    tracker_truth: bool  # whether every file has what leads from tracker hits to particles
    other_references: Mapping[str, tuple[str, ...]]  # the same in other versions
    hit_links: str = HIT_LINKS
    track_links: str = TRACK_LINKS
    # Branches of references that a file has under other names.
    renamed: Mapping[str, str] = field(default_factory=dict)

    def branch(self, collection: str, relation: str) -> str:
        """Branch of the references of a relation."""
        name = self.references[relation].format(collection)
        return self.renamed.get(name, name)

    def hits(self, collection: str, detector: Detector) -> Objects:
        """A collection of hits."""
        calorimeter = collection in detector.calorimeter_hits
        return Objects(collection, self.calorimeter_hit if calorimeter else self.tracker_hit)


def collections(
    layout: PodioLayout, detector: Detector, parts: Collection[str] = PARTS
) -> tuple[str, ...]:
    """Collections that a file must have for these parts."""
    ways = [way for way in detector.tracker_hits.values() if way is not None]
    of_parts = {
        TRACKS: (layout.tracks.collection,),
        CLUSTERS: (layout.clusters.collection,),
        CALORIMETER: tuple(sorted(detector.calorimeter_hits)),
        TRACKER: tuple(sorted(detector.tracker_hits)),
        TRUTH: (
            layout.particles.collection,
            layout.hit_links,
            layout.track_links,
            *((way.relations for way in ways) if layout.tracker_truth else ()),
        ),
        BASELINE: (layout.candidates.collection,),
    }
    return tuple(name for part in PARTS if part in parts for name in of_parts[part])


def with_needs(parts: Iterable[str]) -> frozenset[str]:
    """These parts, and those that they cannot be read without."""
    return frozenset(need for part in parts for need in (part, *NEEDS.get(part, ())))


def pointed_at(
    layout: PodioLayout, detector: Detector, parts: Collection[str] = PARTS
) -> tuple[str, ...]:
    """Collections that references lead to."""
    ways = [way for way in detector.tracker_hits.values() if way is not None]
    truth = (layout.particles.collection, *(way.simulated for way in ways))
    return (
        *(truth[:1] if TRUTH in parts else ()),
        *((layout.tracks.collection,) if TRACKS in parts else ()),
        *((layout.clusters.collection,) if CLUSTERS in parts else ()),
        *(name for name in detector.hits if _part_of(name, detector) in parts),
        *(truth[1:] if TRUTH in parts else ()),
    )


def _part_of(hits: str, detector: Detector) -> str:
    return CALORIMETER if hits in detector.calorimeter_hits else TRACKER


def leaves(
    layout: PodioLayout, detector: Detector, parts: Collection[str] = PARTS
) -> tuple[str, ...]:
    """Every leaf that is read for these parts."""
    asked = [part for part in PARTS if part in parts]
    return tuple(leaf for part in asked for leaf in _leaves(layout, detector, part))


def truth_leaves(layout: PodioLayout, relations: str, simulated: str) -> tuple[str, ...]:
    """The leaves that lead from the hits of a tracker to particles."""
    ends = ((relations, "from"), (relations, "to"), (simulated, "particle"))
    references = (leaf for end in ends for leaf in reference_leaves(layout.branch(*end)))
    return (f"{relations}.weight", *references)


def reference_leaves(branch: str) -> tuple[str, str]:
    """The two members of podio's references."""
    return f"{branch}.index", f"{branch}.collectionID"


def _leaves(layout: PodioLayout, detector: Detector, part: str) -> Iterator[str]:
    if part == TRACKS:
        yield from _of_objects(layout, layout.tracks)
        yield from _of_objects(layout, layout.states)
        yield from (f"{layout.tracks.collection}.trackStates_{bound}" for bound in BOUNDS)
        if layout.dqdx is not None:
            yield from _of_objects(layout, layout.dqdx)
            yield from reference_leaves(layout.branch(layout.dqdx.collection, "track"))
    elif part in (CALORIMETER, TRACKER):
        for name in detector.hits:
            if _part_of(name, detector) == part:
                yield from _of_objects(layout, layout.hits(name, detector))
    elif part == TRUTH:
        yield from _of_objects(layout, layout.particles)
        for links in (layout.hit_links, layout.track_links):
            yield f"{links}.weight"
            for end in ("from", "to"):
                yield from reference_leaves(layout.branch(links, end))
        for way in detector.tracker_hits.values():
            if way is not None:
                yield from truth_leaves(layout, *way)
    else:
        yield from _of_objects(layout, layout.clusters if part == CLUSTERS else layout.candidates)


def _of_objects(layout: PodioLayout, objects: Objects) -> Iterator[str]:
    yield from (f"{objects.collection}.{leaf.name}" for leaf in objects.columns.values())
    for relation in objects.relations:
        yield from (f"{objects.collection}.{relation}_{bound}" for bound in BOUNDS)
        yield from reference_leaves(layout.branch(objects.collection, relation))
