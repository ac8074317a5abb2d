"""What a TFDS folder knows of itself: by TFDS' own description, and by what we wrote beside it."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from datasets import schema
from datasets.storage.files import read_json

_FIRST = ("X", "ytarget", "ygen", "ycand")


class File(NamedTuple):
    """A file of records."""

    name: str
    split: str
    events: int
    bytes: int
    sha256: str


class Feature(NamedTuple):
    """An array of an event. `columns` by part: elements of one kind have columns of their own."""

    name: str
    shape: tuple[int | None, ...]  # None: as many as the event has
    type: str
    columns: Mapping[str, Sequence[str]]


class Facts(NamedTuple):
    """A version of a dataset."""

    name: str
    version: str
    text: str
    citation: str
    format: str
    files: tuple[File, ...]
    features: tuple[Feature, ...]
    face: Sequence[float] | None  # radius, half length of the calorimeter; mm
    recipe: Mapping[str, Any] | None  # of ours
    account: Mapping[str, Mapping[str, Any]] | None  # what became of the events, by split

    @property
    def splits(self) -> dict[str, int]:
        """Events by split."""
        names = dict.fromkeys(file.split for file in self.files)
        return {name: sum(f.events for f in self.files if f.split == name) for name in names}


def of(info: Any, folder: Path) -> Facts:
    """The facts of the dataset that TFDS says this of, with the checksums of its files."""
    metadata = dict(info.metadata or {})
    return Facts(
        name="/".join(filter(None, (info.name, info.config_name))),
        version=str(info.version),
        text=info.description.strip(),
        citation=info.citation.strip(),
        format=str(info.file_format.value),
        files=tuple(_files(info)),
        features=tuple(
            Feature(
                name,
                tuple(feature.shape),
                np.dtype(feature.np_dtype).name,
                _columns(name, feature.shape, metadata),
            )
            for name, feature in sorted(info.features.items(), key=_place)
        ),
        face=metadata.get("calorimeter_face"),
        recipe=_optional(folder / "recipe.json"),
        account=_optional(folder / "summary.json"),
    )


def _place(named: tuple[str, Any]) -> tuple[int, str]:
    """TFDS has features in no order; inputs and what is to be found come first."""
    return (_FIRST.index(named[0]) if named[0] in _FIRST else len(_FIRST)), named[0]


def _files(info: Any) -> list[File]:
    return [
        File(path.name, split, events, path.stat().st_size, _sha256(path))
        for split, found in info.splits.items()
        for path, events in zip(map(Path, found.filepaths), found.shard_lengths, strict=True)
    ]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _optional(path: Path) -> Any:
    return read_json(path) if path.exists() else None


def _columns(
    feature: str, shape: Sequence[int | None], metadata: Mapping[str, Any]
) -> dict[str, list[str]]:
    """The names of columns, where the metadata or the schema have as many."""
    width = shape[-1] if len(shape) == 2 else None
    if feature == "X":
        found = {key: list(metadata[key]) for key in metadata if key.startswith("x_features")}
        return {
            key.removeprefix("x_features").strip("_") or "element": c for key, c in found.items()
        }
    known = {
        "ytarget": metadata.get("y_features", ()),
        "ygen": metadata.get("y_features", ()),
        "ycand": metadata.get("y_features", ()),
        "genjets": schema.JET_FEATURES,
        "targetjets": schema.JET_FEATURES,
        "shares": schema.SHARE_FEATURES,
    }.get(feature, ())
    return {"": list(known)} if len(known) == width else {}
