"""TFDS directories from outside, opened."""

import json
import re
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
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise DatasetError(f"{folder} is no TFDS dataset: {reason}") from error


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


def version_folders(folder: Path) -> list[Path]:
    """The folder itself, or the newest version below it, in all configurations.

    Raises DatasetError where there is none, or the folder is one of several datasets.
    """
    if (folder / INFO).exists():
        return [folder]
    found = [
        path.parent
        for pattern in (INFO, f"*/{INFO}")
        for path in folder.glob(f"*/{pattern}")
        if re.fullmatch(r"\d+\.\d+\.\d+", path.parent.name)
    ]
    if not found:
        raise DatasetError(f"{folder} is no TFDS dataset: neither it nor a version has {INFO}")
    _check_one(folder, found)
    newest = max(found, key=lambda path: _numbers(path.name)).name
    return sorted(
        (path for path in found if path.name == newest), key=lambda path: _numbers(str(path.parent))
    )


def _check_one(folder: Path, versions: list[Path]) -> None:
    """What a folder is, is told by what lies in it: a dataset names itself and its configuration,
    and where it names the folder below, that one is the dataset."""
    infos = {path: read_info(path) for path in versions}
    names = sorted({str(info.get("name")) for info in infos.values()})
    datasets = [  # a configuration of a dataset has a name of its own
        path.parent
        for path, info in infos.items()
        if path.parent != folder and path.parent.name == info.get("name") != info.get("configName")
    ]
    if len(names) > 1 or datasets:
        raise DatasetError(
            f"{folder} is a folder of datasets ({', '.join(names)}), not one of them: give one, "
            f"like {min(datasets, default=versions[0])}"
        )


def read_info(folder: Path) -> dict:
    """What a version of a dataset says of itself. Raises DatasetError where that is damaged."""
    try:
        return dict(json.loads((folder / INFO).read_text()))
    except (ValueError, TypeError) as error:
        raise DatasetError(f"{folder} is no TFDS dataset: {INFO} is damaged ({error})") from None


def _numbers(text: str) -> list[str | int]:
    """A key that sorts 10 after 9; text and numbers take turns in it."""
    return [int(piece) if piece.isdigit() else piece for piece in re.split(r"(\d+)", text)]
