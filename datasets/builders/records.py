"""TFDS directories written without TensorFlow, in a memory that does not grow with them.

TFDS' own writer keeps a split in memory, and once it holds more than 1 GB needs TensorFlow
(`core/shuffle.py` of 4.9.10). Here examples go to array_record files one by one, in the order
given, and TFDS' `DatasetInfo` is written next to them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from datasets.storage.folders import written_whole

FILE_BYTES = 256 << 20  # of payload, after which a split goes on in another file
_OPTIONS = "group_size:1"  # every record by itself: random access; what TFDS writes

Example = Mapping[str, np.ndarray]  # float32 arrays; a scalar is an array of shape ()


class DatasetError(ValueError):
    """A folder that is not a dataset of this kind, or one that cannot be written."""


@dataclass(frozen=True)
class Description:
    """What a dataset says of itself. `widths` has the columns of each feature; 0 for a scalar."""

    name: str
    version: str
    text: str
    widths: Mapping[str, int]
    metadata: Mapping[str, object]
    citation: str = ""


class _Shards(NamedTuple):
    """The files of a split: records in each, and bytes of all."""

    lengths: list[int]
    size: int


def write_dataset(
    folder: Path, description: Description, splits: Mapping[str, Iterable[Example]]
) -> None:
    """Writes a dataset that `tfds.builder_from_directory(folder)` opens; whole or not at all.

    Raises DatasetError for a split without events or with records missing afterwards, FolderError
    where the folder exists or is being written.
    """
    with written_whole(folder) as partial:
        shards = {
            split: write_split(partial, description.name, split, map(encode, examples))
            for split, examples in splits.items()
        }
        _write_info(partial, description, shards)


def write_split(folder: Path, name: str, split: str, payloads: Iterable[bytes]) -> _Shards:
    """Writes the records of a split (NAME-SPLIT.array_record-00000-of-00002) and counts them."""
    lengths, size = [], 0
    for number, group in enumerate(_files(payloads)):
        written, bytes_written = write_file(_unnamed(folder, split, number), group)
        lengths.append(written)
        size += bytes_written
    if not lengths:
        raise DatasetError(f"split {split!r} of {name} has no events")
    for number in range(len(lengths)):
        final = folder / shard_name(name, split, number, len(lengths))
        _unnamed(folder, split, number).rename(final)
    return _Shards(lengths, size)


def shard_name(name: str, split: str, number: int, count: int) -> str:
    """The file name that TFDS gives to one of `count` files of a split."""
    return f"{name}-{split}.array_record-{number:05d}-of-{count:05d}"


def write_file(path: Path, payloads: Iterable[bytes]) -> tuple[int, int]:
    """One array_record file; returns how many records and payload bytes it has.

    Raises DatasetError if the file has fewer records than were given.
    """
    from array_record.python import array_record_module

    writer, count, size = array_record_module.ArrayRecordWriter(str(path), _OPTIONS), 0, 0
    try:
        for payload in payloads:
            writer.write(payload)
            count, size = count + 1, size + len(payload)
    finally:
        writer.close()
    found = count_records(path)
    if found != count:
        raise DatasetError(f"{path} has {found} of the {count} records written to it")
    return count, size


def count_records(path: Path) -> int:
    """Records in an array_record file, asked of the file: TFDS repeats what its info says."""
    from array_record.python import array_record_module

    reader = array_record_module.ArrayRecordReader(str(path))
    try:
        return reader.num_records()
    finally:
        reader.close()


def encode(example: Example) -> bytes:
    """The example as a tf.train.Example of float lists, as TFDS stores float32 tensors.

    Protocol buffers by hand, because a float list made of Python floats takes 90 ms for an event
    of 9,000 hits. Messages: Example{1: Features{1: {1: name, 2: Feature{2: FloatList{1: packed
    floats}}}}} (tensorflow/core/example/{example,feature}.proto).
    """
    entries = []
    for name, values in example.items():
        floats = np.ascontiguousarray(values, "<f4").tobytes()
        feature = _field(2, _field(1, floats) if floats else b"")
        entries.append(_field(1, _field(1, name.encode()) + _field(2, feature)))
    return _field(1, b"".join(entries))


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited field of a protocol buffer."""
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    groups = []
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])


def _files(payloads: Iterable[bytes]) -> Iterator[Iterator[bytes]]:
    """Consecutive groups of payloads, each of about FILE_BYTES."""
    rest = iter(payloads)
    for first in rest:

        def group(first: bytes = first) -> Iterator[bytes]:
            size = len(first)
            yield first
            while size < FILE_BYTES:
                payload = next(rest, None)
                if payload is None:
                    return
                size += len(payload)
                yield payload

        yield group()


def _unnamed(folder: Path, split: str, number: int) -> Path:
    """A file while its split is not complete: its name has the number of files in it."""
    return folder / f"{split}-{number:05d}.unfinished"


def _write_info(folder: Path, description: Description, shards: Mapping[str, _Shards]) -> None:
    import tensorflow_datasets as tfds

    identity = tfds.core.DatasetIdentity(
        name=description.name,
        version=tfds.core.Version(description.version),
        data_dir=str(folder),
        module_name=__name__,
    )
    features = {
        name: tfds.features.Tensor(shape=(None, width), dtype=np.float32)
        if width
        else tfds.features.Scalar(np.float32)
        for name, width in description.widths.items()
    }
    splits = [
        tfds.core.SplitInfo(name=split, shard_lengths=found.lengths, num_bytes=found.size)
        for split, found in shards.items()
    ]
    info = tfds.core.DatasetInfo(
        builder=identity,
        description=description.text,
        features=tfds.features.FeaturesDict(features),
        disable_shuffling=True,
        citation=description.citation,
        metadata=tfds.core.MetadataDict(description.metadata),
    )
    info.set_file_format("array_record")
    info.set_splits(tfds.core.splits.SplitDict(splits))
    info.write_to_directory(folder)
