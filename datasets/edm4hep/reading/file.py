"""Reading EDM4HEP files, one or several together, in chunks of events."""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import numpy as np

from datasets.detectors import Detector
from datasets.edm4hep.chunk import Chunk, Jagged
from datasets.edm4hep.errors import EDM4HEPError
from datasets.edm4hep.layout import PARTS
from datasets.edm4hep.reading.faults import readable_events
from datasets.edm4hep.reading.source import Contents, Source, inspect, opened, told
from datasets.events import EventData
from mlpf_install.wording import counted


def read(
    path: str | Path,
    detector: str | Detector | None = None,
    chunk: int = 64,
    first: int = 0,
    last: int | None = None,
    needs: Collection[str] = PARTS,
    wants: Collection[str] = (),
    skip: int = 0,
) -> Iterator[EventData]:
    """Events of a full-simulation file, `chunk` of them at a time; nothing of an empty file.

    Those numbered from `first` up to, and not including, `last`; all by default. `skip` events are
    left out behind each chunk, for others to read.
    `needs` are the parts that a file must have (`layout.PARTS`), `wants` those that are read where
    it has them; the tables of others are empty. An event that contradicts itself is empty, too, and
    its `origin` says what was wrong.

    Both layouts of podio, in a TTree or in an RNTuple. `detector` is a name in
    `detectors.DETECTORS`, or a `Detector`; without it, it is told by the calorimeter collections
    of the file. What is in memory at once is a chunk, however long the file.

    Raises:
        EDM4HEPError: the file is missing, damaged, no ROOT file, no EDM4HEP, or lacks
            collections that are needed; or its references lead to collections that are not read.
            One line; names the file. Also for
            an unknown detector, for a chunk of less than one event, and for events that the file
            does not have.
    """
    if chunk < 1:
        raise EDM4HEPError(f"a chunk of {chunk} events: at least 1")
    with opened(path, detector, needs, wants) as contents:
        events = contents.about.events
        end = events if last is None else last
        if not 0 <= first <= end <= events:
            raise EDM4HEPError(f"{path}: has {counted(events, 'event')}, not {first} to {last}")
        for start in range(first, end, chunk + skip):
            yield _events(path, contents, start, min(start + chunk, end))


def _events(path: str | Path, contents: Contents, start: int, stop: int) -> EventData:
    with told(path):
        columns = {
            leaf: _column(branch, leaf, start, stop) for leaf, branch in contents.branches.items()
        }
    try:
        chunk, about = Chunk(columns, contents.collections, start), contents.about
        return readable_events(
            chunk, about.layout, about.detector, contents.parts, about.chosen, path
        )
    except EDM4HEPError as error:
        raise EDM4HEPError(f"{path}: {error}") from None


def _column(branch, leaf: str, start: int, stop: int) -> Jagged:
    import awkward as ak

    values = branch.array(entry_start=start, entry_stop=stop, library="ak")
    if values.ndim != 2:
        raise EDM4HEPError(f"{leaf} is not a list of numbers in every event")
    counts = ak.to_numpy(ak.num(values)).astype(np.int64)
    if (counts < 0).any():
        raise EDM4HEPError(f"{leaf} has {counts.min()} values in an event: damaged, get it again")
    return Jagged(counts, ak.to_numpy(ak.flatten(values)))


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


def _some(files: list[str], most: int = 3) -> str:
    more = f" and {len(files) - most} more" if len(files) > most else ""
    return ", ".join(files[:most]) + more


def count_events(
    paths: Iterable[str | Path], detector: str | Detector | None = None
) -> dict[str, int]:
    """How many events each file has, by its path, once `check` has found that they match."""
    return {str(source.path): source.events for source in check(paths, detector)}
