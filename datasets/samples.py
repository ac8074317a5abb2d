"""`Samples` on disk: a folder of plain .npy arrays, written whole or not at all, read by mapping.

Shards of a simulation, the cache that feeds a training and the test events of an evaluation are
all this. Reading maps the files: memory holds only what is touched.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from datasets import schema
from datasets.events import Samples, Table, join_tables, offsets_of, ragged_rows
from datasets.storage.folders import replaced

ARRAYS = ("offsets", "X", "ytarget", "ycand", "genmet")
TABLES = {  # ragged: several rows an event, with the columns that they have on disk
    "genjets": schema.JET_FEATURES,
    "targetjets": schema.JET_FEATURES,
    "shares": schema.SHARE_FEATURES,
}
JETS = ("genjets", "targetjets")
ELEMENTS = "elements.txt"
CONTENT = "content.txt"  # of the dataset that they were read of, if any: `builders.content`
FACE = "face.npy"  # absent in what older versions wrote, which was of CLIC


class SamplesError(ValueError):
    """A folder that does not hold readable samples."""


def save(folder: Path, samples: Samples) -> None:
    """Writes samples to `folder`, which appears complete or not at all; replaces an older one."""
    with replaced(folder) as partial:
        for name in ARRAYS:
            np.save(partial / f"{name}.npy", getattr(samples, name))
        for name, table in tables(samples).items():
            np.save(partial / f"{name}.offsets.npy", table.offsets)
            np.save(partial / f"{name}.npy", table_rows(table, TABLES[name]))
        np.save(partial / FACE, np.array(samples.face, float))
        (partial / ELEMENTS).write_text(samples.elements)


def load(folder: Path) -> Samples:
    """Samples whose arrays are memory-mapped, read-only.

    Raises SamplesError where files are missing or damaged.
    """
    try:
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in ARRAYS}
        known = [name for name in TABLES if name in JETS or (folder / f"{name}.npy").exists()]
        tables = {name: _load_table(folder, name) for name in known}
        elements = (folder / ELEMENTS).read_text()
        face = schema.CLIC_FACE
        if (folder / FACE).exists():
            face = schema.Face(*map(float, np.load(folder / FACE)))
        _check(arrays, tables, elements)
    except Exception as error:  # numpy meets damage with any kind
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise SamplesError(
            f"{folder} holds no complete samples ({reason}); build it again"
        ) from error
    return Samples(**arrays, **tables, elements=elements, face=face)


def _check(arrays: Mapping[str, np.ndarray], tables: Mapping[str, Table], elements: str) -> None:
    """Raises ValueError where arrays do not belong together. Looks at offsets alone: what is large
    is not read."""
    if elements not in schema.ELEMENTS:
        raise ValueError(f"its elements are {elements[:40]!r}")
    offsets = arrays["offsets"]
    _check_offsets("offsets", offsets, len(arrays["X"]))
    widths = {"X": schema.ELEMENTS[elements].width} | dict.fromkeys(
        ("ytarget", "ycand"), schema.TARGET_WIDTH
    )
    for name, width in widths.items():
        shape = arrays[name].shape
        if len(shape) != 2 or shape[1] != width or shape[0] != offsets[-1]:
            raise ValueError(f"{name} is of shape {shape}, not {(int(offsets[-1]), width)}")
    if arrays["genmet"].shape != (len(offsets) - 1,):
        shape = arrays["genmet"].shape
        raise ValueError(f"genmet is of shape {shape}, for {len(offsets) - 1} events")
    for name, table in tables.items():
        _check_offsets(name, table.offsets, len(next(iter(table.columns.values()))))
        if len(table.offsets) != len(offsets):
            raise ValueError(f"{name} are of {len(table.offsets) - 1} events")


def _check_offsets(name: str, offsets: np.ndarray, rows: int) -> None:
    whole = offsets.ndim == 1 and len(offsets) and np.issubdtype(offsets.dtype, np.integer)
    if not whole or offsets[0] != 0 or offsets[-1] != rows or (np.diff(offsets) < 0).any():
        raise ValueError(f"the offsets of {name} are none of {rows} rows")


def content(folder: Path) -> str:
    """Which dataset the samples were read of; "" where that is not known."""
    file = folder / CONTENT
    return file.read_text() if file.is_file() else ""


def _load_table(folder: Path, name: str) -> Table:
    return table_of(
        np.load(folder / f"{name}.offsets.npy"),
        np.load(folder / f"{name}.npy", mmap_mode="r"),
        TABLES[name],
    )


def tables(samples: Samples) -> dict[str, Table]:
    """The tables that the samples have."""
    found = {name: getattr(samples, name) for name in TABLES}
    return {name: table for name, table in found.items() if table is not None}


def table_of(
    offsets: np.ndarray, rows: np.ndarray, columns: Sequence[str] = schema.JET_FEATURES
) -> Table:
    """A table of all events from rows of these columns."""
    return Table(offsets, {name: rows[:, i] for i, name in enumerate(columns)})


def table_rows(table: Table, columns: Sequence[str] = schema.JET_FEATURES) -> np.ndarray:
    """The table as float32 rows, as files hold it; the inverse of `table_of`."""
    return np.stack([table[name] for name in columns], axis=1).astype(np.float32)


def join(parts: Sequence[Samples]) -> Samples:
    """Several sets of samples as one, in order. Their elements must be the same.

    Shares that some of them do not know, the whole does not know.
    """
    if len({part.face for part in parts}) != 1:
        raise SamplesError("cannot join samples of detectors with different calorimeter faces")
    if len({part.elements for part in parts}) != 1:
        raise SamplesError(f"cannot join {' and '.join(sorted({p.elements for p in parts}))}")
    return Samples(
        offsets=offsets_of(np.concatenate([np.diff(p.offsets) for p in parts])),
        X=np.concatenate([p.X for p in parts]),
        ytarget=np.concatenate([p.ytarget for p in parts]),
        ycand=np.concatenate([p.ycand for p in parts]),
        genmet=np.concatenate([p.genmet for p in parts]),
        genjets=join_tables([p.genjets for p in parts]),
        targetjets=join_tables([p.targetjets for p in parts]),
        elements=parts[0].elements,
        shares=join_tables(known) if None not in (known := [p.shares for p in parts]) else None,
        face=parts[0].face,
    )


def take(samples: Samples, events: Int[np.ndarray, " chosen"]) -> Samples:
    """The chosen events, in the order given."""
    rows = ragged_rows(samples.offsets, events)
    return Samples(
        offsets=offsets_of(np.diff(samples.offsets)[events]),
        X=samples.X[rows],
        ytarget=samples.ytarget[rows],
        ycand=samples.ycand[rows],
        genmet=samples.genmet[events],
        genjets=_take_table(samples.genjets, events),
        targetjets=_take_table(samples.targetjets, events),
        elements=samples.elements,
        shares=None if samples.shares is None else _take_table(samples.shares, events),
        face=samples.face,
    )


def _take_table(table: Table, events: np.ndarray) -> Table:
    rows = ragged_rows(table.offsets, events)
    columns = {name: values[rows] for name, values in table.columns.items()}
    return Table(offsets_of(table.counts[events]), columns)


def unlabelled(
    offsets: Int[np.ndarray, " events_plus_1"],
    X: Float[np.ndarray, "elements features"],
    face: schema.Face = schema.CLIC_FACE,
) -> Samples:
    """Inputs alone, with no truth, baseline or jets: what a model is applied to."""
    events = len(offsets) - 1
    nothing = np.zeros((len(X), schema.TARGET_WIDTH), np.float32)
    no_jets = table_of(np.zeros(events + 1, np.int64), np.zeros((0, 4), np.float32))
    met = np.zeros(events, np.float32)
    return Samples(offsets, X, nothing, nothing, met, no_jets, no_jets, face=face)
