"""The SQLite file of a journal: made, opened, checked, and held by one process at a time.

Every transaction is synchronous, in rollback-journal mode: it survives kill -9 and power loss, and,
unlike the write-ahead log, works on network file systems.
"""

import fcntl
import os
import socket
import sqlite3
from pathlib import Path
from typing import IO

from hpo.study.errors import JournalLocked, JournalNewer, corrupt, reported

VERSION = 2  # 2: proposals of a searcher that learns
APPLICATION = 0x68706F31  # "hpo1": tells a study from any other SQLite file

_SCHEMA = f"""
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {VERSION};
CREATE TABLE header (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE log (
    number INTEGER PRIMARY KEY, time REAL NOT NULL, kind TEXT NOT NULL, payload TEXT NOT NULL,
    worker INTEGER
);
"""


def opened(path: Path) -> sqlite3.Connection:
    """The database at `path`, made if absent. Raises JournalCorrupt, JournalNewer."""
    database = _connect(path.absolute().as_uri(), path)
    try:
        with reported(path):
            database.execute("PRAGMA synchronous = FULL")
            # The rollback file stays, its header zeroed: as durable as deleting it, without writing
            # to the folder in every transaction, which is half of its time.
            database.execute("PRAGMA journal_mode = PERSIST")
            if database.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
                database.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
        _check(database, path)
        with reported(path):
            if not knows_workers(database):  # older versions read and write it as before
                database.execute("ALTER TABLE log ADD COLUMN worker INTEGER")
    except BaseException:
        database.close()
        raise
    return database


def knows_workers(database: sqlite3.Connection) -> bool:
    """Whether the log has a place for who told an event; older ones have none."""
    return "worker" in {row[1] for row in database.execute("PRAGMA table_info(log)")}


def opened_beside(path: Path) -> sqlite3.Connection:
    """A database that exists and that another process may be writing. Raises as `opened`."""
    # Not mode=ro: the transaction of a driver killed while writing has to be rolled back first.
    database = _connect(f"{path.absolute().as_uri()}?mode=rw", path)
    try:
        _check(database, path)
    except BaseException:
        database.close()
        raise
    return database


def locked(path: Path) -> IO[str]:
    """A lock that the system drops when the process ends, however it ends. Raises JournalLocked."""
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


def _connect(uri: str, path: Path) -> sqlite3.Connection:
    with reported(path):
        return sqlite3.connect(uri, uri=True, timeout=60)


def _check(database: sqlite3.Connection, path: Path) -> None:
    with reported(path):
        (application,) = database.execute("PRAGMA application_id").fetchone()
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION:
            raise corrupt(path, "it is a database, but not of a study")
        if version > VERSION:
            raise JournalNewer(
                f"{path} has format {version}, this program reads up to {VERSION}: update mlpf-jax"
            )
        (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise corrupt(path, verdict)
