"""The CLIC particle-flow datasets, one builder a process, in the published 3.2.0 feature set.

A builder writes what `shards` hold: folders of `Samples` (see `datasets.samples`), each belonging
to exactly one split, so that train, validation and test never share a file.
"""

import contextlib
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

from datasets import samples as stored
from datasets import schema
from datasets.events import Samples, offsets_of

DESCRIPTION = """Tracks and calorimeter clusters of simulated e+e- collisions, with the particle
that each element should reconstruct and the candidate of a rule-based particle flow."""

_WIDTHS = {
    "X": schema.ELEMENT_WIDTH,
    "ytarget": schema.TARGET_WIDTH,
    "ycand": schema.TARGET_WIDTH,
    "genjets": len(schema.JET_FEATURES),
    "targetjets": len(schema.JET_FEATURES),
}


class DatasetError(ValueError):
    """A folder that is not a dataset of this kind."""


class _ClicPf(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("3.2.0")

    def __init__(self, shards: Mapping[str, Sequence[Path]], **options):
        self._shards = shards
        super().__init__(**options)

    def _info(self) -> tfds.core.DatasetInfo:
        tensors = {
            name: tfds.features.Tensor(shape=(None, width), dtype=np.float32)
            for name, width in _WIDTHS.items()
        }
        return tfds.core.DatasetInfo(
            builder=self,
            description=DESCRIPTION,
            features=tfds.features.FeaturesDict(
                tensors | {"genmet": tfds.features.Scalar(np.float32)}
            ),
            metadata=tfds.core.MetadataDict(
                x_features_track=list(schema.TRACK_FEATURES),
                x_features_cluster=list(schema.CLUSTER_FEATURES),
                y_features=list(schema.TARGET_FEATURES),
            ),
        )

    def _split_generators(self, download_manager) -> dict[str, Iterator]:
        return {split: _examples(folders) for split, folders in self._shards.items()}

    def _generate_examples(self):
        raise NotImplementedError("splits have their own generators")


class ClicEdmTtbarPf(_ClicPf):
    """e+e- -> t tbar at 380 GeV."""


class ClicEdmQqPf(_ClicPf):
    """e+e- -> q qbar at 380 GeV."""


class ClicEdmZhPf(_ClicPf):
    """e+e- -> Z H at 380 GeV."""


class ClicEdmWwPf(_ClicPf):
    """e+e- -> W W at 380 GeV."""


BUILDERS = {"ttbar": ClicEdmTtbarPf, "qq": ClicEdmQqPf, "zh": ClicEdmZhPf, "ww": ClicEdmWwPf}


def dataset_folder(root: Path, process: str) -> Path:
    """Where a process's dataset lies below `root`."""
    builder = BUILDERS[process]
    return root / builder.name / str(builder.VERSION)


def build(root: Path, process: str, shards: Mapping[str, Sequence[Path]]) -> Path:
    """Writes the dataset of a process below `root` and returns its folder.

    TFDS writes to a folder of another name and renames it at the end, so an interrupted build
    leaves nothing under the final name. Raises DatasetError if any event is missing afterwards.
    """
    tfds.disable_progress_bar()
    builder = BUILDERS[process](shards, data_dir=root)
    with contextlib.redirect_stdout(io.StringIO()):  # it announces a download; there is none
        builder.download_and_prepare(file_format="array_record")
    folder = Path(builder.data_dir)
    for split, folders in shards.items():
        expected = sum(stored.load(shard).events for shard in folders)
        found = len(tfds.builder_from_directory(folder).as_data_source(split))
        if found != expected:
            raise DatasetError(f"{folder}: split {split} has {found} of {expected} events")
    return folder


def read(folder: Path, split: str) -> Samples:
    """All events of a split of a dataset in the 3.2.0 feature set.

    Raises DatasetError if the folder is no such dataset, or has no such split.
    """
    try:
        builder = tfds.builder_from_directory(folder)
    except Exception as error:
        raise DatasetError(f"{folder} is no TFDS dataset: {error}") from error
    missing = {*_WIDTHS, "genmet"} - set(builder.info.features)
    if missing:
        raise DatasetError(f"{folder} lacks the features {sorted(missing)} of version 3.2.0")
    if split not in builder.info.splits:
        raise DatasetError(f"{folder} has no split {split!r}, only {sorted(builder.info.splits)}")
    source = builder.as_data_source(split)
    rows = [source[i] for i in range(len(source))]
    flat = {name: _concatenate(rows, name) for name in _WIDTHS}
    offsets = {name: offsets_of(np.array([len(row[name]) for row in rows])) for name in _WIDTHS}
    return Samples(
        offsets=offsets["X"],
        X=flat["X"],
        ytarget=flat["ytarget"],
        ycand=flat["ycand"],
        genmet=np.array([row["genmet"] for row in rows], np.float32),
        genjets=stored.jet_table(offsets["genjets"], flat["genjets"]),
        targetjets=stored.jet_table(offsets["targetjets"], flat["targetjets"]),
    )


def _concatenate(rows: Sequence[Mapping[str, np.ndarray]], name: str) -> np.ndarray:
    return np.concatenate([row[name] for row in rows] or [np.zeros((0, _WIDTHS[name]), np.float32)])


def _examples(folders: Sequence[Path]) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    for folder in folders:
        shard = stored.load(folder)
        jets = {name: stored.jet_rows(getattr(shard, name)) for name in stored.JETS}
        for event in range(shard.events):
            rows = slice(shard.offsets[event], shard.offsets[event + 1])
            example = {name: getattr(shard, name)[rows] for name in ("X", "ytarget", "ycand")}
            for name in stored.JETS:
                offsets = getattr(shard, name).offsets
                example[name] = jets[name][offsets[event] : offsets[event + 1]]
            yield f"{folder.name}-{event}", example | {"genmet": shard.genmet[event]}
