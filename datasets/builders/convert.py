"""tfrecord directories -> array_record, without TensorFlow; payloads are copied unchanged.

The published datasets up to version 1.4 are tfrecord, which TFDS cannot read without TensorFlow.
"""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from datasets.builders.directory import INFO, open_directory
from datasets.builders.records import DatasetError, count_records, shard_name, write_file
from datasets.cards import writing as cards
from datasets.storage.folders import written_whole
from datasets.storage.tfrecord import records

_SOURCE = "converted_from.json"  # in an unfinished folder: which dataset its files are of
_TEMPLATE = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
_TEXT_BYTES = 64 << 20  # of a file next to the records: anything larger is no description


def find(root: Path) -> dict[Path, int]:
    """The tfrecord datasets in `root` and below it, with the number of events of each.

    Raises DatasetError if there is none.
    """
    found = {}
    for path in sorted(root.rglob(INFO)):
        if not any(part.startswith(".") for part in path.relative_to(root).parts):
            info = _info(path.parent)
            if info.get("fileFormat", "tfrecord") == "tfrecord":
                found[path.parent] = sum(sum(_lengths(split)) for split in info.get("splits", []))
    if not found:
        raise DatasetError(f"{root} has no tfrecord dataset: no {INFO} of one in it or below it")
    return found


def convert(source: Path, folder: Path, update: Callable[[int], None] = lambda done: None) -> None:
    """Writes the dataset of `source` to `folder` as array_record, whole or not at all.

    Started again after an interruption it goes on with the next file. `update` is told how many
    events are done. Raises TFRecordError for a damaged file, DatasetError where a file has other
    than the number of records it should, FolderError where `folder` is there.
    """
    info = _info(source)
    splits = open_directory(source).info.splits
    done = 0
    with written_whole(folder, keep=True) as partial:
        _go_on_or_clear(partial, source)
        for split in info["splits"]:
            paths, lengths = splits[split["name"]].filepaths, _lengths(split)
            for number, (path, length) in enumerate(zip(paths, lengths, strict=True)):
                name = shard_name(info["name"], split["name"], number, len(lengths))
                _convert_file(_inside(source, Path(path)), partial / name, length, done, update)
                done += length
            split["filepathTemplate"] = _TEMPLATE
        _copy_texts(source, partial)
        info["fileFormat"] = "array_record"
        (partial / INFO).write_text(json.dumps(info, indent=2))
        (partial / _SOURCE).unlink()
    cards.write(folder, open_directory(folder).info)


def _info(source: Path) -> dict:
    """The dataset's description; its names become file names, so they are looked at."""
    try:
        info = json.loads((source / INFO).read_text())
        names = [info["name"], *(split["name"] for split in info["splits"])]
        lengths = [_lengths(split) for split in info["splits"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"{source} is no TFDS dataset: {INFO} cannot be read ({error})"
        ) from None
    wrong = [name for name in names if not re.fullmatch(r"\w+", str(name))]
    if wrong or not lengths:
        raise DatasetError(f"{source / INFO} has no splits, or names that are not fit: {wrong}")
    return info


def _lengths(split: dict) -> list[int]:
    return [int(length) for length in split.get("shardLengths", [])]


def _inside(source: Path, path: Path) -> Path:
    if path.parent != source:
        raise DatasetError(f"{source / INFO} names {path}, which is not in its folder")
    if not path.exists():
        raise DatasetError(f"{path} is missing")
    return path


def _convert_file(path: Path, target: Path, length: int, done: int, update: Callable) -> None:
    """One file; nothing to do where it was converted before the last interruption."""
    if target.exists() and count_records(target) == length:
        update(done + length)
        return

    def counted():
        for number, payload in enumerate(records(path)):
            yield payload
            update(done + min(number + 1, length))

    unfinished = target.with_name(f"{target.name}.unfinished")
    count, _ = write_file(unfinished, counted())
    if count != length:
        raise DatasetError(f"{path} has {count} records; {INFO} says {length}")
    unfinished.rename(target)


def _go_on_or_clear(partial: Path, source: Path) -> None:
    """Files that another dataset left in the unfinished folder are deleted."""
    marker, text = partial / _SOURCE, (source / INFO).read_text()
    if not marker.exists() or marker.read_text() != text:
        for path in partial.iterdir():
            path.unlink()
        marker.write_text(text)


def _copy_texts(source: Path, partial: Path) -> None:
    """What stands next to the records: features.json, metadata.json, labels, a licence."""
    for path in sorted(source.iterdir()):
        if path.is_file() and ".tfrecord" not in path.name and path.stat().st_size < _TEXT_BYTES:
            shutil.copyfile(path, partial / path.name)
