"""Writing `EventData` as EDM4HEP files, with all that `read` asks for and nothing else."""

from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path

from datasets.detectors import Detector, find
from datasets.edm4hep.chunk import Chunk
from datasets.edm4hep.errors import EDM4HEPError
from datasets.edm4hep.podio import LAYOUTS
from datasets.edm4hep.writing.columns import to_columns
from datasets.edm4hep.writing.hit_collections import collection_of
from datasets.events import EventData


def write(
    path: str | Path,
    events: EventData | Iterable[EventData],
    detector: str | Detector,
    layout: str = "2025",
) -> int:
    """Writes events into the TTree of a new file, whole or not at all; how many there were.

    `layout` is podio's, "2023" or "2025". Simulated hits go into the detector's collections as
    `hit_collections` says. EDM4HEP has 32-bit floats for nearly everything, to which values are
    rounded. Of several batches, one is in memory at a time.

    Raises:
        EDM4HEPError: an unknown detector or layout, no events, events of another magnetic field,
            or values that EDM4HEP cannot hold; names the file.
        OSError: the file cannot be written.
    """
    path = Path(path)
    parts = (events,) if isinstance(events, EventData) else events
    if layout not in LAYOUTS:
        raise EDM4HEPError(f"{path}: unknown layout {layout!r}: known are {', '.join(LAYOUTS)}")
    try:
        chunks = (_chunk(part, find(detector), layout) for part in parts)
        return written_whole(path, lambda partial: _write(partial, chunks, layout))
    except ValueError as error:
        raise EDM4HEPError(f"{path}: {error}") from error


def written_whole(path: Path, write: Callable[[Path], int]) -> int:
    """Has a file written that appears when it is complete; how many events there were."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        written = write(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return written


def _chunk(events: EventData, detector: Detector, layout: str) -> Chunk:
    if events.field != detector.field:
        raise EDM4HEPError(
            f"events in a field of {events.field} T are not of {detector.name}, which has "
            f"{detector.field} T"
        )
    return to_columns(events, collection_of(events.hits, detector), LAYOUTS[layout], detector)


def _write(path: Path, chunks: Iterable[Chunk], layout: str) -> int:
    import awkward as ak
    import uproot

    chunks = iter(chunks)
    first = next(chunks, None)
    if first is None:
        raise EDM4HEPError("no events to write")
    written = 0
    with path.open("w+b") as raw, uproot.recreate(raw) as file:  # a name may hold anything
        tree = file.mktree(
            "events",
            {name: ak.type(array).content for name, array in _arrays(first).items()},
            field_name=lambda collection, member: f"{collection}.{member}",
            counter_name=lambda collection: f"n{collection}",
        )
        for chunk in chain([first], chunks):
            arrays = _arrays(chunk)
            tree.extend(arrays)
            written += len(next(iter(arrays.values())))
        _write_names(file, first, layout)
    return written


def _arrays(chunk: Chunk):
    """The leaves of each collection together, so that they share one count of objects."""
    import awkward as ak

    collections: dict[str, dict] = {}
    for leaf, (counts, values) in chunk.columns.items():
        collection, member = leaf.split(".", 1)
        collections.setdefault(collection, {})[member] = ak.unflatten(values, counts)
    return {name: ak.zip(members) for name, members in collections.items()}


def _write_names(file, chunk: Chunk, layout: str) -> None:
    """Podio's table of collections: an RNTuple, since uproot writes no lists of texts to TTrees."""
    import awkward as ak

    numbers = [list(chunk.collections)]
    names = [list(chunk.collections.values())]
    if layout == "2023":
        table = ak.Array([{"m_collectionIDs": numbers[0], "m_names": names[0]}])
        file.mkrntuple("metadata", ak.Array({"CollectionIDs": table}))
    else:
        table = ak.zip({"collectionID": numbers, "name": names})
        file.mkrntuple("podio_metadata", ak.Array({"events___CollectionTypeInfo": table}))
