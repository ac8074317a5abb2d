"""Events with valid elements and classes, and directories of every published version of them."""

import contextlib
import io
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from datasets import samples as stored
from datasets import schema
from datasets.events import Samples, offsets_of


def random_samples(counts, seed: int = 0, elements: str = "clusters") -> Samples:
    """Random events of the given sizes, in the columns of the schema. genmet numbers the events."""
    rng = np.random.default_rng(seed)
    form, rows = schema.ELEMENTS[elements], int(np.sum(counts))
    X = np.zeros((rows, form.width), np.float32)
    part = rng.integers(0, len(form.parts), rows)
    for number, kind in enumerate(form.parts):
        mine = np.flatnonzero(part == number)
        X[mine[:, None], np.arange(len(kind.features))] = rng.normal(
            size=(len(mine), len(kind.features))
        )
        X[mine, 0] = kind.elemtype
    offsets = offsets_of(np.array(counts, int))
    jets = rng.integers(0, 4, len(counts))
    genjets, targetjets = (
        stored.table_of(offsets_of(jets), rng.normal(size=(jets.sum(), 4)).astype("f4"))
        for _ in range(2)
    )
    return Samples(
        offsets,
        X,
        _particles(rng, rows),
        _particles(rng, rows),
        np.arange(len(counts), dtype=np.float32),
        genjets,
        targetjets,
        elements,
    )


def with_shares(samples: Samples, seed: int = 0) -> Samples:
    """The same events, in which every track left something in up to three clusters."""
    rng, rows, counts = np.random.default_rng(seed), [], []
    for first, last in pairwise(samples.offsets):
        kind = samples.X[first:last, 0]
        tracks, clusters = (np.flatnonzero(kind == k) for k in (schema.TRACK, schema.CLUSTER))
        chosen = [(t, c) for t in tracks for c in clusters[:3]]
        rows += [(t, c, rng.exponential() + 0.1) for t, c in chosen]
        counts.append(len(chosen))
    table = np.array(rows, np.float32).reshape(-1, 3)
    offsets = offsets_of(np.array(counts, int))
    return replace(samples, shares=stored.table_of(offsets, table, schema.SHARE_FEATURES))


def _particles(rng, rows: int) -> np.ndarray:
    y = rng.normal(size=(rows, schema.TARGET_WIDTH)).astype(np.float32)
    phi, pt = rng.uniform(-3, 3, rows), rng.exponential(8, rows)
    eta = rng.uniform(-2, 2, rows)
    present = rng.random(rows) < 0.7
    columns = {
        "PDG": rng.integers(1, len(schema.CLASSES), rows),
        "charge": np.clip(np.rint(y[:, schema.target("charge")]), -1, 1),
        "pt": pt,
        "eta": eta,
        "sin_phi": np.sin(phi),
        "cos_phi": np.cos(phi),
        "energy": pt * np.cosh(eta),
    }
    for name, values in columns.items():
        y[:, schema.target(name)] = values
    return np.where(present[:, None], y, 0).astype(np.float32)


KINEMATICS = ("PDG", "charge", "pt", "eta", "sin_phi", "cos_phi", "energy")
TRACK_WITHOUT_DEDX = (
    "elemtype", "pt", "eta", "sin_phi", "cos_phi", "p", "chi2", "ndf", "radiusOfInnermostHit",
    "tanLambda", "D0", "omega", "Z0", "time", "type",
)  # fmt: skip
MORE_SHAPES = (
    "energyError", "sigma_energy", "sigma_x_weighted", "sigma_y_weighted", "sigma_z_weighted",
    "energy_weighted_width", "pos_shower_max", "width_shower_max", "energy_shower_max",
)  # fmt: skip


class Published(NamedTuple):
    """A published feature set: columns by key of the metadata, and the features there are."""

    name: str
    version: str
    elements: str
    x: dict[str, tuple[str, ...]]
    y: tuple[str, ...]
    truth: str
    events: tuple[str, ...]  # of genmet, genjets, targetjets

    @property
    def widths(self) -> dict[str, int]:
        x = max(len(columns) for columns in self.x.values())
        jets = {name: 4 for name in self.events if name != "genmet"}
        return {"X": x, self.truth: len(self.y), "ycand": len(self.y), **jets}


_TYPE = "type"  # what elemtype was called at first
_PF = {"x_features_track": schema.TRACK_FEATURES, "x_features_cluster": schema.CLUSTER_FEATURES}
_ALL = ("genmet", "genjets", "targetjets")
VERSIONS = (
    Published(
        "clic_edm_ttbar_pf", "1.5.0", "clusters",
        {key: (_TYPE, *columns[1:]) for key, columns in _PF.items()},
        (*KINEMATICS, "jet_idx"), "ygen", (),
    ),
    Published(
        "clic_edm_ttbar_hits_pf", "1.5.0", "tracks_hits",
        {"x_features_track": TRACK_WITHOUT_DEDX, "x_features_calohit": schema.HIT_FEATURES},
        KINEMATICS, "ygen", (),
    ),
    Published(
        "clic_edm_ttbar_hits_pf", "1.7.0", "tracks_hits",
        {"x_features_track": schema.TRACK_FEATURES, "x_features_calohit": schema.HIT_FEATURES},
        KINEMATICS, "ygen", (),
    ),
    Published(
        "clic_edm_qq_pf", "2.0.0", "clusters",
        {**_PF, "x_features_cluster": (*schema.CLUSTER_FEATURES, *MORE_SHAPES)},
        (*KINEMATICS, "ispu"), "ygen", ("genmet", "genjets"),
    ),
    Published(
        "clic_edm_qq_pf", "2.2.0", "clusters", _PF,
        schema.TARGET_FEATURES[:-1], "ytarget", _ALL,
    ),
    Published("clic_edm_qq_pf", "2.5.0", "clusters", _PF, schema.TARGET_FEATURES, "ytarget", _ALL),
    Published(
        "clic_edm_ttbar_hits", "3.2.0", "hits",
        {"x_features": schema.HIT_FEATURES}, schema.TARGET_FEATURES, "ytarget", _ALL,
    ),
    Published(
        "clic_edm_ttbar_hits", "3.3.0", "hits",
        {"x_features": (*schema.HIT_FEATURES, "system", "side", "layer")},
        schema.TARGET_FEATURES, "ytarget", _ALL,
    ),
)  # fmt: skip
IDS = [f"{p.name}-{p.version}" for p in VERSIONS]
BY_ID = dict(zip(IDS, VERSIONS, strict=True))
PF_1_5, PF_2_0, PF_2_5 = (
    BY_ID[name] for name in ("clic_edm_ttbar_pf-1.5.0", "clic_edm_qq_pf-2.0.0",
                             "clic_edm_qq_pf-2.5.0")
)  # fmt: skip
COUNTS = (3, 0, 7, 2, 5, 1, 4, 4, 6, 2, 3, 1)


def write_published(
    root: Path,
    published: Published,
    splits: Mapping[str, Samples],
    config: str | None = None,
    metadata: bool = True,
) -> Path:
    """Writes samples in a published feature set with TFDS itself; returns the dataset's folder."""
    import tensorflow_datasets as tfds

    features = {
        name: tfds.features.Tensor(shape=(None, width), dtype=np.float32)
        for name, width in published.widths.items()
    }
    if "genmet" in published.events:
        features["genmet"] = tfds.features.Scalar(np.float32)

    class Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        name = published.name
        VERSION = tfds.core.Version(published.version)
        BUILDER_CONFIGS = [tfds.core.BuilderConfig(name=config)] if config else []

        def _info(self):
            lists = {key: list(names) for key, names in published.x.items()}
            return tfds.core.DatasetInfo(
                builder=self,
                features=tfds.features.FeaturesDict(features),
                metadata=tfds.core.MetadataDict(**lists, y_features=list(published.y))
                if metadata
                else None,
            )

        def _split_generators(self, download_manager):
            return {split: published_events(published, s) for split, s in splits.items()}

        def _generate_examples(self):
            raise NotImplementedError

    tfds.disable_progress_bar()
    builder = Builder(data_dir=root, config=config)
    with contextlib.redirect_stdout(io.StringIO()):
        builder.download_and_prepare(file_format="array_record")
    return Path(builder.data_dir)


def published_events(published: Published, samples: Samples):
    """(key, example) of every event, in the columns of that version."""
    X = theirs_of(samples, published)
    targets, candidates = (
        y[:, [schema.target(name) for name in published.y]]
        for y in (samples.ytarget, samples.ycand)
    )
    for event in range(samples.events):
        rows = slice(*samples.offsets[event : event + 2])
        example = {"X": X[rows], published.truth: targets[rows], "ycand": candidates[rows]}
        for name in published.events:
            if name == "genmet":
                example[name] = samples.genmet[event]
            else:
                jets = getattr(samples, name)
                example[name] = stored.table_rows(jets)[slice(*jets.offsets[event : event + 2])]
        yield event, example


def theirs_of(samples: Samples, published: Published) -> np.ndarray:
    """X in the columns of a version; what the schema does not have is 99."""
    form = schema.ELEMENTS[samples.elements]
    X = np.zeros((len(samples.X), published.widths["X"]), np.float32)
    lists = [*published.x.values()]
    for part, names in zip(form.parts, lists * (2 // len(lists)), strict=True):
        kinds = (1, 2) if form.name == "hits" else part.elemtype  # there the same columns
        rows = np.flatnonzero(np.isin(samples.X[:, 0], kinds))
        for column, name in enumerate(names):
            known = "elemtype" if column == 0 else name
            X[rows, column] = (
                samples.X[rows, part.features.index(known)] if known in part.features else 99
            )
    return X
