"""Malformed records, pickles, datasets and samples: (how, what makes the files, the line)."""

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.datasets.builders.delphes_files import Reduced, content, write_pickle
from tests.datasets.storage.framing import framed
from tests.fuzz.readers import records
from tests.malformed.making import Make, Rows, bytes_of, edited, gone, half, with_item

TF = "a.tfrecord"
TFRECORD: Rows = {
    "cut short": (bytes_of(TF, framed(b"abc")[:-2]), f"{TF}, record 0 is cut short"),
    "a byte of the payload": (
        bytes_of(TF, framed(b"abc").replace(b"abc", b"abd")),
        f"{TF}, record 0: its checksum is wrong; the file is damaged",
    ),
    "a byte of the length": (
        bytes_of(TF, b"\x09" + framed(b"abc")[1:]),
        f"{TF}, record 0: the checksum of its length is wrong; the file is damaged",
    ),
    "compressed": (
        bytes_of(TF, b"\x1f\x8b\x08"),
        f"{TF} is compressed with gzip; unpack it first (gunzip)",
    ),
    "text": (bytes_of(TF, b"hello"), f"{TF}, record 0 is cut short"),
}


def pickled(data: object) -> Make:
    """A compressed pickle."""
    return lambda folder: write_pickle(folder / PKL, data) and None


PKL = "a.pkl.bz2"
PICKLES: Rows = {
    "a call of os.system": (
        pickled(Reduced(os.system, ("true",))),
        f"{PKL} is refused: it asks for posix.system",
    ),
    "a call of eval": (
        pickled(Reduced(eval, ("1",))),
        f"{PKL} is refused: it asks for builtins.eval",
    ),
    "an array of objects": (
        pickled({"X": [np.array([{}], object)]}),
        f"{PKL} is refused: an array of type 'O8', which is no plain number",
    ),
    "not compressed": (
        bytes_of(PKL, pickle.dumps(content())),
        f"{PKL} is damaged: Invalid data stream",
    ),
    "cut short": (bytes_of(PKL, b"BZh9"), f"{PKL} is damaged: ..."),
    "a list": (pickled([1]), f"{PKL} is no dict with lists X, ygen, ycand"),
    "no events": (
        pickled({"X": [], "ygen": [], "ycand": []}),
        f"{PKL} has unequal or no numbers of events: {{'X': 0, 'ygen': 0, 'ycand': 0}}",
    ),
    "a value that is not finite": (
        pickled({name: [np.full_like(a, np.nan) for a in v] for name, v in content((2,)).items()}),
        f"{PKL}, event 0: X is not finite",
    ),
    "too few columns": (
        pickled({name: [a[:, :3] for a in v] for name, v in content((2,)).items()}),
        f"{PKL}, event 0: X is (2, 3), expected 12 columns",
    ),
}

_INFO, _FEATURES, _METADATA = records.TEXTS
_RECORDS = records.RECORDS


def dataset(name: str, change: Callable) -> Make:
    """A dataset, of which one file is changed."""
    return edited(records.dataset, name, change)


def with_event(**changed: Callable[[np.ndarray], np.ndarray]) -> Make:
    """A dataset whose second event has other values."""
    from datasets.builders.records import encode, write_file

    def make(folder: Path) -> None:
        import tensorflow_datasets as tfds

        for name, data in records.dataset().items():
            (folder / name).write_bytes(data)
        events = [dict(e) for e in tfds.builder_from_directory(folder).as_data_source("train")]
        for name, change in changed.items():
            events[1][name] = change(np.array(events[1][name]))
        (folder / _RECORDS).unlink()
        write_file(folder / _RECORDS, map(encode, events))

    return make


def _set(column: int, value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(rows: np.ndarray) -> np.ndarray:
        rows[0, column] = value
        return rows

    return change


DATASET: Rows = {
    "an empty folder": (
        lambda folder: None,
        "DATASET is no TFDS dataset: neither it nor a version has dataset_info.json",
    ),
    "a folder of datasets": (
        lambda folder: (
            [
                (folder / name / "3.2.0").mkdir(parents=True)
                or (folder / name / "3.2.0" / _INFO).write_text(json.dumps({"name": name}))
                for name in ("one", "two")
            ]
            and None
        ),
        "DATASET is a folder of datasets (one, two), not one of them: give one, like DATASET/one",
    ),
    "a damaged description": (
        dataset(_INFO, half),
        "DATASET is no TFDS dataset: ...",
    ),
    "no features": (dataset(_FEATURES, gone), "DATASET is no TFDS dataset: ..."),
    "a feature of a foreign class": (
        dataset(_FEATURES, with_item("pythonClassName", "os.system")),
        "DATASET is no TFDS dataset: features.json asks for os.system, which is no feature of TFDS",
    ),
    "damaged metadata": (
        dataset(_METADATA, half),
        "DATASET cannot be read: metadata.json is damaged (...)",
    ),
    "metadata that is a list": (
        dataset(_METADATA, lambda _: b"[1]"),
        "DATASET cannot be read: metadata.json is damaged (...)",
    ),
    "files of tfrecord": (
        dataset(_INFO, with_item("fileFormat", "tfrecord")),
        "DATASET has files of format tfrecord; write it as array_record with: python -m "
        "launch.convert --input=DATASET --output=FOLDER",
    ),
    "a calorimeter without size": (
        dataset(_METADATA, with_item("calorimeter_face", [0])),
        "DATASET cannot be read: calorimeter_face in its metadata is [0], not two lengths in mm",
    ),
    "an unknown column": (
        dataset(_METADATA, with_item("y_features", ["a"])),
        "DATASET cannot be read: it lacks the columns ...",
    ),
    "no records": (
        dataset(_RECORDS, gone),
        "DATASET, split train: event 0 cannot be read: open() failed: No such file or directory; ...",
    ),
    "records cut short": (
        dataset(_RECORDS, half),
        "DATASET, split train: event 0 ...",
    ),
    "records of zeros": (
        dataset(_RECORDS, lambda data: bytes(len(data))),
        "DATASET, split train: event 0 cannot be read: Corrupted Riegeli/records file: ...",
    ),
    "a value that is not finite": (
        with_event(X=_set(1, np.nan)),
        "DATASET, split train: event 1: X is not finite (1 of ... events)",
    ),
    "an element of no type": (
        with_event(X=_set(0, 7)),
        "DATASET, split train: event 1: an element has an unknown type (1 of ... events)",
    ),
    "a particle of no class": (
        with_event(ytarget=_set(0, 99)),
        "DATASET, split train: event 1: a particle has an unknown class (1 of ... events)",
    ),
    "a charge beyond 1": (
        with_event(ytarget=_set(1, 2)),
        "DATASET, split train: event 1: a particle has the charge +2, and models know -1, 0 and 1 "
        "(1 of ... events)",
    ),
    "rows that are missing": (
        with_event(ycand=lambda rows: rows[:0]),
        "DATASET, split train: event 1: ycand and X have different numbers of rows (1 of ... events)",
    ),
}

SAMPLES: Rows = {
    "a file is missing": (
        edited(records.sample_files, "X.npy", gone),
        "SAMPLES holds no complete samples (...); build it again",
    ),
    "a file cut short": (
        edited(records.sample_files, "X.npy", half),
        "SAMPLES holds no complete samples (...); build it again",
    ),
    "offsets beyond the rows": (
        edited(records.sample_files, "X.npy", lambda _: records.sample_files()["genmet.npy"]),
        "SAMPLES holds no complete samples (...); build it again",
    ),
    "unknown elements": (
        edited(records.sample_files, "elements.txt", lambda _: b"cells"),
        "SAMPLES holds no complete samples (...); build it again",
    ),
}
