"""Detectors whose EDM4HEP files can be read and written.

A further detector is one more value, given to `edm4hep.read` in place of a name:

    IDEA = Detector(
        "IDEA", 2.0, {"ECALBarrel": ECAL, "MUON": OTHER}, {"DCHHits": None}, Face(2500.0, 2500.0)
    )
    for events in edm4hep.read("reco.root", IDEA): ...
"""

from collections.abc import Set
from types import MappingProxyType

from datasets.detector import Detector, TrackerTruth
from datasets.detector_files import is_file, read_detector
from datasets.detector_files import reference as reference_of_file
from datasets.schema import CLIC_FACE, ECAL, HCAL, OTHER, Face

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
    """The detector of that name, upper or lower case, or of that TOML file (`detector_files`); a
    `Detector` is itself.

    Raises:
        ValueError: there is none of that name, or the file describes none.
    """
    if isinstance(detector, Detector):
        return detector
    if is_file(detector):
        return read_detector(detector)
    for name, known in DETECTORS.items():
        if name.lower() == detector.lower():
            return known
    raise ValueError(
        f"unknown detector {detector!r}: known are {', '.join(DETECTORS)}; "
        "another one can be given as a TOML file (docs/files.md)"
    )


def reference(detector: str) -> str:
    """How a recipe names the detector, so that every process finds the same. Raises as `find`."""
    if is_file(detector):
        read_detector(detector)
        return reference_of_file(detector)
    return find(detector).name


def recognise(collections: Set[str]) -> Detector | None:
    """The detector most of whose calorimeter collections are there, and fewest missing."""

    def agreement(detector: Detector) -> tuple[int, int]:
        there = len(collections & set(detector.calorimeter_hits))
        return there, there - len(detector.calorimeter_hits)

    best = max(DETECTORS.values(), key=agreement)
    return best if agreement(best)[0] else None
