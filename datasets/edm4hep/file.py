"""Reading EDM4HEP files: what can be wrong with one, or with several together, is said here."""

import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from datasets.detectors import CLD, Detector, find, recognise
from datasets.edm4hep import layout as names
from datasets.edm4hep.convert import convert
from datasets.edm4hep.errors import EDM4HEPError
from datasets.edm4hep.layout import Layout
from datasets.edm4hep.metadata import collection_names
from datasets.edm4hep.podio import tell
from datasets.edm4hep.references import Chunk, Jagged
from datasets.events import EventData

CONTAINERS = ("TTree", "ROOT::RNTuple")


class Source(NamedTuple):
    """A file that can be read: podio's layout of it, its detector and its number of events."""

    path: Path
    layout: Layout
    detector: Detector
    events: int


def read(
    path: str | Path,
    detector: str | Detector | None = None,
    chunk: int = 64,
    first: int = 0,
    last: int | None = None,
) -> Iterator[EventData]:
    """Events of a full-simulation file, `chunk` of them at a time; nothing of an empty file.

    Those numbered from `first` up to, and not including, `last`; all by default.
    Both layouts of podio, in a TTree or in an RNTuple. `detector` is a name in
    `detectors.DETECTORS`, or a `Detector`; without it, it is told by the calorimeter collections
    of the file. What is in memory at once is a chunk, however long the file.

    Raises:
        EDM4HEPError: the file is missing, damaged, no ROOT file, no EDM4HEP, or lacks
            collections; or what it holds contradicts itself. One line; names the file. Also for
            an unknown detector, for a chunk of less than one event, and for events that the file
            does not have.
    """
    if chunk < 1:
        raise EDM4HEPError(f"a chunk of {chunk} events: at least 1")
    known = _known(detector)
    with _opened(path) as file:
        tree = _events(file)
        layout, setup = _setup(tree, known)
        collections = collection_names(file, layout, setup)
        branches = {leaf: tree[leaf] for leaf in names.leaves(layout, setup)}
        end = tree.num_entries if last is None else last
        if not 0 <= first <= end <= tree.num_entries:
            raise EDM4HEPError(f"has {tree.num_entries} events, not {first} to {last}")
        for start in range(first, end, chunk):
            stop = min(start + chunk, end)
            columns = {
                leaf: _column(branch, leaf, start, stop) for leaf, branch in branches.items()
            }
            yield convert(Chunk(columns, collections, start), layout, setup)


def read_all(
    paths: Iterable[str | Path], detector: str | Detector | None = None, chunk: int = 64
) -> Iterator[EventData]:
    """Events of all these files, one after the other, once `check` has found that they match."""
    for source in check(paths, detector):
        yield from read(source.path, source.detector, chunk)


def check(
    paths: Iterable[str | Path], detector: str | Detector | None = None
) -> tuple[Source, ...]:
    """What the files are, in their order.

    Raises:
        EDM4HEPError: one cannot be read, or they differ in layout or detector; says which is which.
    """
    sources = tuple(inspect(path, detector) for path in paths)
    kinds: dict[str, list[str]] = {}
    for source in sources:
        kind = f"{source.detector.name} in the layout of {source.layout.name}"
        kinds.setdefault(kind, []).append(str(source.path))
    if len(kinds) > 1:
        listed = "; ".join(f"{kind}: {_some(files)}" for kind, files in kinds.items())
        raise EDM4HEPError(
            f"files of different kinds cannot be read together, read each kind alone: {listed}"
        )
    return sources


def count_events(
    paths: Iterable[str | Path], detector: str | Detector | None = None
) -> dict[str, int]:
    """How many events each file has, by its path, once `check` has found that they match."""
    return {str(source.path): source.events for source in check(paths, detector)}


def inspect(path: str | Path, detector: str | Detector | None = None) -> Source:
    """What a file is, once all that `read` needs is known to be there. Raises as `read` does."""
    known = _known(detector)
    with _opened(path) as file:
        tree = _events(file)
        layout, setup = _setup(tree, known)
        collection_names(file, layout, setup)
        return Source(Path(path), layout, known or setup, int(tree.num_entries))


def _known(detector: str | Detector | None) -> Detector | None:
    try:
        return None if detector is None else find(detector)
    except ValueError as error:
        raise EDM4HEPError(str(error)) from None


def _some(files: list[str], most: int = 3) -> str:
    more = f" and {len(files) - most} more" if len(files) > most else ""
    return ", ".join(files[:most]) + more


@contextmanager
def _opened(path: str | Path):
    """The ROOT file, and one line with its name for all that goes wrong with it."""
    import uproot

    damage = (
        uproot.DeserializationError, uproot.KeyInFileError, ValueError, OSError, EOFError,
        IndexError, RuntimeError, struct.error, zlib.error,
    )  # fmt: skip
    path = Path(path)
    try:
        _check_header(path)
        # Every array is read once: a cache would not help, and the pages of a mapped file count as
        # memory of the process, which shall not grow with the file.
        with uproot.open(path, array_cache=None, handler=uproot.MultithreadedFileSource) as file:
            yield file
    except EDM4HEPError as error:
        raise EDM4HEPError(f"{path}: {error}") from None
    except NotImplementedError as error:
        raise EDM4HEPError(f"{path}: uproot cannot read this file ({_line(error)})") from error
    except damage as error:
        raise EDM4HEPError(f"{path}: damaged ROOT file, get it again ({_line(error)})") from error


def _line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]


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


def _setup(tree, known: Detector | None) -> tuple[Layout, Detector]:
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


def _without_absent_truth(layout: Layout, detector: Detector, leaves: set[str]) -> Detector:
    """Files of 2023 have tracker hits, but not always the way from them to particles."""
    ways = {
        name: way if way and leaves.issuperset(names.truth_leaves(layout, *way)) else None
        for name, way in detector.tracker_hits.items()
    }
    return replace(detector, tracker_hits=ways)


def _column(branch, leaf: str, start: int, stop: int) -> Jagged:
    import awkward as ak

    values = branch.array(entry_start=start, entry_stop=stop, library="ak")
    if values.ndim != 2:
        raise EDM4HEPError(f"{leaf} is not a list of numbers in every event")
    return Jagged(ak.to_numpy(ak.num(values)).astype(np.int64), ak.to_numpy(ak.flatten(values)))
