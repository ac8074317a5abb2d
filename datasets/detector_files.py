"""Detectors described in a TOML file: data, of which nothing is executed.

name = "MINE"
field = 2.0                # tesla, along the beam
face = [2150.0, 2307.0]    # mm: radius and half length of the electromagnetic calorimeter

[calorimeter_hits]         # collection of hits = ECAL, HCAL or OTHER
ECALBarrel = "ECAL"
MUON = "OTHER"

[tracker_hits]             # collection = its relations and simulated hits, or [] without truth
VXDTrackerHits = ["VXDTrackerHitRelations", "VertexBarrelCollection"]

[collections]              # what is not called as in CLIC and CLD; all may be left out
tracks = "SiTracks_Refitted"
clusters = "PandoraClusters"
candidates = "PandoraPFOs"
hit_links = "CalohitMCTruthLink"
track_links = "SiTracksMCTruthLink"
"""

import hashlib
import math
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datasets.detector import Detector, TrackerTruth
from datasets.schema import ECAL, HCAL, OTHER, Face

CODES = {"ECAL": ECAL, "HCAL": HCAL, "OTHER": OTHER}
COLLECTIONS = ("tracks", "clusters", "candidates", "hit_links", "track_links")
_KEYS = ("name", "field", "face", "calorimeter_hits", "tracker_hits", "collections")
_MARK = "#sha256:"


def is_file(detector: str) -> bool:
    """Whether that is the name of such a file, rather than of a detector."""
    return detector.split(_MARK)[0].endswith(".toml")


def reference(path: str) -> str:
    """The file, and what tells its content from another."""
    return f"{os.path.realpath(path)}{_MARK}{_digest(Path(path))}"


def read_detector(reference: str) -> Detector:
    """The detector that a file, or a `reference` to one, describes.

    Raises ValueError in one line where there is none, it is not as above, or has changed.
    """
    name, _, digest = reference.partition(_MARK)
    path = Path(name)
    if digest and _digest(path) != digest:
        raise ValueError(f"detector {path} has changed since the dataset was begun with it")
    try:
        described = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"detector {path} cannot be read: {reason}") from None
    try:
        return _detector(described)
    except (KeyError, TypeError, ValueError) as error:
        missing = "lacks " * isinstance(error, KeyError)
        raise ValueError(f"detector {path}: {missing}{error}") from None


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    except OSError as error:
        raise ValueError(f"detector {path} cannot be read: {error.strerror}") from None


def _detector(described: Mapping[str, Any]) -> Detector:
    if unknown := sorted(set(described) - {*_KEYS}):
        raise ValueError(f"unknown {', '.join(unknown)}: known are {', '.join(_KEYS)}")
    for key in ("calorimeter_hits", "tracker_hits", "collections"):
        if not isinstance(described.get(key, {}), dict):
            raise ValueError(f"{key} is {described[key]!r:.80}, which has to be a table, [{key}]")
    collections = described.get("collections", {})
    if unknown := sorted(set(collections) - {*COLLECTIONS}):
        raise ValueError(
            f"unknown collections {', '.join(unknown)}; known: {', '.join(COLLECTIONS)}"
        )
    kinds = described["calorimeter_hits"]
    if odd := sorted(str(n) for n, kind in kinds.items() if str(kind) not in CODES):
        raise ValueError(f"hits of {', '.join(odd)}: choose among {', '.join(CODES)}")
    (field,), (radius, half_length) = _numbers(described, "field"), _numbers(described, "face", 2)
    if not (0 < field < math.inf and 0 < radius < math.inf and 0 < half_length < math.inf):
        raise ValueError(
            "field, and radius and half length of the face, have to be above 0, and finite"
        )
    return Detector(
        str(described["name"]),
        field,
        {name: CODES[kind] for name, kind in kinds.items()},
        {name: _way(name, way) for name, way in described["tracker_hits"].items()},
        Face(radius, half_length),
        dict(collections),
    )


def _numbers(described: Mapping[str, Any], key: str, count: int = 1) -> list[float]:
    given = described[key] if count > 1 else [described[key]]
    numbers = isinstance(given, list) and all(type(n) in (int, float) for n in given)
    if not numbers or len(given) != count:
        what = "a number" if count == 1 else f"{count} numbers, [...]"
        raise ValueError(f"{key} is {described[key]!r:.80}, which has to be {what}")
    return [float(n) for n in given]


def _way(name: str, way: Any) -> TrackerTruth | None:
    names = isinstance(way, list) and all(isinstance(each, str) for each in way)
    if not names or len(way) not in (0, 2):
        raise ValueError(
            f"tracker_hits.{name} is {way!r:.80}, which has to be [relations, simulated hits], "
            "or []"
        )
    return TrackerTruth(*way) if way else None
