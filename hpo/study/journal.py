"""The study's log: an append-only SQLite file. The state of a study is the fold of it.

Every append is one synchronous transaction in rollback-journal mode: it survives kill -9 and
power loss, and, unlike the write-ahead log, works on network file systems.
"""

import fcntl
import importlib.metadata
import json
import os
import platform
import socket
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

from hpo.core.types import (
    Event,
    Job,
    Reported,
    event_from_json,
    event_to_json,
    from_json,
    to_json,
)

VERSION = 2  # 2: proposals of a searcher that learns
_CHUNK = 1000  # rows that are parsed together
APPLICATION = 0x68706F31  # "hpo1": tells a study from any other SQLite file

_SCHEMA = f"""
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {VERSION};
CREATE TABLE header (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE log (
    number INTEGER PRIMARY KEY, time REAL NOT NULL, kind TEXT NOT NULL, payload TEXT NOT NULL
);
"""


class JournalError(RuntimeError):
    """The journal cannot be used; the message says why and what to do."""


class JournalLocked(JournalError):
    """Another process drives this study."""


class JournalCorrupt(JournalError):
    """The file is damaged, or no study."""


class JournalNewer(JournalError):
    """The file was written by a newer version of this package."""


class SettingsChanged(JournalError):
    """The study was started with other settings."""


class ReplayMismatch(JournalError):
    """The scheduler no longer asks what it asked when the log was written."""


class Entry(NamedTuple):
    """A job that was asked, or an event that was told, at `time` (seconds since 1970)."""

    time: float
    item: Job | Event


class Journal:
    """The log at `path`, made if absent, and held by this process until `close`.

    Raises JournalLocked, JournalCorrupt, JournalNewer; `begin` raises SettingsChanged.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(self.path)
        try:
            self._database = _open(self.path)
        except BaseException:
            self._lock.close()
            raise

    def begin(self, settings: Mapping[str, Any], seed: int) -> None:
        """Write the header of a new study, or compare that of an old one."""
        wanted = {"settings": to_json(settings), "seed": seed}
        found = self.header()
        if not found:
            header = {**wanted, "created": time.time(), "versions": _versions()}
            with _reported(self.path), self._database as transaction:
                rows = [(name, json.dumps(value)) for name, value in header.items()]
                transaction.executemany("INSERT INTO header VALUES (?, ?)", rows)
            return
        # through JSON once, so that tuples and lists compare equal
        changed = _differences(found, json.loads(json.dumps(wanted)))
        if changed:
            raise SettingsChanged(
                f"{self.path} holds a study with other settings ({'; '.join(changed)}). Start it "
                "with the settings it had, or tune in a new folder."
            )

    def header(self) -> dict[str, Any]:
        """settings, seed, created, versions; empty in a new file."""
        with _reported(self.path):
            return {
                name: json.loads(value)
                for name, value in self._database.execute("SELECT name, value FROM header")
            }

    def entries(self) -> Iterator[Entry]:
        """Everything written so far, in order."""
        with _reported(self.path):
            rows = self._database.execute("SELECT * FROM log ORDER BY number").fetchall()
        for start in range(0, len(rows), _CHUNK):
            chunk = rows[start : start + _CHUNK]
            for expected, row, fields in zip(
                range(start + 1, start + 1 + len(chunk)), chunk, self._parsed(chunk), strict=True
            ):
                if row[0] != expected:
                    raise _corrupt(self.path, f"row {expected} is missing")
                yield Entry(row[1], self._item(row, fields))

    def _parsed(self, rows: list[tuple]) -> list[Any]:
        """The payloads, parsed together, which is faster; one by one only to say which is wrong."""
        with suppress(ValueError):
            parsed = json.loads(f"[{','.join(row[3] for row in rows)}]")
            if len(parsed) == len(rows):
                return parsed
        return [self._one(row) for row in rows]

    def _one(self, row: tuple) -> Any:
        try:
            return json.loads(row[3])
        except ValueError as error:
            raise _corrupt(self.path, f"row {row[0]} cannot be read: {error}") from error

    def _item(self, row: tuple, fields: Any) -> Job | Event:
        try:
            if row[2] == "asked":
                return from_json(Job, fields)
            if fields["kind"] == "Reported":
                return Reported(fields["trial"], fields["epoch"], fields["metrics"])
            return event_from_json(fields)
        except (ValueError, KeyError, TypeError) as error:
            raise _corrupt(self.path, f"row {row[0]} cannot be read: {error!r}") from error

    def append(self, items: Sequence[Job | Event]) -> None:
        """Write jobs and events, all or none, and return once they are on the disk."""
        if not items:
            return
        rows = [
            (time.time(), "asked", json.dumps(to_json(item)))
            if isinstance(item, Job)
            else (time.time(), "told", json.dumps(event_to_json(item)))
            for item in items
        ]
        with _reported(self.path), self._database as transaction:
            transaction.executemany("INSERT INTO log (time, kind, payload) VALUES (?, ?, ?)", rows)

    def close(self) -> None:
        self._database.close()
        self._lock.close()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_journal(path: str | Path) -> tuple[dict[str, Any], list[Entry]]:
    """Header and entries of a study that another process may be driving."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no study here")
    reader = Journal.__new__(Journal)
    reader.path, reader._lock = path, None
    # Not mode=ro: the transaction of a driver killed while writing has to be rolled back first.
    reader._database = _connect(f"{path.absolute().as_uri()}?mode=rw", path)
    try:
        _check(reader._database, path)
        return reader.header(), list(reader.entries())
    finally:
        reader._database.close()


def _connect(uri: str, path: Path) -> sqlite3.Connection:
    with _reported(path):
        return sqlite3.connect(uri, uri=True, timeout=60)


def _open(path: Path) -> sqlite3.Connection:
    database = _connect(path.absolute().as_uri(), path)
    try:
        with _reported(path):
            database.execute("PRAGMA synchronous = FULL")
            # The rollback file stays, its header zeroed: as durable as deleting it, without writing
            # to the folder in every transaction, which is half of its time.
            database.execute("PRAGMA journal_mode = PERSIST")
            if database.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
                database.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
        _check(database, path)
    except BaseException:
        database.close()
        raise
    return database


def _check(database: sqlite3.Connection, path: Path) -> None:
    with _reported(path):
        (application,) = database.execute("PRAGMA application_id").fetchone()
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION:
            raise _corrupt(path, "it is a database, but not of a study")
        if version > VERSION:
            raise JournalNewer(
                f"{path} has format {version}, this program reads up to {VERSION}: update mlpf-jax"
            )
        (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise _corrupt(path, verdict)


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    """SQLite's errors, with the file's name and what to do."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise JournalError(
            f"{path}: {error}. Everything recorded so far is safe; remove the cause (disk space, "
            "permissions) and start the same command again."
        ) from error
    except sqlite3.DatabaseError as error:
        raise _corrupt(path, str(error)) from error


def _corrupt(path: Path, what: str) -> JournalCorrupt:
    return JournalCorrupt(
        f"{path} is damaged or no study: {what}. Restore it from a copy, or move it away to start "
        "the study anew."
    )


def _lock(path: Path) -> IO[str]:
    """A lock that the system drops when the process ends, however it ends."""
    lock = open(path.with_name(path.name + ".lock"), "a+")  # noqa: SIM115
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        owner = lock.read().strip() or "another process"
        lock.close()
        raise JournalLocked(
            f"{path} is in use by {owner}: two drivers of one study would train everything twice. "
            "Wait for it to end, or stop it."
        ) from None
    lock.truncate(0)
    lock.write(f"process {os.getpid()} on {socket.gethostname()}")
    lock.flush()
    return lock


def _differences(found: Mapping[str, Any], wanted: Mapping[str, Any], at: str = "") -> list[str]:
    """Where two headers differ, as "name: old, now new"; what only the old one has is ignored
    at the top level (when and with what it was written)."""
    names = wanted if not at else sorted({*found, *wanted})
    changed = []
    for name in names:
        old, new = found.get(name), wanted.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            changed += _differences(old, new, f"{at}{name}.")
        elif old != new:
            changed.append(f"{at}{name}: {_short(old)}, now {_short(new)}")
    return changed


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _versions() -> dict[str, str]:
    """Of what decides how a study goes, as far as it is installed."""
    versions = {"python": platform.python_version()}
    for package in ("mlpf-jax", "numpy", "scikit-learn", "dwave-samplers", "jax"):
        with suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return versions
