"""Names, orders and units of everything that flows from detector files to models.

The one place for them: readers, simulation, truth, builders and models refer to columns by
name through this module. Orders follow the published CLIC datasets (Zenodo 8409592 and later).

Units: GeV for pt, p, et and energy; mm for positions, D0, Z0 and radii; 1/mm for omega; ns for
time; radians for angles; tesla for the field.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

# `elemtype`, the first input column; 0 is padding. No dataset has both clusters and hits, and
# the published ones give them the same number.
TRACK, CLUSTER, HIT = 1, 2, 2

TRACK_FEATURES = (
    "elemtype", "pt", "eta", "sin_phi", "cos_phi", "p", "chi2", "ndf", "dEdx", "dEdxError",
    "radiusOfInnermostHit", "tanLambda", "D0", "omega", "Z0", "time",
)  # fmt: skip

CLUSTER_FEATURES = (
    "elemtype", "et", "eta", "sin_phi", "cos_phi", "energy", "position.x", "position.y",
    "position.z", "iTheta", "energy_ecal", "energy_hcal", "energy_other", "num_hits",
    "sigma_x", "sigma_y", "sigma_z",
)  # fmt: skip

HIT_FEATURES = (
    "elemtype", "et", "eta", "sin_phi", "cos_phi", "energy", "position.x", "position.y",
    "position.z", "time", "subdetector", "type",
)  # fmt: skip

TARGET_FEATURES = (
    "PDG", "charge", "pt", "eta", "sin_phi", "cos_phi", "energy", "ispu", "generatorStatus",
    "simulatorStatus", "gp_to_track", "gp_to_cluster", "jet_idx", "particle_number",
)  # fmt: skip
"""Columns of `ytarget` and `ycand`; `PDG` holds the class index, not the PDG code."""

_UNITS = {
    "GeV": ("pt", "et", "p", "energy", "energy_ecal", "energy_hcal", "energy_other"),
    "mm": (
        "radiusOfInnermostHit", "D0", "Z0", "position.x", "position.y", "position.z",
        "sigma_x", "sigma_y", "sigma_z",
    ),
    "1/mm": ("omega",),
    "ns": ("time",),
    "rad": ("iTheta",),
}  # fmt: skip
UNITS = {name: unit for unit, names in _UNITS.items() for name in names}
"""Of columns; those that are not here are pure numbers."""

JET_FEATURES = ("pt", "eta", "phi", "energy")
TARGET_WIDTH = len(TARGET_FEATURES)


class Part(NamedTuple):
    """Elements of one kind in X."""

    kind: str  # track, cluster, tracker_hit or calorimeter_hit
    elemtype: int
    features: tuple[str, ...]

    @property
    def table(self) -> str:
        """The table of `EventData` whose rows they are, in the singular."""
        return self.kind.rsplit("_", 1)[-1]

    def rows(self, X: Float[np.ndarray, "elements features"]) -> Bool[np.ndarray, " elements"]:
        """Which elements belong to it. Hits of tracker and calorimeters share an `elemtype`."""
        chosen = X[:, SHARED["elemtype"]] == self.elemtype
        if self.table != "hit":
            return chosen
        in_tracker = X[:, hit("subdetector")] == TRACKER
        return chosen & (in_tracker == (self.kind == "tracker_hit"))


class Elements(NamedTuple):
    """What the rows of X are: the parts follow each other in every event."""

    name: str
    parts: tuple[Part, ...]

    @property
    def width(self) -> int:
        """Columns of X; parts with fewer features are zero-padded."""
        return max(len(part.features) for part in self.parts)

    @property
    def has_tracks(self) -> bool:
        return any(part.kind == "track" for part in self.parts)

    @property
    def has_clusters(self) -> bool:
        """Whether clusters, rather than hits, stand for the calorimeters."""
        return any(part.kind == "cluster" for part in self.parts)


_TRACKS = Part("track", TRACK, TRACK_FEATURES)
_CALORIMETER_HITS = Part("calorimeter_hit", HIT, HIT_FEATURES)
ELEMENTS = {
    form.name: form
    for form in (
        Elements("clusters", (_TRACKS, Part("cluster", CLUSTER, CLUSTER_FEATURES))),
        Elements("hits", (Part("tracker_hit", HIT, HIT_FEATURES), _CALORIMETER_HITS)),
        Elements("tracks_hits", (_TRACKS, _CALORIMETER_HITS)),
    )
}
"""The forms of a dataset: particle flow from clusters, from hits alone, from tracks and hits."""

ELEMENT_WIDTH = ELEMENTS["clusters"].width


def form_of_width(width: int) -> Elements:
    """The form of X by its number of columns, which each form has its own of.

    Raises ValueError where no form has so many.
    """
    found = [form for form in ELEMENTS.values() if form.width == width]
    if not found:
        known = ", ".join(f"{form.width} ({form.name})" for form in ELEMENTS.values())
        raise ValueError(f"X has {width} features: no form of elements has so many, but {known}")
    return found[0]


CLASSES = ("none", "charged hadron", "neutral hadron", "photon", "electron", "muon")
CLASS_PDG = (0, 211, 130, 22, 11, 13)
CHARGES = (-1, 0, 1)

# Columns that tracks and clusters share, by position: what a model may read without asking
# which of the two an element is.
SHARED = {"elemtype": 0, "pt": 1, "eta": 2, "sin_phi": 3, "cos_phi": 4, "energy": 5}

ECAL, HCAL, OTHER, TRACKER = 0, 1, 2, 3  # `subdetector` of a hit
OVERLAID = 1 << 23  # LCIO's bit of `simulatorStatus`: the particle is of an overlaid collision


def track(name: str) -> int:
    """Column of a track feature in X."""
    return TRACK_FEATURES.index(name)


def cluster(name: str) -> int:
    """Column of a cluster feature in X."""
    return CLUSTER_FEATURES.index(name)


def hit(name: str) -> int:
    """Column of a hit feature in X."""
    return HIT_FEATURES.index(name)


def target(name: str) -> int:
    """Column of a target feature in ytarget and ycand."""
    return TARGET_FEATURES.index(name)


class Face(NamedTuple):
    """The inner face of an electromagnetic calorimeter: where tracks and clusters are compared."""

    radius: float  # mm; of the barrel
    half_length: float  # mm; from the centre to the end caps


CLIC_FACE = Face(1500.0, 2307.0)  # CLICdp-Note-2017-001

SHARE_FEATURES = ("track", "cluster", "energy")
"""Columns of `shares`, what the particles of tracks left in clusters: two elements, counted from 0
in their event, and GeV."""


class Shares(NamedTuple):
    """What the particles of tracks left in clusters, by their places in a row."""

    track: Int[np.ndarray, "rows links"]
    cluster: Int[np.ndarray, "rows links"]
    energy: Float[np.ndarray, "rows links"]  # GeV; 0: no link


class Batch(NamedTuple):
    """Padded rows of one or several events each, as models take them. Padding is all zero."""

    X: Float[np.ndarray, "rows elements features"]
    ytarget: Float[np.ndarray, "rows elements targets"]
    segment: Int[np.ndarray, "rows elements"]  # event of the row: 1, 2, ...; 0: padding
    event: Int[np.ndarray, "rows segments"]  # number in the dataset; -1: no event
    shares: Shares | None = None  # None: the dataset does not know them
    face: Float[np.ndarray, "rows 2"] | None = None  # `Face` of each row; None: CLIC_FACE

    @property
    def mask(self) -> Bool[np.ndarray, "rows elements"]:
        """Real elements."""
        return self.segment > 0

    @property
    def segments(self) -> int:
        """Most events in a row."""
        return self.event.shape[1]
