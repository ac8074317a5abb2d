"""Datasets of any kind as samples: TFDS folders, EDM4HEP files, folders of `datasets.samples`."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from datasets import samples as stored
from datasets import schema
from datasets.events import Samples
from datasets.progress import Progress, silent
from datasets.truth.soundness import left_out
from datasets.truth.target import Settings, Summary, samples_and_summary, total
from mlpf_install.wording import counted

_DOCUMENTS = ("recipe.json", "summary.json", "dataset_info.json", "metadata.json")


class InspectionError(ValueError):
    """A dataset that cannot be inspected, or two that cannot be compared."""


@dataclass(frozen=True)
class Source:
    """Events of a dataset, and what is known of how they were made."""

    name: str
    place: str  # where it lies, which split, how many of its events
    samples: Samples
    notes: tuple[str, ...] = ()
    documents: Mapping[str, str] = field(default_factory=dict)  # by file name
    account: Summary | None = None  # energies, where the truth was told just now


@dataclass(frozen=True)
class Request:
    """Which events a person asks for. Empty strings leave the choice to the dataset."""

    path: Path
    split: str = ""
    events: int = 1000
    elements: str = ""
    detector: str = ""


def kind_of(path: Path) -> str:
    """tfds, samples or edm4hep. Raises InspectionError where there is nothing."""
    if path.is_dir():
        return "samples" if (path / "offsets.npy").exists() else "tfds"
    if not path.exists():
        raise InspectionError(
            f"{path}: there is no such dataset; give a TFDS folder (<root>/<name>/<version>), an "
            "EDM4HEP file or a folder of samples"
        )
    return "edm4hep"


def read(request: Request, progress: Progress = silent) -> Source:
    """The first events of a dataset.

    Raises InspectionError where there is no dataset, split or event, or the dataset has other
    elements than asked for; DatasetError, SamplesError or EDM4HEPError where it is damaged.
    """
    kind = kind_of(request.path)
    if request.split and kind != "tfds":
        raise InspectionError(f"{request.path} has no splits, so it has no split {request.split!r}")
    if request.events < 1:
        raise InspectionError(f"--events={request.events}: at least 1")
    if request.elements not in ("", *schema.ELEMENTS):
        known = ", ".join(schema.ELEMENTS)
        raise InspectionError(f"unknown elements {request.elements!r}: known are {known}")
    source = {"tfds": _tfds, "samples": _samples, "edm4hep": _edm4hep}[kind](request, progress)
    if not source.samples.events:
        raise InspectionError(f"{source.place} holds no events")
    if request.elements not in ("", source.samples.elements):
        raise InspectionError(
            f"{request.path} holds {source.samples.elements}, not {request.elements}"
        )
    return source


def read_pair(one: Request, other: Request, progress: Progress = silent) -> tuple[Source, Source]:
    """Two datasets of the same elements. Files are read in the form of the other dataset.

    Raises InspectionError where their elements differ, and as `read`.
    """
    requests = [one, other]
    # What has its elements fixed comes first.
    order = sorted((0, 1), key=lambda i: kind_of(requests[i].path) == "edm4hep")
    first = read(requests[order[0]], progress)
    second = requests[order[1]]
    if kind_of(second.path) == "edm4hep" and not second.elements:
        second = Request(
            second.path, second.split, second.events, first.samples.elements, second.detector
        )
    found = (first, read(second, progress))
    if found[0].samples.elements != found[1].samples.elements:
        raise InspectionError(
            "cannot compare: "
            + ", but ".join(f"{s.place} has elements {s.samples.elements!r}" for s in found)
        )
    return found if order == [0, 1] else found[::-1]


def _tfds(request: Request, progress: Progress) -> Source:
    from datasets.builders.read import nothing, open_dataset, portions

    dataset = open_dataset(request.path)
    # Train first, unless it is empty: the validation part of a single event is that event.
    splits = sorted(dataset.splits, key=lambda name: name != "train")
    split = request.split or next(filter(dataset.events, splits), "all")
    there = dataset.events(split)
    wanted, parts, done = min(there, request.events), [nothing(dataset)], 0
    with progress(f"read {request.path}", wanted, "events") as update:
        for part in portions(dataset, split):
            parts.append(_first(part, wanted - done))
            done += parts[-1].events
            update(done)
            if done >= wanted:
                break
    folder = dataset.splits[split][0].folder  # a version below the one that was given, maybe
    documents = _documents(folder)
    return Source(
        name=f"{json.loads(documents['dataset_info.json'])['name']} {split}",
        place=f"{folder}, split {split}: {wanted} of {counted(there, 'event')}",
        samples=stored.join(parts),
        notes=dataset.notes,
        documents=documents,
    )


def _samples(request: Request, progress: Progress) -> Source:
    samples = stored.load(request.path)
    shown = _first(samples, request.events)
    return Source(
        name=request.path.resolve().name,
        place=f"{request.path}: {shown.events} of {counted(samples.events, 'event')}",
        samples=shown,
        documents=_documents(request.path),
    )


def _edm4hep(request: Request, progress: Progress) -> Source:
    parts, accounts, notes, done = [], [], [], 0
    with progress(f"read {request.path}", request.events, "events at most") as update:
        for samples, account, lost in _told(request):
            notes += [f"left out: {event}" for event in lost]
            parts.append(_first(samples, request.events - done))
            accounts.append(account)
            done += parts[-1].events
            update(done)
            if done >= request.events:
                break
    if not parts:
        raise InspectionError(f"{request.path} holds no events")
    return Source(
        name=request.path.stem,
        place=f"{request.path}: {counted(done, 'event')}",
        samples=stored.join(parts),
        notes=tuple(notes),
        account=total(accounts),
    )


def _told(request: Request) -> Iterator[tuple[Samples, Summary, list[str]]]:
    from datasets import edm4hep

    settings = Settings(request.elements or "clusters")
    for events in edm4hep.read(request.path, request.detector or None):
        yield *samples_and_summary(events, settings), left_out(events)


def _first(samples: Samples, events: int) -> Samples:
    return samples if samples.events <= events else stored.take(samples, np.arange(max(events, 0)))


def _documents(folder: Path) -> dict[str, str]:
    """What stands beside the data about how it was made."""
    paths = [folder / name for name in _DOCUMENTS]
    return {path.name: path.read_text(errors="replace") for path in paths if path.is_file()}
