"""Datasets and what they are made of: tfrecord, TFDS folders, pickles of numbers, samples."""

import bz2
import pickle
import tempfile
from functools import cache
from pathlib import Path

from tests.fuzz.reader import PARTED, Reader

NAME = "mine"
TEXTS = ("dataset_info.json", "features.json", "metadata.json")
RECORDS = f"{NAME}-train.array_record-00000-of-00001"


def tfrecords() -> list[bytes]:
    from tests.datasets.storage.framing import framed

    return [b"".join(map(framed, (b"", b"a", b"some more"))), b""]


def read_tfrecord(data: bytes, folder: Path) -> None:
    from datasets.storage.tfrecord import records

    path = folder / "some.tfrecord-00000-of-00001"
    path.write_bytes(data)
    list(records(path))


@cache
def dataset() -> dict[str, bytes]:
    """The files of a sound dataset of three events."""
    from datasets import samples as stored
    from datasets.builders import write
    from tests.datasets.builders.published_examples import random_samples, with_shares

    with tempfile.TemporaryDirectory() as place:
        stored.save(Path(place) / "shard", with_shares(random_samples((3, 1, 2), 0, "clusters"), 0))
        folder = write.build(Path(place), NAME, {"train": [Path(place) / "shard"]})
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def _payloads() -> list[bytes]:
    from array_record.python import array_record_module

    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(dataset()[RECORDS])
        reader = array_record_module.ArrayRecordReader(file.name)
        return [reader.read([number])[0] for number in range(reader.num_records())]


def _laid_out(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content)


def _all_of(folder: Path) -> None:
    from datasets.builders import read

    found = read.open_dataset(folder)
    for split in ("train", "validation", "all"):
        for _ in read.portions(found, split):
            pass


def texts() -> list[bytes]:
    return [PARTED.join(dataset()[name] for name in TEXTS)]


def read_texts(data: bytes, folder: Path) -> None:
    """What stands beside the records says anything; converted, too, as of tfrecord."""
    from datasets.builders.convert import find
    from datasets.builders.records import DatasetError

    _laid_out(folder, dataset() | dict(zip(TEXTS, data.split(PARTED), strict=False)))
    try:
        find(folder)
    except DatasetError as error:
        _check_line(error, folder)
    _all_of(folder)


def _check_line(error: Exception, folder: Path) -> None:
    assert str(folder) in str(error)
    assert "\n" not in str(error)


def read_records(data: bytes, folder: Path) -> None:
    """The file of records is anything."""
    _laid_out(folder, dataset() | {RECORDS: data})
    _all_of(folder)


def read_payload(data: bytes, folder: Path) -> None:
    """One of the records is anything, in a file that is sound."""
    from datasets.builders.records import write_file

    _laid_out(folder, dataset())
    (folder / RECORDS).unlink()
    write_file(folder / RECORDS, [*_sound_payloads()[:2], data])
    _all_of(folder)


_sound_payloads = cache(_payloads)


def pickled() -> list[bytes]:
    from tests.datasets.builders.delphes_files import content

    return [pickle.dumps(content(counts=(2, 1)), protocol) for protocol in (2, 4)]


def read_pickle(data: bytes, folder: Path) -> None:
    from datasets.builders.delphes import read

    path = folder / "file.pkl.bz2"
    path.write_bytes(bz2.compress(data, 1))
    read(path)


@cache
def sample_files() -> dict[str, bytes]:
    from datasets import samples as stored
    from tests.datasets.builders.published_examples import random_samples, with_shares

    with tempfile.TemporaryDirectory() as place:
        stored.save(Path(place) / "s", with_shares(random_samples((3, 1, 2), 0, "clusters"), 0))
        return {path.name: path.read_bytes() for path in sorted((Path(place) / "s").iterdir())}


def read_samples(data: bytes, folder: Path) -> None:
    import numpy as np

    from datasets import samples as stored

    _laid_out(folder, dict(zip(sample_files(), data.split(PARTED), strict=False)))
    found = stored.load(folder)
    stored.take(found, np.arange(found.events))


def readers() -> tuple[Reader, ...]:
    from datasets.builders.records import DatasetError
    from datasets.samples import SamplesError
    from datasets.storage.pickles import PickleError
    from datasets.storage.tfrecord import TFRecordError

    return (
        Reader("tfrecord", tfrecords, read_tfrecord, (TFRecordError,)),
        Reader("dataset_texts", texts, read_texts, (DatasetError,)),
        Reader("dataset_records", lambda: [dataset()[RECORDS]], read_records, (DatasetError,)),
        Reader("dataset_events", _payloads, read_payload, (DatasetError,)),
        Reader("pickles", pickled, read_pickle, (PickleError, DatasetError)),
        Reader(
            "samples", lambda: [PARTED.join(sample_files().values())], read_samples, (SamplesError,)
        ),
    )
