"""Samples on disk -> a TFDS directory in the published 3.2.0 feature set, under any name."""

import itertools
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from datasets import samples as stored
from datasets import schema
from datasets.builders.names import VERSION, dataset_folder
from datasets.builders.records import DatasetError, Description, Example, write_dataset
from datasets.events import Samples

ROWS = ("X", "ytarget", "ycand")  # features with one row an element
DESCRIPTION = """Detector elements of e+e- collisions, with the particle that each of them should
reconstruct (ytarget) and the candidate of a rule-based particle flow (ycand)."""


def build(
    root: Path,
    name: str,
    shards: Mapping[str, Sequence[Path]],
    elements: str = "clusters",
    description: str = DESCRIPTION,
    update: Callable[[int], None] = lambda done: None,
) -> Path:
    """Writes the dataset `name` below `root` and returns its folder, `<root>/<name>/3.2.0`.

    `shards` are folders of `Samples`, each belonging to exactly one split, so that splits never
    share a file. Events keep their order; memory holds one event. `elements` is one of
    `schema.ELEMENTS`, and what the shards hold. A single split `all` is stored as `train`: to
    TFDS `all` is the union of what is stored, and one stored under that name cannot be read.
    `update` is told how many folders are done.

    Raises DatasetError or FolderError, and then leaves nothing under the name.
    """
    check(name, shards)
    folder = dataset_folder(root, name)
    form, numbers = schema.ELEMENTS[elements], itertools.count(1)
    first = next((folder for folders in shards.values() for folder in folders), None)
    shares, face = False, schema.CLIC_FACE
    if first is not None:
        samples = stored.load(first)
        shares, face = samples.shares is not None, samples.face

    def ended() -> None:
        update(next(numbers))

    splits = {
        "train" if split == "all" else split: _examples(folders, form, shares, face, ended)
        for split, folders in shards.items()
    }
    write_dataset(
        folder,
        Description(
            name=name,
            version=VERSION,
            text=description,
            widths=_widths(form, shares),
            metadata=feature_lists(form) | {"calorimeter_face": list(face)},
        ),
        splits,
    )
    return folder


def check(name: str, splits: Collection[str]) -> None:
    """Raises DatasetError where a dataset cannot have this name or these splits."""
    if not re.fullmatch("[a-z][a-z0-9_]*", name):
        raise DatasetError(f"{name!r} is no name of a dataset: lower-case letters, digits and _")
    wrong = [split for split in splits if not re.fullmatch("[a-zA-Z][a-zA-Z0-9_]*", split)]
    if wrong:
        raise DatasetError(f"no names of splits: {', '.join(wrong)}; letters, digits and _")
    if "all" in splits and len(splits) > 1:
        raise DatasetError(f"split all has all events; what are {', '.join(splits)}?")


def feature_lists(form: schema.Elements) -> dict[str, object]:
    """The names of all columns, under the keys of the published datasets."""
    if form.name == "hits":
        columns = {"x_features": list(schema.HIT_FEATURES)}
    else:
        keys = {"track": "track", "cluster": "cluster", "calorimeter_hit": "calohit"}
        columns = {f"x_features_{keys[part.kind]}": list(part.features) for part in form.parts}
    return {**columns, "y_features": list(schema.TARGET_FEATURES), "elements": form.name}


def _widths(form: schema.Elements, shares: bool) -> dict[str, int]:
    jets = len(schema.JET_FEATURES)
    return {
        "X": form.width,
        "ytarget": schema.TARGET_WIDTH,
        "ycand": schema.TARGET_WIDTH,
        "genmet": 0,
        "genjets": jets,
        "targetjets": jets,
        **({"shares": len(schema.SHARE_FEATURES)} if shares else {}),
    }


def _examples(
    folders: Sequence[Path],
    form: schema.Elements,
    shares: bool,
    face: schema.Face,
    ended: Callable[[], None],
) -> Iterator[Example]:
    for folder in folders:
        shard = stored.load(folder)
        if shard.elements != form.name or shard.X.shape[1] != form.width:
            raise DatasetError(
                f"{folder} holds {shard.elements} ({shard.X.shape[1]} columns), "
                f"not {form.name} ({form.width})"
            )
        if (shard.shares is not None) != shares:
            raise DatasetError(f"some of {folders} know the shares of tracks in clusters, not all")
        if shard.face != face:
            raise DatasetError(f"{folder} is of another detector: its calorimeter face differs")
        yield from _events(shard)
        ended()


def _events(shard: Samples) -> Iterator[Example]:
    tables = stored.tables(shard)
    rows = {name: stored.table_rows(table, stored.TABLES[name]) for name, table in tables.items()}
    for event in range(shard.events):
        first, last = shard.offsets[event : event + 2]
        example = {name: np.asarray(getattr(shard, name)[first:last]) for name in ROWS}
        for name, table in tables.items():
            example[name] = rows[name][table.offsets[event] : table.offsets[event + 1]]
        yield example | {"genmet": np.asarray(shard.genmet[event])}
