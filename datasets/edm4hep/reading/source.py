"""Opening EDM4HEP files: what they are, and in one line what is wrong with them."""

import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from datasets.detectors import CLD, Detector, find, recognise
from datasets.edm4hep import layout as names
from datasets.edm4hep.errors import EDM4HEPError
from datasets.edm4hep.layout import PodioLayout
from datasets.edm4hep.podio import tell
from datasets.edm4hep.reading.metadata import collection_names

CONTAINERS = ("TTree", "ROOT::RNTuple")


class Source(NamedTuple):
    """A file that can be read: podio's layout of it, its detector and its number of events."""

    path: Path
    layout: PodioLayout
    detector: Detector
    events: int


class Contents(NamedTuple):
    """An open file, and what its events are to be read with."""

    branches: Mapping[str, object]  # uproot's, by leaf, of a TTree or of an RNTuple
    events: int
    layout: PodioLayout
    detector: Detector
    collections: Mapping[int, str]  # podio's numbers and their names


def inspect(path: str | Path, detector: str | Detector | None = None) -> Source:
    """What a file is, once all that `read` needs is known to be there. Raises as `read` does."""
    with opened(path, detector) as contents:
        known = contents.detector if detector is None else _known(detector)
        return Source(Path(path), contents.layout, known, contents.events)


@contextmanager
def opened(path: str | Path, detector: str | Detector | None) -> Iterator[Contents]:
    """The file, checked to have all that is read.

    `detector` is a name, a `Detector`, or None where the file shall tell.
    """
    import uproot

    known = _known(detector)
    with told(path):
        _check_header(Path(path))
        # Every array is read once: a cache would not help, and the pages of a mapped file count as
        # memory of the process, which shall not grow with the file.
        file = uproot.open(path, array_cache=None, handler=uproot.MultithreadedFileSource)
    with file:
        with told(path):
            tree = _events(file)
            layout, setup = _setup(tree, known)
            contents = Contents(
                branches={leaf: tree[leaf] for leaf in names.leaves(layout, setup)},
                events=int(tree.num_entries),
                layout=layout,
                detector=setup,
                collections=collection_names(file, layout, setup),
            )
        yield contents


@contextmanager
def told(path: str | Path) -> Iterator[None]:
    """One line with the name of the file for all that goes wrong with it.

    For what uproot does alone: it meets damage with any kind of exception.
    """
    try:
        yield
    except EDM4HEPError as error:
        raise EDM4HEPError(f"{path}: {error}") from None
    except PermissionError as error:
        raise EDM4HEPError(f"{path}: {error.strerror}") from error
    except NotImplementedError as error:
        raise EDM4HEPError(f"{path}: uproot cannot read this file ({_line(error)})") from error
    except Exception as error:
        raise EDM4HEPError(f"{path}: damaged ROOT file, get it again ({_line(error)})") from error


def _line(error: Exception) -> str:
    return str(error).strip().split("\n")[0] or type(error).__name__


def _check_header(path: Path) -> None:
    """A ROOT file starts with 'root' and says in its header where it ends."""
    if not path.is_file():
        raise EDM4HEPError("no such file")
    with path.open("rb") as file:
        header = file.read(24)
    if header[:4] != b"root":
        raise EDM4HEPError("not a ROOT file")
    size = path.stat().st_size
    if len(header) < 24:
        raise EDM4HEPError(f"truncated, only {size} bytes are left: get it again")
    version, _ = struct.unpack(">ii", header[4:12])
    # From a million on, the version marks files with 64-bit pointers.
    (end,) = (
        struct.unpack(">q", header[12:20])
        if version >= 1_000_000
        else struct.unpack(">i", header[12:16])
    )
    if size < end:
        raise EDM4HEPError(f"truncated, {size} of {end} bytes are there: get it again")


def _events(file):
    """The events, as a TTree or an RNTuple: both are asked for leaves by the same names."""
    if "events" not in file:
        raise EDM4HEPError("a ROOT file, but without the tree 'events' of EDM4HEP")
    container = file.classname_of("events")
    if container not in CONTAINERS:
        raise EDM4HEPError(
            f"'events' is a {container}: only a TTree or an RNTuple of ROOT 6.34 or later can be "
            "read"
        )
    return file["events"]


def _setup(tree, known: Detector | None) -> tuple[PodioLayout, Detector]:
    """Layout and detector of the file, once all that will be read is known to be there."""
    leaves = {key.rsplit("/", 1)[-1] for key in tree.keys()}  # noqa: SIM118, not a dict
    found = {leaf.split(".", 1)[0] for leaf in leaves}
    layout = tell(found)
    detector = known or recognise(found) or CLD
    needed = names.collections(layout, detector)
    missing = [collection for collection in needed if collection not in found]
    if len(missing) == len(needed) and "EventHeader" not in found:
        raise EDM4HEPError("a ROOT file, but not EDM4HEP: 'events' has none of its branches")
    if missing:
        delphes = " (this looks like Delphes)" if "EFlowTrack" in found else ""
        raise EDM4HEPError(
            f"lacks collections needed for {detector.name}: {', '.join(missing)}. Full simulation "
            "(ddsim) and the reconstruction of CLIC or CLD with Pandora and truth links have them, "
            f"if all collections are kept; fast simulation has not{delphes}"
        )
    if not layout.tracker_truth:
        detector = _without_absent_truth(layout, detector, leaves)
    absent = [leaf for leaf in names.leaves(layout, detector) if leaf not in leaves]
    if absent:
        raise EDM4HEPError(
            f"lacks branches of EDM4HEP's layout of {layout.name}: {', '.join(absent)}"
        )
    return layout, detector


def _without_absent_truth(layout: PodioLayout, detector: Detector, leaves: set[str]) -> Detector:
    """Files of 2023 have tracker hits, but not always the way from them to particles."""
    ways = {
        name: way if way and leaves.issuperset(names.truth_leaves(layout, *way)) else None
        for name, way in detector.tracker_hits.items()
    }
    return replace(detector, tracker_hits=ways)


def _known(detector: str | Detector | None) -> Detector | None:
    try:
        return None if detector is None else find(detector)
    except ValueError as error:
        raise EDM4HEPError(str(error)) from None
