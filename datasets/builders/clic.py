"""The CLIC datasets by process: tracks and clusters under their published names."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from datasets.builders import names, write
from datasets.builders.read import read, read_into
from datasets.builders.records import DatasetError

__all__ = ["DatasetError", "build", "dataset_folder", "read", "read_into"]


def dataset_folder(root: Path, process: str) -> Path:
    """Where a process's dataset lies below `root`."""
    return names.dataset_folder(root, names.dataset_name(process))


def build(root: Path, process: str, shards: Mapping[str, Sequence[Path]]) -> Path:
    """Writes the dataset of a process below `root` and returns its folder; see `write.build`."""
    return write.build(root, names.dataset_name(process), shards)
