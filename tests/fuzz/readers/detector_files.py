"""EDM4HEP files, byte by byte and value by value, and descriptions of detectors."""

import struct
from functools import cache
from pathlib import Path

import numpy as np

from tests.fuzz.reader import Reader

VALUES = (
    0,
    1,
    -1,
    -2,
    2,
    7,
    999,
    2**31 - 1,
    -(2**31),
    float("nan"),
    float("inf"),
    -1e30,
    1e19,
    0.5,
)
CHANGE = struct.Struct("<HHBBd")  # leaf, place, kind of change, which value, a number

TOML = b"""name = "SMALL"
field = 2.0
face = [2150.0, 2307.0]
[calorimeter_hits]
ECALBarrel = "ECAL"
[tracker_hits]
VXDTrackerHits = ["VXDTrackerHitRelations", "VertexBarrelCollection"]
"""


def detector():
    """One of two collections of hits: its files are small."""
    from datasets.detector import Detector, TrackerTruth
    from datasets.schema import ECAL, HCAL, OTHER, Face

    calorimeter = {"ECALBarrel": ECAL, "HCALBarrel": HCAL, "MUON": OTHER}
    truth = TrackerTruth("VXDTrackerHitRelations", "VertexBarrelCollection")
    return Detector("SMALL", 2.0, calorimeter, {"VXDTrackerHits": truth}, Face(2150.0, 2307.0))


@cache
def sound_chunk(year: int = 2025):
    from datasets.edm4hep.podio import PODIO_2023, PODIO_2025
    from tests.datasets.edm4hep.edm4hep_columns import random_chunk

    layout = PODIO_2025 if year == 2025 else PODIO_2023
    return random_chunk(3, layout, detector(), events=3)[1]


def files() -> list[bytes]:
    """A file of each container, not compressed, so that a changed byte is a changed value."""
    import tempfile

    import uproot

    from tests.datasets.edm4hep import edm4hep_columns as columns

    chunk, found = sound_chunk(), []
    metadata = columns.metadata_of(chunk)["podio 1"]
    plain = uproot.recreate
    with tempfile.TemporaryDirectory() as folder:
        for write in (columns.write_ttree, columns.write_rntuple):
            path = Path(folder) / f"{write.__name__}.root"
            uproot.recreate = lambda path: plain(path, compression=None)
            try:
                write(path, chunk, metadata)
            finally:
                uproot.recreate = plain
            found.append(path.read_bytes())
    return found


def read_file(data: bytes, folder: Path) -> None:
    from datasets import edm4hep
    from datasets.edm4hep.layout import PARTS

    path = folder / "events.root"
    path.write_bytes(data)
    edm4hep.survey(path, detector())
    for events in edm4hep.read(path, detector(), needs=("tracks", "clusters"), wants=PARTS):
        _used(events)


def _used(events) -> None:
    """What programs make of events: those that are as they should be become samples."""
    from datasets.truth.soundness import left_out
    from datasets.truth.target import to_samples

    left_out(events)
    with np.errstate(all="ignore"):
        to_samples(events)


def read_values(data: bytes, folder: Path) -> None:
    """Changes of values of a sound file, each of twelve bytes and so."""
    from datasets.edm4hep.podio import PODIO_2023, PODIO_2025
    from datasets.edm4hep.reading.faults import readable_events

    year = 2023 if data[:1] == b"3" else 2025
    layout = PODIO_2025 if year == 2025 else PODIO_2023
    chunk = sound_chunk(year)
    whole = len(data[1:]) // CHANGE.size * CHANGE.size
    for change in CHANGE.iter_unpack(data[1 : 1 + whole]):
        chunk = _changed(chunk, *change)
    _used(readable_events(chunk, layout, detector(), path=folder / "events.root"))


def _changed(chunk, leaf: int, place: int, kind: int, which: int, number: float):
    from datasets.edm4hep.chunk import Jagged

    name = sorted(chunk.columns)[leaf % len(chunk.columns)]
    counts, values = chunk.columns[name]
    if not len(values):
        return chunk
    values, counts, at = values.copy(), counts.copy(), place % len(values)
    if kind % 4 == 3:  # one less
        event = int(np.flatnonzero(counts)[at % np.count_nonzero(counts)])
        counts[event] -= 1
        values = np.delete(values, at)
    else:
        new = (VALUES[which % len(VALUES)], number)[kind % 2]
        with np.errstate(all="ignore"):
            values[at] = np.array(new).astype(values.dtype)
    return chunk._replace(columns={**chunk.columns, name: Jagged(counts, values)})


def changes() -> list[bytes]:
    """One change of every leaf."""
    leaves = range(len(sound_chunk().columns))
    one = [b"5" + CHANGE.pack(leaf, leaf, leaf, leaf % 14, 1e3) for leaf in leaves]
    return [b"5", b"3", *one]


def read_toml(data: bytes, folder: Path) -> None:
    from datasets.detector_files import read_detector

    path = folder / "mine.toml"
    path.write_bytes(data)
    read_detector(str(path))


def readers() -> tuple[Reader, ...]:
    from datasets.edm4hep import EDM4HEPError

    return (
        Reader("edm4hep", files, read_file, (EDM4HEPError,)),
        Reader("edm4hep_values", changes, read_values, (EDM4HEPError,), names=False),
        Reader("detector_toml", lambda: [TOML], read_toml, (ValueError,)),
    )
