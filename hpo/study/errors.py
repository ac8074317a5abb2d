"""What can be wrong with a study's journal, in words that say what to do."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class JournalError(RuntimeError):
    """The journal cannot be used; the message says why and what to do."""


class JournalLocked(JournalError):
    """Another process drives this study."""


class JournalCorrupt(JournalError):
    """The file is damaged, or no study."""


class JournalNewer(JournalError):
    """The file was written by a newer version of this package."""


class SettingsChanged(JournalError):
    """The study was started with other settings, or with another objective."""


class ReplayMismatch(JournalError):
    """A row of the log does not follow from those before it: the scheduler asks otherwise than it
    did, or what was written down could not have happened."""


def corrupt(path: Path | str, what: str) -> JournalCorrupt:
    """The error of a file that is damaged."""
    said = " ".join(what.split())[:500]
    return JournalCorrupt(
        f"{path} is damaged or no study: {said}. Restore it from a copy, or move it away to start "
        "the study anew."
    )


@contextmanager
def reported(path: Path) -> Iterator[None]:
    """SQLite's errors, with the file's name and what to do."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "decode to UTF-8" in str(error):  # of a text; it is no trouble with the disk
            raise corrupt(path, str(error)) from error
        raise JournalError(
            f"{path}: {error}. Everything recorded so far is safe; remove the cause (disk space, "
            "permissions) and start the same command again."
        ) from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # the latter, of its own errors
        raise corrupt(path, str(error)) from error
