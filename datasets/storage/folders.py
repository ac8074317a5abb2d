"""A folder that appears complete under its name, or not at all."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class FolderError(ValueError):
    """A folder that cannot be written as asked."""


@contextmanager
def written_whole(folder: Path, keep: bool = False) -> Iterator[Path]:
    """Yields a hidden folder beside `folder` to write in; it takes that name when all went well.

    After an error, what was written is deleted. With `keep` it stays, and the next one finds it:
    for work that can go on where it stopped. An unfinished folder of a killed program is cleared.

    Raises FolderError where `folder` exists, or another program is writing it.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    with _locked(partial, folder) as owned:
        if not keep:
            _clear(partial)
        try:
            yield partial
            partial.rename(folder)
        except BaseException:
            if not keep and _is(owned, partial):
                shutil.rmtree(partial, ignore_errors=True)
            raise


@contextmanager
def replaced(folder: Path) -> Iterator[Path]:
    """Yields a hidden folder to write in, which takes the place of `folder` when all went well.

    For what one program alone writes, and may write again. After an error nothing has changed.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        yield partial
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def _locked(partial: Path, folder: Path) -> Iterator[int]:
    """Makes the hidden folder this program's own; yields its descriptor."""
    partial.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(partial, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FolderError(f"another program is writing {folder}; wait for it to end") from None
        if folder.exists():
            if _is(descriptor, partial) and not any(partial.iterdir()):
                partial.rmdir()
            raise FolderError(f"{folder} is there already; delete it to make it again")
        if not _is(descriptor, partial):  # the other program failed, and deleted it
            raise FolderError(f"another program was writing {folder}; start again")
        yield descriptor
    finally:
        os.close(descriptor)


def _is(descriptor: int, path: Path) -> bool:
    """Whether the open folder still has this name (another program may have finished it)."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _clear(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
