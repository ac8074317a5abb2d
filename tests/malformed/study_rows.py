"""Malformed studies and states of their trials: (how, what makes the file, the line)."""

import sqlite3
from pathlib import Path

import numpy as np

from tests.fuzz.readers import studies
from tests.malformed.making import Make, Rows, bytes_of, half


def study(*statements: str) -> Make:
    """A study's file, changed by SQL."""

    def make(folder: Path) -> None:
        (folder / DB).write_bytes(studies.study()[0])
        with sqlite3.connect(folder / DB) as database:
            for statement in statements:
                database.execute(statement)
        database.close()

    return make


DB = "study.db"
_DAMAGED = f"{DB} is damaged or no study: "
_MOVE = ". Restore it from a copy, or move it away to start the study anew."
STUDY: Rows = {
    "no file": (lambda folder: None, f"{DB}: there is no study here"),
    "text": (bytes_of(DB, b"hello" * 100), f"{_DAMAGED}file is not a database{_MOVE}"),
    "another program's database": (
        study("PRAGMA application_id = 0"),
        f"{_DAMAGED}it is a database, but not of a study{_MOVE}",
    ),
    "a newer format": (
        study("PRAGMA user_version = 99"),
        f"{DB} has format 99, this program reads up to 2: update mlpf-jax",
    ),
    "cut short": (
        lambda folder: bytes_of(DB, half(studies.study()[0]))(folder),
        f"{_DAMAGED}...{_MOVE}",
    ),
    "a row is missing": (
        study("DELETE FROM log WHERE number = 3"),
        f"{_DAMAGED}row 3 is missing{_MOVE}",
    ),
    "a row that is no JSON": (
        study("UPDATE log SET payload = '{' WHERE number = 3"),
        f"{_DAMAGED}row 3 cannot be read: ...{_MOVE}",
    ),
    "a row of an unknown kind": (
        study("UPDATE log SET payload = '{\"kind\": \"Slept\"}', kind = 'told' WHERE number = 3"),
        f"{_DAMAGED}row 3 cannot be read: KeyError('Slept'){_MOVE}",
    ),
    "no header": (
        study("DELETE FROM header"),
        f"{_DAMAGED}it has rows, and no header says of what{_MOVE}",
    ),
    "a header that is no JSON": (
        study("UPDATE header SET value = '{' WHERE name = 'seed'"),
        f"{_DAMAGED}seed in its header cannot be read: ...{_MOVE}",
    ),
    "other settings": (
        study("UPDATE header SET value = '7' WHERE name = 'seed'"),
        f"{DB} holds a study with other settings (seed: 7, now 0). ...",
    ),
    "a report that could not be": (
        study(
            "UPDATE log SET payload = replace(payload, '\"epoch\": 1', '\"epoch\": 3') "
            "WHERE payload LIKE '%Reported%'"
        ),
        f"{DB}: row 3 of the journal does not follow from those before it: trial 0 reported epoch 3; "
        "after 0 epochs of 1 that is not the next one. ...",
    ),
    "a report without the metric": (
        study(
            "UPDATE log SET payload = replace(payload, '\"loss\"', '\"lost\"') "
            "WHERE payload LIKE '%Reported%'"
        ),
        f"the journal is damaged or no study: row 3 reports no loss{_MOVE}",
    ),
}

_NPZ = "state-000001.npz"
STATES: Rows = {
    "no archive": (bytes_of(_NPZ, b"hello"), f"{_NPZ} cannot be read: ..."),
    "cut short": (
        lambda folder: bytes_of(_NPZ, half(studies.states()[0]))(folder),
        f"{_NPZ} cannot be read: ...",
    ),
    "no tree": (
        lambda folder: np.savez(folder / _NPZ, a=np.zeros(1)),
        f"{_NPZ} cannot be read: ...",
    ),
    "objects": (
        lambda folder: np.savez(folder / _NPZ, tree=np.array([{}], object)),
        f"{_NPZ} cannot be read: ...",
    ),
}
