"""Detectors whose EDM4HEP files can be read and written.

A further detector is one more value, given to `edm4hep.read` in place of a name:

    IDEA = Detector(
        "IDEA", 2.0, {"ECALBarrel": ECAL, "MUON": OTHER}, {"DCHHits": None}, Face(2500.0, 2500.0)
    )
    for events in edm4hep.read("reco.root", IDEA): ...
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from datasets.schema import CLIC_FACE, ECAL, HCAL, OTHER, TRACKER, Face


class TrackerTruth(NamedTuple):
    """Collections that lead from the hits of a tracker to particles."""

    relations: str  # measured hit -> simulated hit
    simulated: str  # simulated hits; each knows its particle


@dataclass(frozen=True)
class Detector:
    """What reader and writer must know of a detector."""

    name: str
    field: float  # tesla, along the beam
    calorimeter_hits: Mapping[str, int]  # hit collection -> `subdetector` code
    # Hit collection -> the way to its particles; None where there is none.
    tracker_hits: Mapping[str, TrackerTruth | None]
    face: Face | None = None  # of the electromagnetic calorimeter; what models compare tracks at

    @property
    def hits(self) -> tuple[str, ...]:
        """All hit collections in the order of the hits of an event: calorimeters before trackers,
        each by name, as in the published datasets."""
        return (*sorted(self.calorimeter_hits), *sorted(self.tracker_hits))

    def code(self, collection: str) -> int:
        """The `subdetector` code of the hits of a collection."""
        return self.calorimeter_hits.get(collection, TRACKER)


SILICON_TRACKER = MappingProxyType(
    {
        "VXDTrackerHits": TrackerTruth("VXDTrackerHitRelations", "VertexBarrelCollection"),
        "VXDEndcapTrackerHits": TrackerTruth(
            "VXDEndcapTrackerHitRelations", "VertexEndcapCollection"
        ),
        "ITrackerHits": TrackerTruth(
            "InnerTrackerBarrelHitsRelations", "InnerTrackerBarrelCollection"
        ),
        "ITrackerEndcapHits": TrackerTruth(
            "InnerTrackerEndcapHitsRelations", "InnerTrackerEndcapCollection"
        ),
        "OTrackerHits": TrackerTruth(
            "OuterTrackerBarrelHitsRelations", "OuterTrackerBarrelCollection"
        ),
        "OTrackerEndcapHits": TrackerTruth(
            "OuterTrackerEndcapHitsRelations", "OuterTrackerEndcapCollection"
        ),
    }
)

CALORIMETERS = MappingProxyType(
    {
        "ECALBarrel": ECAL,
        "ECALEndcap": ECAL,
        "HCALBarrel": HCAL,
        "HCALEndcap": HCAL,
        "HCALOther": HCAL,
        "MUON": OTHER,
    }
)

CLIC = Detector(
    "CLIC",
    4.0,
    MappingProxyType({**CALORIMETERS, "ECALOther": ECAL, "LumiCal_Hits": OTHER}),
    SILICON_TRACKER,
    CLIC_FACE,
)
# Bacchetta et al., arXiv:1911.12230, table 6.
CLD = Detector("CLD", 2.0, CALORIMETERS, SILICON_TRACKER, Face(2150.0, 2307.0))

DETECTORS = MappingProxyType({detector.name: detector for detector in (CLIC, CLD)})


def find(detector: str | Detector) -> Detector:
    """The detector of that name, upper or lower case; a `Detector` is itself.

    Raises:
        ValueError: there is none of that name.
    """
    if isinstance(detector, Detector):
        return detector
    for name, known in DETECTORS.items():
        if name.lower() == detector.lower():
            return known
    raise ValueError(
        f"unknown detector {detector!r}: known are {', '.join(DETECTORS)}; "
        "another one can be given as a datasets.detectors.Detector"
    )


def recognise(collections: Set[str]) -> Detector | None:
    """The detector most of whose calorimeter collections are there, and fewest missing."""

    def agreement(detector: Detector) -> tuple[int, int]:
        there = len(collections & set(detector.calorimeter_hits))
        return there, there - len(detector.calorimeter_hits)

    best = max(DETECTORS.values(), key=agreement)
    return best if agreement(best)[0] else None
