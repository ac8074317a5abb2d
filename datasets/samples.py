"""`Samples` on disk: a folder of plain .npy arrays, written whole or not at all, read by mapping.

Shards of a simulation, the cache that feeds a training and the test events of an evaluation are
all this. Reading maps the files: memory holds only what is touched.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from datasets import schema
from datasets.events import Samples, Table, join_tables, offsets_of, ragged_rows
from datasets.storage.folders import replaced

ARRAYS = ("offsets", "X", "ytarget", "ycand", "genmet")
JETS = ("genjets", "targetjets")
ELEMENTS = "elements.txt"


class SamplesError(ValueError):
    """A folder that does not hold readable samples."""


def save(folder: Path, samples: Samples) -> None:
    """Writes samples to `folder`, which appears complete or not at all; replaces an older one."""
    with replaced(folder) as partial:
        for name in ARRAYS:
            np.save(partial / f"{name}.npy", getattr(samples, name))
        for name in JETS:
            jets = getattr(samples, name)
            np.save(partial / f"{name}.offsets.npy", jets.offsets)
            np.save(partial / f"{name}.npy", jet_rows(jets))
        (partial / ELEMENTS).write_text(samples.elements)


def load(folder: Path) -> Samples:
    """Samples whose arrays are memory-mapped, read-only.

    Raises SamplesError where files are missing or damaged.
    """
    try:
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in ARRAYS}
        jets = {name: _load_jets(folder, name) for name in JETS}
        elements = (folder / ELEMENTS).read_text()
    except (OSError, ValueError) as error:
        raise SamplesError(
            f"{folder} holds no complete samples ({error}); build it again"
        ) from error
    return Samples(**arrays, **jets, elements=elements)


def _load_jets(folder: Path, name: str) -> Table:
    return jet_table(
        np.load(folder / f"{name}.offsets.npy"), np.load(folder / f"{name}.npy", mmap_mode="r")
    )


def jet_table(offsets: np.ndarray, rows: np.ndarray) -> Table:
    """Jets of all events from rows in the order of schema.JET_FEATURES."""
    return Table(offsets, {name: rows[:, i] for i, name in enumerate(schema.JET_FEATURES)})


def jet_rows(jets: Table) -> np.ndarray:
    """Jets as float32 rows in the order of schema.JET_FEATURES; the inverse of `jet_table`."""
    return np.stack([jets[name] for name in schema.JET_FEATURES], axis=1).astype(np.float32)


def join(parts: Sequence[Samples]) -> Samples:
    """Several sets of samples as one, in order. Their elements must be the same."""
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
    )


def _take_table(table: Table, events: np.ndarray) -> Table:
    rows = ragged_rows(table.offsets, events)
    columns = {name: values[rows] for name, values in table.columns.items()}
    return Table(offsets_of(table.counts[events]), columns)


def unlabelled(
    offsets: Int[np.ndarray, " events_plus_1"], X: Float[np.ndarray, "elements features"]
) -> Samples:
    """Inputs alone, with no truth, baseline or jets: what a model is applied to."""
    events = len(offsets) - 1
    nothing = np.zeros((len(X), schema.TARGET_WIDTH), np.float32)
    no_jets = jet_table(np.zeros(events + 1, np.int64), np.zeros((0, 4), np.float32))
    met = np.zeros(events, np.float32)
    return Samples(offsets, X, nothing, nothing, met, no_jets, no_jets)
