"""Tables of curves, the log of a study, the states that trials keep."""

import json
import sqlite3
import tempfile
from functools import cache
from pathlib import Path

from tests.fuzz.reader import Reader

CSV = (
    b"rate,kind,deep,loss_0,loss_1\n0.1,adam,True,1.5,0.5\n1e-3,sgd,False,2,nan\n",
    b";a;loss_000;loss_001\n0;2;1;.5\n1;3;2;1e-3\n",
)
TASKSET = b'[{"hp": {"rate": 0.1, "n": 2}, "valid": {"loss": [1.0, 0.5]}}]'
TREE = b"\n"  # an input that begins so is a text of JSON, not a file


def read_csv(data: bytes, folder: Path) -> None:
    _read_table(folder / "curves.csv", data)


def read_json(data: bytes, folder: Path) -> None:
    _read_table(folder / "curves.json", data)


def _read_table(path: Path, data: bytes) -> None:
    from hpo.simulation.tables import read_table

    path.write_bytes(data)
    table = read_table(path)
    table.ranks(1)
    assert table.curves.ndim == 2
    assert len(table.curves) == len(table.configurations)
    json.dumps(table.configurations)


def scheduler():
    from hpo.schedulers.halving import hyperband
    from hpo.space import Float, Space

    return hyperband(Space({"x": Float(0, 1)}), 4, 2)


def _objective(trial):
    return ({"loss": trial.configuration["x"]} for _ in range(trial.first_epoch, trial.last_epoch))


def _play(path: Path) -> None:
    from hpo.executors.inline import InlineExecutor
    from hpo.study.journal import Journal
    from hpo.study.run import run_study

    with Journal(path) as journal:
        run_study(scheduler(), InlineExecutor(_objective, workers=2), journal, 0)


@cache
def study() -> tuple[bytes, bytes]:
    """A study's file, and its rows as lines of text: kind, and what was written."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.db"
        _play(path)
        with sqlite3.connect(path) as database:
            rows = database.execute("SELECT kind, payload FROM log ORDER BY number").fetchall()
        database.close()
        return path.read_bytes(), b"\n".join(f"{k} {p}".encode() for k, p in rows)


def read_database(data: bytes, folder: Path) -> None:
    path = folder / "study.db"
    path.write_bytes(data)
    (folder / "study.db-journal").unlink(missing_ok=True)
    _looked_at(path)


def read_rows(data: bytes, folder: Path) -> None:
    """Rows that say anything, in a file that is sound; looked at, and gone on with."""
    path = folder / "study.db"
    path.write_bytes(study()[0])
    (folder / "study.db-journal").unlink(missing_ok=True)
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM log")
        for number, line in enumerate(data.decode("utf-8", "replace").split("\n"), 1):
            kind, _, payload = line.partition(" ")
            row = (number, float(number), kind, payload)
            database.execute("INSERT INTO log VALUES (?, ?, ?, ?, NULL)", row)
    database.close()
    _looked_at(path)
    _play(path)


def _looked_at(path: Path) -> None:
    from hpo.study import records
    from hpo.study.journal import read_journal

    _, entries = read_journal(path)
    records.read(entries, "loss")


@cache
def header() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.db"
        path.write_bytes(study()[0])
        with sqlite3.connect(path) as database:
            rows = database.execute("SELECT name, value FROM header").fetchall()
        database.close()
        return b"\n".join(f"{name} {value}".encode() for name, value in rows)


def read_header(data: bytes, folder: Path) -> None:
    path = folder / "study.db"
    path.write_bytes(study()[0])
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM header")
        for line in data.decode("utf-8", "replace").split("\n"):
            name, _, value = line.partition(" ")
            database.execute("INSERT OR REPLACE INTO header VALUES (?, ?)", (name, value))
    database.close()
    _looked_at(path)
    _play(path)


@cache
def states() -> list[bytes]:
    import numpy as np

    from hpo.front.states import write

    state = {"weights": np.arange(3.0), "epoch": 2, "names": ["a", ("b", None)], "raw": b"xyz"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state-000001.npz"
        write(path, state)
        with np.load(path) as arrays:
            tree = arrays["tree"].item().encode()
        return [path.read_bytes(), TREE + tree]


def read_state(data: bytes, folder: Path) -> None:
    """A whole file, or, after an empty line, what says how its arrays hang together."""
    import numpy as np

    from hpo.front.states import read

    path = folder / "state-000001.npz"
    if data.startswith(TREE):
        tree = data[1:].decode("utf-8", "replace").replace("\0", "")
        with path.open("wb") as file:
            np.savez(file, **{"tree": np.array(tree), "0": np.arange(3.0), "1": np.arange(3)})
    else:
        path.write_bytes(data)
    read(path)


def readers() -> tuple[Reader, ...]:
    from hpo.front.states import StateError
    from hpo.study.errors import JournalError

    return (
        Reader("curves_csv", lambda: CSV, read_csv, (ValueError,)),
        Reader("curves_json", lambda: [TASKSET], read_json, (ValueError,)),
        Reader("study_database", lambda: [study()[0]], read_database, (JournalError,), names=False),
        Reader("study_rows", lambda: [study()[1]], read_rows, (JournalError,), names=False),
        Reader("study_header", lambda: [header()], read_header, (JournalError,)),
        Reader("trial_states", states, read_state, (StateError,)),
    )
