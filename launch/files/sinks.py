"""Where particles go that a model found: a Parquet table, or a file of EDM4HEP."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from datasets.edm4hep import Found, survey, write_particles


class Portion(NamedTuple):
    """Particles of some consecutive events of a file."""

    numbers: np.ndarray  # of all its events, those left out too
    table: Any  # of pyarrow, a row an element; None: all were left out


def to_parquet(portions: Iterable[Portion], output: Path, source: Path, lost: list[str]) -> None:
    """Whole or not at all; nothing where all events were left out. `lost`, which grows with the
    portions, becomes metadata of the table."""
    import pyarrow.parquet as parquet

    partial, writer = output.with_name(f".{output.name}.partial"), None
    try:
        for portion in portions:
            if portion.table is not None:
                writer = writer or parquet.ParquetWriter(partial, portion.table.schema)
                writer.write_table(portion.table)
        if writer is not None:
            writer.add_key_value_metadata({"left_out": json.dumps(lost)})
            writer.close()
            partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)


def to_edm4hep(portions: Iterable[Portion], output: Path, source: Path, lost: list[str]) -> None:
    """ReconstructedParticles, event by event beside the source; events left out have none."""
    about = survey(source)
    collections = {
        "tracks": about.layout.tracks.collection, "clusters": about.layout.clusters.collection
    }  # fmt: skip
    known = {name: number for number, name in about.metadata.names.items()}
    numbers = {kind: known[name] for kind, name in collections.items() if name in known}
    write_particles(output, _found(portions), numbers)


def _found(portions: Iterable[Portion]) -> Iterator[tuple[Found, int]]:
    for numbers, table in portions:
        columns = {} if table is None else {n: table[n].to_numpy() for n in table.column_names}
        yield (_particles(columns, numbers) if columns else _nobody()), len(numbers)


def _particles(columns: dict[str, np.ndarray], numbers: np.ndarray) -> Found:
    event = np.searchsorted(numbers, columns["event"])
    of_track, of_cluster = (columns["element_type"] == kind for kind in ("track", "cluster"))
    tracks = np.bincount(event[of_track], minlength=len(numbers))  # they come first
    element = columns["element"]
    pt, eta, phi, energy = (columns[n].astype(float) for n in ("pt", "eta", "phi", "energy"))
    p4 = np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta), energy], axis=1)
    there = columns["pdg"] != 0
    return Found(
        event[there],
        columns["pdg"][there],
        columns["charge"][there],
        p4[there],
        np.where(of_track, element, -1)[there],
        np.where(of_cluster, element - tracks[event], -1)[there],
    )


def _nobody() -> Found:
    none = np.zeros(0, int)
    return Found(none, none, none, np.zeros((0, 4)), none, none)
