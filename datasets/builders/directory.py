"""TFDS directories from outside, opened."""

import json
from collections.abc import Iterator
from pathlib import Path

from datasets.builders.records import DatasetError

INFO = "dataset_info.json"
_CLASS = ("pythonClassName", "python_class_name", "type")  # keys of a class; the last is old
_FEATURES = "tensorflow_datasets.core.features."


def open_directory(folder: Path):
    """TFDS' builder of a dataset folder, which has it read what is there and nothing else.

    Raises DatasetError if the folder is no dataset. So it does where `features.json` names
    classes other than TFDS' own: TFDS would import their modules.
    """
    import tensorflow_datasets as tfds

    try:
        for name in _classes(json.loads((folder / "features.json").read_text())):
            if not name.startswith(_FEATURES):
                raise ValueError(f"features.json asks for {name}, which is no feature of TFDS")
        return tfds.builder_from_directory(folder)
    except Exception as error:
        raise DatasetError(f"{folder} is no TFDS dataset: {error}") from error


def _classes(node: object) -> Iterator[str]:
    """Every class that a description of features names."""
    if isinstance(node, list):
        for item in node:
            yield from _classes(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in _CLASS and isinstance(value, str):
                yield value
            yield from _classes(value)
