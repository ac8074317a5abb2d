"""All rows, and what each reader says of its malformed input: the table of docs/malformed.md."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.fuzz.readers import detector_files, models, studies
from tests.malformed import edm4hep_rows, model_rows, record_rows, study_rows, text_rows

ANYTHING = "..."


class Row(NamedTuple):
    """A malformed input: `make` puts it into an empty folder, `read` reads it there and raises (or
    returns what it left out); `line` is what a person is told."""

    reader: str
    how: str
    make: Callable[[Path], None]
    read: Callable[[Path], object]
    line: str
    folder: str = ""


class Kind(NamedTuple):
    """A reader of one kind of input, and the folder or file of it."""

    reader: str
    rows: dict
    read: Callable[[Path], object]
    file: str = ""  # of a content; else rows make their own
    folder: str = ""  # how rows call it, where it is a folder that is read
    once: str = ""  # of one too dear for every day, the row that is tried then, too

    def daily(self, how: str) -> bool:
        """Whether a row is tried every day."""
        return not self.once or how == self.once


def _table(folder: Path) -> None:
    from hpo.simulation.tables import read_table

    read_table(next(folder.glob("curves.*")))


def _detector(folder: Path) -> None:
    from datasets.detector_files import read_detector

    read_detector(str(folder / "mine.toml"))


def _configuration(folder: Path) -> None:
    from launch.shell import configs

    configs.load(str(folder / "mine.py"))


def _run(folder: Path) -> None:
    from launch.shell import configs, runs

    runs.check_same(runs.open_run(folder), configs.load("tiny"))


def _tfrecord(folder: Path) -> None:
    from datasets.storage.tfrecord import records

    list(records(folder / record_rows.TF))


def _pickle(folder: Path) -> None:
    from datasets.builders.delphes import read

    read(folder / record_rows.PKL)


def _dataset(folder: Path) -> None:
    from datasets.builders.read import read

    read(folder, "train")


def _samples(folder: Path) -> None:
    from datasets.samples import load

    load(folder)


def _model(folder: Path) -> None:
    from launch.shell.models import open_model

    open_model(str(folder))


def _state(folder: Path) -> None:
    from mlpf_jax.training.checkpoint import restore_state

    restore_state(folder, models._state())


def _study(folder: Path) -> None:
    studies._looked_at(folder / study_rows.DB)
    studies._play(folder / study_rows.DB)


def _trial_state(folder: Path) -> None:
    from hpo.front.states import read

    read(folder / "state-000001.npz")


def _events(folder: Path) -> list[str]:
    from datasets import edm4hep
    from datasets.truth.soundness import left_out

    path = folder / edm4hep_rows.ROOT_FILE
    return [
        line
        for events in edm4hep.read(path, detector_files.detector())
        for line in left_out(events)
    ]


KINDS = (
    Kind("EDM4HEP files", edm4hep_rows.EDM4HEP, _events, once="a branch is missing"),
    Kind(
        "events of EDM4HEP files, which are left out", edm4hep_rows.EVENTS, _events,
        once="a link to nowhere",
    ),
    Kind("descriptions of detectors", text_rows.DETECTOR, _detector, "mine.toml"),
    Kind("tfrecord files", record_rows.TFRECORD, _tfrecord),
    Kind("pickles of Delphes", record_rows.PICKLES, _pickle),
    Kind("datasets", record_rows.DATASET, _dataset, folder="DATASET", once="records cut short"),
    Kind("arrays of samples", record_rows.SAMPLES, _samples, folder="SAMPLES"),
    Kind("tables of curves", text_rows.CURVES, _table, "curves.csv"),
    Kind("compressed tables of curves", text_rows.COMPRESSED, _table, "curves.csv.xz"),
    Kind("TaskSet files", text_rows.TASKSET, _table, "curves.json"),
    Kind("studies", study_rows.STUDY, _study),
    Kind("states of trials", study_rows.STATES, _trial_state),
    Kind("saved models", model_rows.MODEL, _model, folder="MODEL", once="arrays cut short"),
    Kind(
        "states of trainings", model_rows.CHECKPOINT, _state, folder="STATES",
        once="a description cut short",
    ),
    Kind("configurations", text_rows.CONFIGURATION, _configuration, "mine.py"),
    Kind("runs", text_rows.RUN, _run, "config.json"),
)  # fmt: skip


def rows() -> Iterator[Row]:
    """All rows but those of command lines (`text_rows.TYPED`)."""
    for kind in KINDS:
        for how, (given, line) in kind.rows.items():
            yield Row(kind.reader, how, _maker(kind.file, given), kind.read, line, kind.folder)


def _maker(file: str, given: object) -> Callable[[Path], None]:
    if not file:
        return given
    content = given if isinstance(given, bytes) else str(given).encode()
    return lambda folder: (folder / file).write_bytes(content) and None


def said(row: Row, folder: Path) -> str:
    """The line that a program would print after "error: ", without the way to the folder."""
    from launch.shell.program import _text

    row.make(folder)
    try:
        told = row.read(folder)
    except Exception as error:
        if "\n" in str(error).strip():
            raise AssertionError(f"not one line: {error}") from error
        return _as_called(_text(error), folder, row.folder)
    assert told, f"nothing was said of it: {told!r}"
    return _as_called("; ".join(told), folder, row.folder)


def _as_called(text: str, folder: Path, name: str) -> str:
    return text.replace(str(folder), name) if name else text.replace(f"{folder}/", "")


def agrees(line: str, said: str) -> bool:
    """Whether that is what a row says, "..." being anything."""
    pattern = ".+".join(map(re.escape, line.split(ANYTHING)))
    return re.fullmatch(pattern, said) is not None
