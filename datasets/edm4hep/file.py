"""Opening EDM4HEP files: what can be wrong with them is found and said here."""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from datasets.detectors import CLD, DETECTORS, Detector, recognise
from datasets.edm4hep import layout
from datasets.edm4hep.convert import Chunk, Jagged, convert
from datasets.edm4hep.errors import EDM4HEPError
from datasets.events import EventData


def read(path: str | Path, detector: str | None = None, chunk: int = 64) -> Iterator[EventData]:
    """Events of a full-simulation file in podio's layout of 2025, `chunk` of them at a time.

    `detector` is a name in `detectors.DETECTORS`; without it, it is told by the calorimeter
    collections of the file.

    Raises:
        EDM4HEPError: the file is missing, damaged, no ROOT file, no EDM4HEP, of another layout, or
            lacks collections; or what it holds contradicts itself. One line; names the file.
    """
    import uproot

    if detector is not None and detector not in DETECTORS:
        raise EDM4HEPError(f"unknown detector {detector!r}: known are {', '.join(DETECTORS)}")
    path = Path(path)
    _check_header(path)
    damage = (
        uproot.DeserializationError,
        uproot.KeyInFileError,
        ValueError,
        OSError,
        EOFError,
        IndexError,
        RuntimeError,
        NotImplementedError,
        struct.error,
        zlib.error,
    )
    try:
        with uproot.open(path) as file:
            tree = _events(file)
            setup = _setup(tree, detector)
            ids = _collection_ids(file, setup)
            for start in range(0, tree.num_entries, chunk):
                stop = min(start + chunk, tree.num_entries)
                columns = {leaf: _column(tree, leaf, start, stop) for leaf in layout.leaves(setup)}
                yield convert(Chunk(columns, ids, start), setup)
    except EDM4HEPError as error:
        raise EDM4HEPError(f"{path}: {error}") from None
    except damage as error:
        reason = str(error).strip().split("\n")[0]
        raise EDM4HEPError(f"{path}: damaged ROOT file, get it again ({reason})") from error


def _check_header(path: Path) -> None:
    """A ROOT file starts with 'root' and says in its header where it ends."""
    if not path.is_file():
        raise EDM4HEPError(f"{path}: no such file")
    with path.open("rb") as file:
        header = file.read(24)
    if header[:4] != b"root":
        raise EDM4HEPError(f"{path}: not a ROOT file")
    size = path.stat().st_size
    if len(header) < 24:
        raise EDM4HEPError(f"{path}: truncated, only {size} bytes are left: get it again")
    version, _ = struct.unpack(">ii", header[4:12])
    # From a million on, the version marks files with 64-bit pointers.
    (end,) = (
        struct.unpack(">q", header[12:20])
        if version >= 1_000_000
        else struct.unpack(">i", header[12:16])
    )
    if size < end:
        raise EDM4HEPError(f"{path}: truncated, {size} of {end} bytes are there: get it again")


def _events(file):
    """The tree of events."""
    if "events" not in file:
        raise EDM4HEPError("a ROOT file, but without the tree 'events' of EDM4HEP")
    tree = file["events"]
    if not hasattr(tree, "num_entries") or not hasattr(tree, "branches"):
        raise EDM4HEPError("'events' is not a TTree: only files with TTrees can be read")
    return tree


def _setup(tree, name: str | None) -> Detector:
    """The detector of the file, once all that will be read is known to be there."""
    leaves = {key.rsplit("/", 1)[-1] for key in tree.keys()}  # noqa: SIM118, not a dict
    found = {leaf.split(".", 1)[0] for leaf in leaves}
    if any("#" in leaf for leaf in found):
        raise EDM4HEPError(
            "EDM4HEP of 2023 (relations named like PandoraClusters#0): only the layout of 2025 "
            "can be read, convert the file with a newer podio"
        )
    detector = DETECTORS[name] if name else recognise(found) or CLD
    needed = layout.collections(detector)
    missing = [collection for collection in needed if collection not in found]
    if len(missing) == len(needed) and "EventHeader" not in found:
        raise EDM4HEPError(
            "a ROOT file, but not EDM4HEP: the tree 'events' has none of its branches"
        )
    if missing:
        raise EDM4HEPError(
            f"lacks collections needed for {detector.name}: {', '.join(missing)}. The truth needs "
            "full simulation with Pandora's output and the links from hits and tracks to particles"
        )
    absent = [leaf for leaf in layout.leaves(detector) if leaf not in leaves]
    if absent:
        raise EDM4HEPError(f"lacks branches of EDM4HEP's layout of 2025: {', '.join(absent)}")
    return detector


def _collection_ids(file, detector: Detector) -> dict[str, int]:
    """Podio's number of each collection, by name.

    Newer files keep names and numbers in `events___CollectionTypeInfo`; where those names cannot
    be read, `events___idTable` has them as well.
    """
    if "podio_metadata" not in file:
        raise EDM4HEPError("lacks the tree 'podio_metadata', which names the collections")
    metadata = file["podio_metadata"]
    branches = {key.rsplit("/", 1)[-1]: key for key in metadata.keys()}  # noqa: SIM118
    nested = {key: key for key in metadata.keys()}  # noqa: SIM118
    for names, numbers in (
        (branches.get("events___CollectionTypeInfo.name"),
         branches.get("events___CollectionTypeInfo.collectionID")),
        (nested.get("events___idTable/m_names"), nested.get("events___idTable/m_collectionIDs")),
    ):  # fmt: skip
        if names and numbers and _readable(metadata[names]):
            name, number = (metadata[b].array(library="ak")[0].to_list() for b in (names, numbers))
            ids = dict(zip(name, number, strict=True))
            unnamed = [c for c in layout.collections(detector) if c not in ids]
            if unnamed:
                raise EDM4HEPError(f"its table of collections lacks {', '.join(unnamed)}")
            return ids
    raise EDM4HEPError("the names of its collections cannot be read from 'podio_metadata'")


def _readable(branch) -> bool:
    from uproot.interpretation.identify import UnknownInterpretation

    return not isinstance(branch.interpretation, UnknownInterpretation)


def _column(tree, leaf: str, start: int, stop: int) -> Jagged:
    import awkward as ak

    values = tree[leaf].array(entry_start=start, entry_stop=stop, library="ak")
    return Jagged(ak.to_numpy(ak.num(values)).astype(np.int64), ak.to_numpy(ak.flatten(values)))
