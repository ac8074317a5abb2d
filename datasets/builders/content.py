"""What tells the events of a dataset from others, wherever it lies and whenever it was copied.

What is derived from a dataset (arrays that are read of it, a training with it) keeps this beside
it, and is of another dataset where it differs.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from datasets.builders.directory import INFO, read_info, version_folders
from datasets.builders.records import DatasetError

READING = 1  # grows where the same files become other arrays
BEGINNING = 8192  # bytes: the first events, where others are as many and as long
_ABOUT = ("features.json", "metadata.json")  # columns, and the face of the calorimeter


def content_of(folder: Path) -> str:
    """A digest of name, version, configurations, lengths and sizes of shards, and the beginnings of
    the files of the dataset that `open_dataset(folder)` reads, which takes no time.

    Raises DatasetError if there is none.
    """
    found = [READING, *map(list, map(_described, version_folders(folder)))]
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()[:16]


def _described(folder: Path) -> Iterator[object]:
    info = read_info(folder)
    try:
        yield [info["name"], info.get("configName", ""), info["version"]]
        told = ("name", "shardLengths", "numBytes")
        yield [[split[key] for key in told] for split in info["splits"]]
    except (KeyError, TypeError) as error:
        raise DatasetError(f"{folder / INFO} is damaged ({error})") from None
    for path in sorted(folder.iterdir()):
        if ".array_record" in path.name:
            with path.open("rb") as file:
                beginning = hashlib.sha256(file.read(BEGINNING)).hexdigest()
            yield [path.name, path.stat().st_size, beginning]
        elif path.name in _ABOUT:
            yield [path.name, path.read_text(errors="replace")]
