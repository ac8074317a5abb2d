"""What a file has and what it lacks, by what a program may ask for."""

from collections.abc import Collection, Mapping, Set
from dataclasses import replace
from typing import NamedTuple

from datasets.detectors import CLD, Detector, find, recognise
from datasets.edm4hep import layout as names
from datasets.edm4hep.errors import EDM4HEPError
from datasets.edm4hep.layout import PARTS, PodioLayout, with_needs
from datasets.edm4hep.podio import CANDIDATES, tell
from datasets.edm4hep.reading.metadata import Metadata, metadata_of
from datasets.edm4hep.reading.subsets import origins
from datasets.edm4hep.reading.versions import called, collections_of, resolved, subset, version_of

REQUIRED = (
    "Full simulation (ddsim) and the reconstruction of CLIC or CLD with Pandora and truth links "
    "have them, if all collections are kept; fast simulation has not"
)


class Survey(NamedTuple):
    """A file as it is, whether or not a program can use it."""

    container: str  # TTree or RNTuple
    events: int
    layout: PodioLayout  # with the names of this file
    detector: Detector
    is_told: bool  # whether it was given, or the calorimeter collections tell it
    version: str  # of EDM4hep
    collections: frozenset[str]
    lacks: Mapping[str, tuple[str, ...]]  # collections, by part
    lacks_leaves: Mapping[str, tuple[str, ...]]  # members, of parts that lack no collection
    chosen: Mapping[str, str]  # collections that are only references, and whose objects they are
    metadata: Metadata
    notes: tuple[str, ...]  # what is unusual


def surveyed(file, tree, known: Detector | None) -> Survey:
    """What an open file is.

    Raises EDM4HEPError where it is not EDM4HEP, or where one name could mean several collections.
    """
    leaves = {key.rsplit("/", 1)[-1] for key in tree.keys()}  # noqa: SIM118, not a dict
    found, metadata = collections_of(leaves), metadata_of(file)
    detector = known or recognise(found) or CLD
    layout = called(tell(found), detector.collections)
    wanted = {*names.collections(layout, detector), *CANDIDATES}
    chosen = origins(tree, sorted(n for n in wanted - found if subset(n) in found), metadata.names)
    leaves |= _leaves_of(chosen, leaves)
    there = collections_of(leaves)
    layout = resolved(layout, leaves, metadata.types)
    if not layout.tracker_truth:
        detector = _without_absent_truth(layout, detector, leaves)
    needed = {part: names.collections(layout, detector, (part,)) for part in PARTS}
    lacks = {part: tuple(n for n in of if n not in there) for part, of in needed.items()}
    if not any(set(of) & there for of in needed.values()) and "EventHeader" not in there:
        raise EDM4HEPError(_without_events(metadata.types))
    return Survey(
        container="TTree" if "TTree" in type(tree).__name__ else "RNTuple",
        events=int(tree.num_entries),
        layout=layout,
        detector=detector,
        is_told=known is not None or recognise(found) is not None,
        version=version_of(leaves, metadata.version),
        collections=frozenset(found),
        lacks=lacks,
        lacks_leaves={
            part: tuple(
                leaf
                for leaf in names.leaves(layout, detector, (part,))
                if leaf not in leaves and not lacks[part]
            )
            for part in PARTS
        },
        chosen=chosen,
        metadata=metadata,
        notes=tuple(_notes(layout, chosen, leaves)),
    )


def parts_of(found: Survey, needs: Collection[str], wants: Collection[str] = ()) -> frozenset[str]:
    """What will be read: all that is needed, and what there is of the rest.

    Raises EDM4HEPError where the file lacks what is needed; names that, and nothing else.
    """
    needed = with_needs(needs)
    lacks = {part: found.lacks[part] for part in PARTS if part in needed and found.lacks[part]}
    if lacks:
        delphes = " (this looks like Delphes)" if "EFlowTrack" in found.collections else ""
        raise EDM4HEPError(
            f"lacks collections needed for {found.detector.name}: {_by_part(lacks)}. "
            f"{REQUIRED}{delphes}"
        )
    absent = {p: found.lacks_leaves[p] for p in PARTS if p in needed and found.lacks_leaves[p]}
    if absent:
        raise EDM4HEPError(
            f"lacks branches of EDM4hep {found.version} in podio's layout of {found.layout.name}: "
            f"{_by_part(absent)}"
        )
    return needed | frozenset(w for part in wants for w in [part] if has(found, part))


def has(found: Survey, part: str) -> bool:
    """Whether a part can be read."""
    return not any(found.lacks[need] or found.lacks_leaves[need] for need in with_needs((part,)))


def known_detector(detector: str | Detector) -> Detector:
    """The detector. Raises EDM4HEPError where there is none of that name."""
    try:
        return find(detector)
    except ValueError as error:
        raise EDM4HEPError(str(error)) from None


def _by_part(lacks: Mapping[str, Collection[str]]) -> str:
    return "; ".join(f"{', '.join(of)} ({part})" for part, of in lacks.items())


def _leaves_of(chosen: Mapping[str, str], leaves: Set[str]) -> set[str]:
    """The leaves of collections that are only references: those of the objects."""
    own = set()
    for name, of in chosen.items():
        for ours, theirs in ((f"{name}.", f"{of}."), (f"_{name}_", f"_{of}_")):
            own |= {ours + leaf[len(theirs) :] for leaf in leaves if leaf.startswith(theirs)}
    return own


def _without_events(types: Mapping[str, str]) -> str:
    """What there is in a file of which nothing can be read, by podio's types of its collections."""
    if not types:
        return "a ROOT file, but not EDM4HEP: 'events' has none of its branches"
    return (
        "EDM4HEP, but without an event to reconstruct: neither tracks, clusters, hits nor "
        f"particles, only {', '.join(sorted(types)):.200}; give the file that they were made from"
    )


def _without_absent_truth(layout: PodioLayout, detector: Detector, leaves: Set[str]) -> Detector:
    """Files of 2023 have tracker hits, but not always the way from them to particles."""
    ways = {
        name: way if way and leaves >= {*names.truth_leaves(layout, *way)} else None
        for name, way in detector.tracker_hits.items()
    }
    return replace(detector, tracker_hits=ways)


def _notes(layout: PodioLayout, chosen: Mapping[str, str], leaves: Set[str]):
    plain = tell(collections_of(leaves))
    for field in ("hit_links", "track_links"):
        if (name := getattr(layout, field)) != getattr(plain, field):
            yield f"{name} is taken for {getattr(plain, field)}"
    if layout.candidates.collection != plain.candidates.collection:
        yield f"{layout.candidates.collection} is taken for {plain.candidates.collection}"
    for name, of in chosen.items():
        yield f"{name} is chosen from {of}"
    if f"{layout.tracks.collection}.chi2" in leaves:
        if layout.dqdx is None and "dEdx" not in layout.tracks.columns:
            yield "there is no dE/dx: it is 0 for all tracks, as where none was measured"
        if "time" not in layout.states.columns:
            yield "track states have no time: it is 0 for all tracks"
