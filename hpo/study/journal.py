"""The study's log: an append-only SQLite file. The state of a study is the fold of it."""

import importlib.metadata
import json
import platform
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from hpo.core.types import (
    Completed,
    Event,
    Failed,
    Job,
    Proposed,
    Reported,
    WorkerLost,
    event_from_json,
    event_to_json,
    from_json,
    to_json,
)
from hpo.study.database import knows_workers, locked, opened, opened_beside
from hpo.study.errors import SettingsChanged, corrupt, reported

_CHUNK = 1000  # rows that are parsed together


class Entry(NamedTuple):
    """A job that was asked, or an event that was told, at `time` (seconds since 1970)."""

    time: float
    item: Job | Event


Workers = Mapping[int, int]
"""The place of the worker that had a trial, by the trial's number."""

NOBODY: Workers = MappingProxyType({})


def told_by(items: Iterable[Job | Event], workers: Workers, first: int = 0) -> dict[int, int]:
    """Who told of the events among `items`, where that is known, by their rows, counted from
    `first`."""
    known = {}
    for row, item in enumerate(items, first):
        worker = None if isinstance(item, Job) else workers.get(getattr(item, "trial", -1))
        if worker is not None:
            known[row] = worker
    return known


class Journal:
    """The log at `path`, made if absent, and held by this process until `close`.

    Raises JournalLocked, JournalCorrupt, JournalNewer; `begin` raises SettingsChanged.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = locked(self.path)
        try:
            self._database = opened(self.path)
        except BaseException:
            self._lock.close()
            raise

    def begin(
        self, settings: Mapping[str, Any], seed: int, executor: Mapping[str, Any] | None = None
    ) -> None:
        """Write the header of a new study, or compare that of an old one.

        `executor` describes what trains; to the header of a study that was written down without
        it, it is added.
        """
        # through JSON once, so that tuples and lists compare equal
        wanted = json.loads(json.dumps(to_json({"settings": settings, "seed": seed})))
        if executor is not None:
            wanted["executor"] = json.loads(json.dumps(to_json(executor)))
        found = self.header()
        if not found:
            if next(self.entries(), None) is not None:
                raise corrupt(self.path, "it has rows, and no header says of what")
            self._write_header({**wanted, "created": time.time(), "versions": _versions()})
            return
        added = {name: wanted.pop(name) for name in {"executor"} & (wanted.keys() - found.keys())}
        if changed := _differences(found, wanted):
            raise SettingsChanged(
                f"{self.path} holds a study with other settings ({'; '.join(changed)}). Start it "
                "with the settings it had, or tune in a new folder."
            )
        self._write_header(added)

    def header(self) -> dict[str, Any]:
        """settings, seed, executor, created, versions; empty in a new file. Studies written down
        before executors told what they are have no `executor`."""
        with reported(self.path):
            return _header(self._database, self.path)

    def entries(self) -> Iterator[Entry]:
        """Everything written so far, in order."""
        with reported(self.path):
            yield from _entries(self._database, self.path)

    def append(self, items: Sequence[Job | Event], workers: Workers = NOBODY) -> None:
        """Write jobs and events, all or none, and return once they are on the disk; `workers` are
        those who had the trials, by number."""
        told = [Entry(time.time(), item) for item in items]
        self.extend(told, told_by(items, workers))

    def extend(self, entries: Sequence[Entry], workers: Mapping[int, int] = NOBODY) -> None:
        """The same with the times that they have, as those of another log do; `workers` are by
        the place of an entry among these, counted from 0."""
        if not entries:
            return
        rows = [
            (time, "asked", json.dumps(to_json(item)), None)
            if isinstance(item, Job)
            else (time, "told", json.dumps(event_to_json(item)), workers.get(row))
            for row, (time, item) in enumerate(entries)
        ]
        with reported(self.path), self._database as transaction:
            columns = "time, kind, payload, worker"
            transaction.executemany(f"INSERT INTO log ({columns}) VALUES (?, ?, ?, ?)", rows)

    def close(self) -> None:
        self._database.close()
        self._lock.close()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write_header(self, header: Mapping[str, Any]) -> None:
        if not header:
            return
        with reported(self.path), self._database as transaction:
            rows = [(name, json.dumps(value)) for name, value in header.items()]
            transaction.executemany("INSERT INTO header VALUES (?, ?)", rows)


def read_journal(path: str | Path) -> tuple[dict[str, Any], list[Entry]]:
    """Header and entries of a study that another process may be driving."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no study here")
    database = opened_beside(path)
    try:
        with reported(path):
            return _header(database, path), list(_entries(database, path))
    finally:
        database.close()


def read_workers(path: str | Path) -> dict[int, int]:
    """Who told the entry of a row of the log, counted from 0, where that is known."""
    database = opened_beside(Path(path))
    try:
        with reported(Path(path)):
            return _workers(database)
    finally:
        database.close()


class Reading:
    """The log of a study that another process may be driving, read on as it grows.

    Nothing is locked between looks, and for no longer than a look takes to fetch new rows; the
    driver waits that long. A context manager. Raises as `read_journal`.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        if not self.path.is_file():
            raise FileNotFoundError(f"{path}: there is no study here")
        self._database = opened_beside(self.path)
        self.entries: list[Entry] = []

    def look(self) -> tuple[dict[str, Any], list[Entry]]:
        """Header and all entries so far."""
        with reported(self.path):
            self.entries += _entries(self._database, self.path, len(self.entries))
            return _header(self._database, self.path), list(self.entries)

    def workers(self) -> dict[int, int]:
        """Who told the entry of a row, counted from 0, where that is known."""
        with reported(self.path):
            return _workers(self._database)

    def __enter__(self) -> "Reading":
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()


def _workers(database: sqlite3.Connection) -> dict[int, int]:
    if not knows_workers(database):
        return {}
    rows = database.execute("SELECT number, worker FROM log WHERE worker IS NOT NULL")
    return {number - 1: worker for number, worker in rows}


def _header(database: sqlite3.Connection, path: Path) -> dict[str, Any]:
    header = {}
    for name, value in database.execute("SELECT name, value FROM header"):
        try:
            header[name] = json.loads(value)
        except (ValueError, TypeError) as error:
            raise corrupt(path, f"{name} in its header cannot be read: {error}") from error
    if not isinstance(header.get("settings", {}), dict):
        raise corrupt(path, f"the settings in its header are {header['settings']!r:.80}")
    return header


def _entries(database: sqlite3.Connection, path: Path, after: int = 0) -> Iterator[Entry]:
    found = database.execute("SELECT * FROM log WHERE number > ? ORDER BY number", (after,))
    rows = found.fetchall()  # at once: nothing is locked while they are parsed
    for start in range(0, len(rows), _CHUNK):
        chunk = rows[start : start + _CHUNK]
        first = after + start + 1
        for expected, row, fields in zip(
            range(first, first + len(chunk)), chunk, _parsed(chunk, path), strict=True
        ):
            if row[0] != expected:
                raise corrupt(path, f"row {expected} is missing")
            yield Entry(row[1], _item(row, fields, path))


def _parsed(rows: list[tuple[Any, ...]], path: Path) -> list[Any]:
    """The payloads, parsed together, which is faster; one by one only to say which is wrong."""
    with suppress(ValueError, TypeError):  # TypeError: bytes where a text should be
        parsed = json.loads(f"[{','.join(row[3] for row in rows)}]")
        if len(parsed) == len(rows):
            return parsed
    return [_one(row, path) for row in rows]


def _one(row: tuple[Any, ...], path: Path) -> Any:
    try:
        return json.loads(row[3])
    except (ValueError, TypeError) as error:
        raise corrupt(path, f"row {row[0]} cannot be read: {error}") from error


def _item(row: tuple[Any, ...], fields: Any, path: Path) -> Job | Event:
    try:
        if row[2] == "asked":
            return _checked(from_json(Job, fields))
        if fields["kind"] == "Reported":
            return _checked(Reported(fields["trial"], fields["epoch"], fields["metrics"]))
        return _checked(event_from_json(fields))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise corrupt(path, f"row {row[0]} cannot be read: {error!r}") from error


# What has to be a whole number, of each kind of row.
_WHOLE = {
    Job: ("trial", "first_epoch", "last_epoch"),
    Reported: ("trial", "epoch"),
    Completed: ("trial", "epoch"),
    Failed: ("trial",),
    WorkerLost: ("trial",),
    Proposed: ("trial",),
}


def _checked(item: Job | Event) -> Job | Event:
    """The item itself. Raises TypeError where a value is of another kind than it is written as."""
    for name in _WHOLE.get(type(item), ()):
        if type(value := getattr(item, name)) is not int:
            raise TypeError(f"{name} is {value!r:.80}, no whole number")
    if isinstance(item, Reported):
        metrics = item.metrics
        plain = (float, int, bool, str)  # what workers make of metrics, ours or not
        if type(metrics) is not dict or not all(type(v) in plain for v in metrics.values()):
            raise TypeError(f"metrics are {metrics!r:.80}, not plain values by name")
    if isinstance(item, Failed) and not isinstance(item.error, str):
        raise TypeError(f"the error is {item.error!r:.80}, no text")
    return item


def _differences(found: Mapping[str, Any], wanted: Mapping[str, Any], at: str = "") -> list[str]:
    """Where two headers differ, as "name: old, now new"; what only the old one has is ignored
    at the top level (when and with what it was written)."""
    names = wanted if not at else sorted({*found, *wanted})
    changed = []
    for name in names:
        old, new = found.get(name), wanted.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            changed += _differences(old, new, f"{at}{name}.")
        elif old != new and _text(old) != _text(new):  # NaN is unlike itself, its text is not
            changed.append(f"{at}{name}: {_short(old)}, now {_short(new)}")
    return changed


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _short(value: Any) -> str:
    text = _text(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _versions() -> dict[str, str]:
    """Of what decides how a study goes, as far as it is installed."""
    versions = {"python": platform.python_version()}
    for package in ("mlpf-jax", "numpy", "scikit-learn", "dwave-samplers", "jax"):
        with suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return versions
