"""Studies played, one line of JSON each, appended as they end: nothing is played twice."""

import json
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from hpo.simulation.tables import Table


class Study(NamedTuple):
    """What one method found on one table with one seed.

    curves, epochs   the table's checksum, and Hyperband's epochs on it
    version          of the tool; of ours, a checksum of its sources
    spent            epochs until the study ended, or the budget
    lowest, ended    at twentieths of the budget: the lowest loss of any epoch so far, and of those
                     that are a trial's last; None while there is none
    """

    table: str
    method: str
    seed: int
    curves: str
    epochs: int
    version: str
    spent: int
    seconds: float
    lowest: list[float | None]
    ended: list[float | None]

    @property
    def key(self) -> tuple:
        """What a study is known by: played again it would find the same."""
        return self.table, self.method, self.seed, self.curves, self.epochs, self.version


def checksum(table: Table) -> str:
    """Eight digits that tell a table from another version of it."""
    return f"{zlib.crc32(table.curves.tobytes()):08x}"


def append(path: Path, study: Study) -> None:
    """Add a line; several programs may do so at once, and one that was cut short stays alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = not path.exists() or path.read_bytes()[-1:] in (b"", b"\n")
    with path.open("a") as file:
        file.write(("" if whole else "\n") + json.dumps(study._asdict()) + "\n")


def read(path: Path) -> tuple[list[Study], int]:
    """The studies in a file, none where there is none, and how many lines were cut by a kill."""
    lines = path.read_text().splitlines() if path.exists() else []
    studies = [study for line in lines if (study := _study(line)) is not None]
    return studies, len(lines) - len(studies)


def latest(studies: Iterable[Study]) -> list[Study]:
    """Of each method the studies of the version, and on each table those of the curves and budget,
    that were played last."""
    studies = list(studies)
    version = {s.method: s.version for s in studies}
    of_table = {s.table: (s.curves, s.epochs) for s in studies}
    return [
        s
        for s in studies
        if s.version == version[s.method] and (s.curves, s.epochs) == of_table[s.table]
    ]


def _study(line: str) -> Study | None:
    try:
        return Study(**json.loads(line))
    except (ValueError, TypeError):
        return None
