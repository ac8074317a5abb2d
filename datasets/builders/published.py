"""What the columns of a dataset are, of any published version, and where ours are among them.

Versions, from the public repository jpata/particleflow (`mlpf/heptfds/clic_pf_edm4hep*`):

1.5.0  X 17, ygen and ycand 8 (the last is jet_idx: other jets, 0 for none); no jets, no genmet
1.5.0  hits: tracks with calorimeter hits; X 15 (tracks without dE/dx, 1.7.0: with, 16), y 7
2.0.0  X 26 (more cluster shapes), y 8 (the last is ispu), genjets, genmet
2.2.0  ygen is called ytarget; targetjets, jet_idx
3.x    X 17, y 14; hits: tracker and calorimeter hits, X 12 or more

Columns are found by the names in the dataset's metadata, else by those its widths tell.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from datasets import schema
from datasets.builders.records import DatasetError

# Under which key of the metadata the columns of a part stand.
_KEYS = {
    "track": "x_features_track",
    "cluster": "x_features_cluster",
    "calorimeter_hit": "x_features_calohit",
    "tracker_hit": "x_features",
}
_ESSENTIAL = ("elemtype", "eta", "sin_phi", "cos_phi")
_ESSENTIAL_TARGETS = schema.TARGET_FEATURES[:7]  # class and momentum

_TRACK_1_5_HITS = (
    *(name for name in schema.TRACK_FEATURES if not name.startswith("dEdx")), "type",
)  # fmt: skip
_CLUSTER_2_0 = (
    *schema.CLUSTER_FEATURES, "energyError", "sigma_energy", "sigma_x_weighted",
    "sigma_y_weighted", "sigma_z_weighted", "energy_weighted_width", "pos_shower_max",
    "width_shower_max", "energy_shower_max",
)  # fmt: skip
_KNOWN_X = {
    17: {_KEYS["track"]: schema.TRACK_FEATURES, _KEYS["cluster"]: schema.CLUSTER_FEATURES},
    26: {_KEYS["track"]: schema.TRACK_FEATURES, _KEYS["cluster"]: _CLUSTER_2_0},
    16: {_KEYS["track"]: schema.TRACK_FEATURES, _KEYS["calorimeter_hit"]: schema.HIT_FEATURES},
    15: {_KEYS["track"]: _TRACK_1_5_HITS, _KEYS["calorimeter_hit"]: schema.HIT_FEATURES},
    12: {_KEYS["tracker_hit"]: schema.HIT_FEATURES},
}


class Columns(NamedTuple):
    """Column theirs[i] of the dataset is column ours[i] of the schema."""

    theirs: np.ndarray
    ours: np.ndarray


class PartColumns(NamedTuple):
    """The columns of elements of one kind, which the dataset numbers `elemtypes`."""

    elemtypes: tuple[int, ...]
    elemtype: int  # in the schema
    columns: Columns


@dataclass(frozen=True)
class FeatureMap:
    """How the features of a dataset become `Samples`."""

    elements: schema.Elements
    parts: tuple[PartColumns, ...]
    targets: Columns
    truth: str  # the feature that is ytarget
    # Of genmet, genjets, targetjets, jet_idx and shares: the ones to take as they are.
    has: frozenset[str]
    face: schema.Face  # of the calorimeter, as the metadata says; the published datasets' is CLIC's
    lacks: tuple[str, ...]  # what the dataset has not, and what stands in its place


def feature_map(widths: Mapping[str, int], metadata: Mapping[str, Sequence[str]]) -> FeatureMap:
    """What becomes of the features of a dataset, from these (columns of each) and its metadata.

    Raises DatasetError where it cannot be told, or something is missing that nothing replaces.
    """
    truth = "ytarget" if "ytarget" in widths else "ygen"
    missing = {"X", truth, "ycand"} - set(widths)
    if missing:
        raise DatasetError(f"it lacks the features {', '.join(sorted(missing))}")
    names = _x_names(widths["X"], metadata)
    elements = _elements(names)
    parts, lacks = [], []
    for part in _distinct(elements):
        given = _list(names, _KEYS[part.kind], widths["X"])
        columns, absent = _columns(given, part.features, _ESSENTIAL)
        whole = elements.name == "hits"  # tracker and calorimeter hits have the same columns
        parts.append(PartColumns((1, 2) if whole else (part.elemtype,), part.elemtype, columns))
        lacks += [f"{', '.join(absent)} of {part.kind}s (0)"] if absent else []
    y_names = metadata.get("y_features") or _known_y(widths[truth], "genmet" in widths)
    targets, absent = _columns(
        _list({"y": y_names}, "y", widths[truth]), schema.TARGET_FEATURES, _ESSENTIAL_TARGETS
    )
    has = {"genmet", "genjets", "targetjets"} & set(widths)
    if elements.name == "clusters" and widths.get("shares") == len(schema.SHARE_FEATURES):
        has |= {"shares"}
    has |= {"jet_idx"} if "targetjets" in has and "jet_idx" not in absent else set()
    absent = [name for name in absent if name != "jet_idx"]
    lacks += [f"{', '.join(absent)} of targets (0)"] if absent else []
    return FeatureMap(
        elements, tuple(parts), targets, truth, frozenset(has), _face(metadata),
        (*lacks, *_recomputed(has)),
    )  # fmt: skip


def _face(metadata: Mapping) -> schema.Face:
    given = metadata.get("calorimeter_face", schema.CLIC_FACE)
    try:
        radius, half_length = map(float, given)
    except (TypeError, ValueError):
        radius = half_length = 0.0
    if not (0 < radius < np.inf and 0 < half_length < np.inf):
        raise DatasetError(f"calorimeter_face in its metadata is {given!r}, not two lengths in mm")
    return schema.Face(radius, half_length)


def _recomputed(has: set[str]) -> list[str]:
    """What is computed from the targets instead, in words."""
    jets = [name for name in ("genjets", "targetjets", "jet_idx") if name not in has]
    notes = [f"{', '.join(jets)} (clustered from the targets, e+e- kt, p = -1, R = 0.4)"]
    return (notes if jets else []) + (
        [] if "genmet" in has else ["genmet (missing pt of the targets)"]
    )


def _x_names(width: int, metadata: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    named = {key: metadata[key] for key in _KEYS.values() if metadata.get(key)}
    if named:
        return named
    if width not in _KNOWN_X:
        raise DatasetError(f"X has {width} columns, and no metadata says what they are")
    return _KNOWN_X[width]


def _elements(names: Mapping[str, Sequence[str]]) -> schema.Elements:
    """The form whose parts are the ones named."""
    for form in schema.ELEMENTS.values():
        if {_KEYS[part.kind] for part in _distinct(form)} == set(names):
            return form
    raise DatasetError(f"its elements are of no known form ({', '.join(sorted(names))})")


def _distinct(form: schema.Elements) -> tuple[schema.Part, ...]:
    """Parts with columns of their own: published hits have one list for both kinds."""
    return form.parts[:1] if form.name == "hits" else form.parts


def _list(names: Mapping[str, Sequence[str]], key: str, width: int) -> list[str]:
    """The names of a part's columns; the first one was called `type` up to 1.5.0."""
    given = list(names[key])
    if len(given) > width:
        raise DatasetError(f"metadata names {len(given)} columns of {key}, there are {width}")
    return ["elemtype" if (i, name) == (0, "type") else name for i, name in enumerate(given)]


def _columns(
    given: Sequence[str], wanted: Sequence[str], essential: Sequence[str]
) -> tuple[Columns, list[str]]:
    """Where the wanted columns are among the given ones, and which are not there."""
    missing = [name for name in essential if name not in given]
    if missing:
        raise DatasetError(f"it lacks the columns {', '.join(missing)}")
    found = [name for name in wanted if name in given]
    columns = Columns(
        np.array([given.index(name) for name in found]),
        np.array([wanted.index(name) for name in found]),
    )
    return columns, [name for name in wanted if name not in given]


def _known_y(width: int, has_genmet: bool) -> Sequence[str]:
    kinematics = schema.TARGET_FEATURES[:7]
    known = {
        7: kinematics,
        8: (*kinematics, "ispu" if has_genmet else "jet_idx"),
        schema.TARGET_WIDTH: schema.TARGET_FEATURES,
    }
    if width not in known:
        raise DatasetError(f"targets have {width} columns, and no metadata says what they are")
    return known[width]
