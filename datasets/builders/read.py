"""TFDS directories -> Samples: ours and the published ones, of every version, in portions.

A folder of one dataset version (`<root>/<name>/<version>`), or of a dataset whose versions or
configurations are below it (`<root>/<name>/<configuration>/<version>`): the newest version, all
configurations. The split `all` is the union of the stored ones.

The published datasets have no validation split. There, validation is the last tenth of train
(at least one event) of each folder, and train is the rest; `notes` says so.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets import samples as stored
from datasets.builders.content import content_of
from datasets.builders.directory import open_directory, version_folders
from datasets.builders.mapping import empty, to_samples
from datasets.builders.published import FeatureMap, feature_map
from datasets.builders.records import DatasetError
from datasets.events import Samples
from datasets.storage.appending import appended

PORTION_ROWS = 200_000  # elements in memory at once, about
VALIDATION_PART = 10  # one in so many training events


@dataclass(frozen=True)
class Slice:
    """Events first:last of a split as it is stored in a folder."""

    folder: Path
    split: str
    first: int
    last: int


@dataclass(frozen=True)
class Dataset:
    """A dataset on disk. `splits` says where the events of each are."""

    folder: Path
    features: FeatureMap
    splits: Mapping[str, tuple[Slice, ...]]
    notes: tuple[str, ...]  # what a person should know: what it lacks, and what stands for it

    def events(self, split: str) -> int:
        """How many events a split has. Raises DatasetError if there is no such split."""
        return sum(part.last - part.first for part in _slices(self, split))


def open_dataset(folder: Path) -> Dataset:
    """The dataset in a folder. Raises DatasetError if there is none that can be read."""
    folders = version_folders(folder)
    builders = [_builder(each) for each in folders]
    maps = []
    for each, builder in zip(folders, builders, strict=True):
        try:
            maps.append(feature_map(_widths(builder.info.features), _metadata(each)))
        except DatasetError as error:
            raise DatasetError(f"{each} cannot be read: {error}") from None
    if len({(found.elements.name, found.lacks, found.face) for found in maps}) != 1:
        raise DatasetError(f"the configurations below {folder} have different features")
    lengths = [
        {name: info.num_examples for name, info in builder.info.splits.items()}
        for builder in builders
    ]
    splits, notes = _splits(folders, lengths)
    lacks = tuple(f"{folder} lacks {what}" for what in maps[0].lacks)
    return Dataset(folder, maps[0], splits, (*notes, *lacks))


def portions(dataset: Dataset, split: str, rows: int = PORTION_ROWS) -> Iterator[Samples]:
    """The events of a split in order, about `rows` elements at a time.

    Raises DatasetError where values are not finite, or are no classes or elements of ours.
    """
    for part in _slices(dataset, split):
        events, count, first = [], 0, part.first
        for event in _events(part):
            events.append(event)
            count += len(event["X"])
            if count >= rows:
                yield _mapped(events, dataset, part, first)
                events, count, first = [], 0, first + len(events)
        if events:
            yield _mapped(events, dataset, part, first)


def read(folder: Path, split: str) -> Samples:
    """All events of a split, in memory. Raises DatasetError as the functions above."""
    dataset = open_dataset(folder)
    return stored.join([*portions(dataset, split)] or [nothing(dataset)])


def read_into(
    folder: Path, split: str, cache: Path, update: Callable[[int], None] = lambda done: None
) -> Dataset:
    """Writes a split to a folder of `Samples` (see `datasets.samples`), portion by portion.

    The cache appears complete or not at all; `update` is told how many events are done. Returns
    the dataset, whose `notes` a person should see.
    """
    dataset = open_dataset(folder)
    with appended(cache, nothing(dataset), content_of(folder)) as append:
        done = 0
        for samples in portions(dataset, split):
            append(samples)
            done += samples.events
            update(done)
    return dataset


def nothing(dataset: Dataset) -> Samples:
    """No events of the dataset."""
    features = dataset.features
    return empty(features.elements, "shares" in features.has, features.face)


def _builder(folder: Path):
    builder = open_directory(folder)
    form = builder.info.file_format.value
    if form != "array_record":
        raise DatasetError(
            f"{folder} has files of format {form}; write it as array_record with: "
            f"python -m launch.convert --input={folder} --output=FOLDER"
        )
    try:
        paths = [Path(p) for split in builder.info.splits.values() for p in split.filepaths]
    except Exception as error:  # TFDS fills in whatever template it finds
        raise DatasetError(f"{folder} names no files of its splits: {error!r:.300}") from error
    if outside := [path for path in paths if path.parent != folder]:
        raise DatasetError(f"{folder} names {outside[0]}, which is not in it")
    return builder


def _widths(features: Mapping) -> dict[str, int]:
    """The columns of each feature; 0 for what is no table."""
    shapes = {name: feature.shape for name, feature in features.items()}
    return {
        name: shape[1] or 0 if isinstance(shape, tuple) and len(shape) == 2 else 0
        for name, shape in shapes.items()
    }


def _metadata(folder: Path) -> Mapping[str, Sequence[str]]:
    path = folder / "metadata.json"
    try:
        return dict(json.loads(path.read_text())) if path.exists() else {}
    except (ValueError, TypeError) as error:
        raise DatasetError(f"{path.name} is damaged ({error})") from None


def _splits(
    folders: Sequence[Path], lengths: Sequence[Mapping[str, int]]
) -> tuple[dict[str, tuple[Slice, ...]], tuple[str, ...]]:
    """Where the events of each split are; a validation split is made where there is none."""
    splits: dict[str, tuple[Slice, ...]] = {}
    for folder, events in zip(folders, lengths, strict=True):
        for split, count in events.items():
            splits[split] = (*splits.get(split, ()), Slice(folder, split, 0, count))
    splits["all"] = tuple(part for parts in splits.values() for part in parts)
    if "validation" in splits or "train" not in splits:
        return splits, ()
    train = splits["train"]
    cuts = [part.last - max(1, part.last // VALIDATION_PART) for part in train]
    pairs = list(zip(train, cuts, strict=True))
    splits["train"] = tuple(Slice(part.folder, "train", 0, cut) for part, cut in pairs)
    splits["validation"] = tuple(Slice(p.folder, "train", cut, p.last) for p, cut in pairs)
    return splits, (
        f"{folders[0]} has no validation split: the last tenth of train is taken for it",
    )


def _slices(dataset: Dataset, split: str) -> tuple[Slice, ...]:
    if split not in dataset.splits:
        known = ", ".join(sorted(dataset.splits))
        raise DatasetError(f"{dataset.folder} has no split {split!r}, only {known}")
    return dataset.splits[split]


def _events(part: Slice) -> Iterator[Mapping[str, np.ndarray]]:
    if part.first == part.last:
        return
    source = _builder(part.folder).as_data_source(f"{part.split}[{part.first}:{part.last}]")
    for number in range(len(source)):
        where = f"{part.folder}, split {part.split}: event {part.first + number}"
        try:
            event = source[number]
        except Exception as error:
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            raise DatasetError(f"{where} cannot be read: {reason}") from error
        if absent := sorted(name for name, values in event.items() if values is None):
            raise DatasetError(f"{where} lacks {', '.join(absent)}: the file is damaged")
        yield event


def _mapped(events: Sequence[Mapping], dataset: Dataset, part: Slice, first: int) -> Samples:
    try:
        return to_samples(events, dataset.features, first)
    except DatasetError as error:
        raise DatasetError(f"{part.folder}, split {part.split}: {error}") from None
