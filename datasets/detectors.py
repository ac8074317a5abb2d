"""Detectors whose EDM4HEP files can be read. A further one is one more entry of `DETECTORS`."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from datasets.schema import ECAL, HCAL, OTHER


class TrackerTruth(NamedTuple):
    """Collections that lead from the hits of a tracker to particles."""

    relations: str  # measured hit -> simulated hit
    simulated: str  # simulated hits; each knows its particle


@dataclass(frozen=True)
class Detector:
    """What the reader must know of a detector."""

    name: str
    field: float  # tesla, along the beam
    calorimeter_hits: Mapping[str, int]  # hit collection -> `subdetector` code
    tracker_hits: Mapping[str, TrackerTruth]  # hit collection -> the way to its particles

    @property
    def hits(self) -> tuple[str, ...]:
        """All hit collections, calorimeters first."""
        return (*self.calorimeter_hits, *self.tracker_hits)


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
)
CLD = Detector("CLD", 2.0, CALORIMETERS, SILICON_TRACKER)

# Those that need more collections come first: `recognise` takes the first that fits.
DETECTORS = MappingProxyType({detector.name: detector for detector in (CLIC, CLD)})


def recognise(collections: Set[str]) -> Detector | None:
    """The first detector whose calorimeter collections are all there."""
    for detector in DETECTORS.values():
        if set(detector.calorimeter_hits) <= collections:
            return detector
    return None
