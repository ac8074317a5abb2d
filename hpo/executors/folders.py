"""Checkpoints in the folders of a study's trials: what they take, and those that are deleted.

A checkpoint is what an objective names after its epoch: a folder `7`, or a file `7.npz`. All else
in a trial's folder (logs, error.txt, pictures) is left alone. Deleting can be cut off anywhere:
what is left is deleted the next time.
"""

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

CHECKPOINT = re.compile(r"(\d+)(\.npz)?")
# What is left of one whose making, or deleting, was cut off.
REMAINS = re.compile(r"\.?\d+\.(deleted|partial|orbax-checkpoint-tmp.*)")


class Footprint(NamedTuple):
    """Trials that have a checkpoint, and the bytes of all checkpoints."""

    trials: int
    bytes: int


def folder_of(study: Path, trial: int) -> Path:
    """Where a trial of the study has its checkpoints."""
    return study / f"trial-{trial:04d}"


def footprint(study: Path) -> Footprint:
    """What the checkpoints of a study's trials take, `study` being the folder of all of them."""
    found = [[path for path, _ in _checkpoints(folder)] for folder in study.glob("trial-*")]
    return Footprint(sum(map(bool, found)), sum(_size(path) for own in found for path in own))


def discard(folder: Path) -> None:
    """Deletes all checkpoints in a trial's folder. Raises OSError where one cannot be."""
    for path, _ in list(_checkpoints(folder, remains=True)):
        _delete(path)


def trim(folder: Path, done: int) -> None:
    """Deletes those that a newer one makes useless to a trial that goes on after `done` epochs.
    Raises OSError where one cannot be."""
    known = [(path, epoch) for path, epoch in _checkpoints(folder) if epoch <= done]
    newest = max((epoch for _, epoch in known), default=0)
    for path, epoch in known:
        if epoch < newest:
            _delete(path)


def _checkpoints(folder: Path, remains: bool = False) -> Iterator[tuple[Path, int]]:
    for path in folder.iterdir() if folder.is_dir() else ():
        found = CHECKPOINT.fullmatch(path.name)
        if found and (found[2] or path.is_dir()):
            yield path, int(found[1])
        elif remains and REMAINS.fullmatch(path.name):
            yield path, 0


def _delete(path: Path) -> None:
    """Another may be deleting it, too: the worker of a job that was cancelled."""
    try:
        whole = path.is_dir() and not path.is_symlink()  # what a link leads to is not ours
        shutil.rmtree(path) if whole else path.unlink()
    except FileNotFoundError:
        if path.exists():
            raise


def _size(path: Path) -> int:
    """Bytes of a file, or of all files below a folder."""
    inner = [os.path.join(top, name) for top, _, files in os.walk(path) for name in files]
    size = 0
    for name in inner if path.is_dir() else [path]:
        with contextlib.suppress(FileNotFoundError):  # a study that is played deletes some
            size += os.stat(name).st_size
    return size
