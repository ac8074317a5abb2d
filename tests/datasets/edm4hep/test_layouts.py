"""Layouts and detectors are told by what a file has."""

import pytest

from datasets import detectors
from datasets.detectors import CLD, CLIC
from datasets.edm4hep.podio import OWN_STATES, PODIO_2023, PODIO_2025, tell


def test_layouts_are_told_by_their_branches():
    assert tell({"MCParticles", "_MCParticles_daughters"}) is PODIO_2025
    assert tell({"MCParticles", "MCParticles#1", "SiTracks_1"}) is PODIO_2023
    assert tell({"MCParticles#1", "SiTracks_1", OWN_STATES}).states.collection == OWN_STATES


@pytest.mark.parametrize("detector", [CLIC, CLD])
def test_detectors_are_told_by_their_collections(detector):
    assert detectors.recognise(set(detector.hits) | {"MCParticles"}) is detector
    for absent in detector.calorimeter_hits:
        # Without the only one that tells CLIC from CLD, a file of either would fit.
        if absent != "ECALOther":
            assert detectors.recognise(set(detector.hits) - {absent}) is detector
    assert detectors.recognise(set(detector.tracker_hits)) is None


@pytest.mark.parametrize("name", ["cld", "CLD", "Clic", CLD])
def test_detectors_are_found_by_name(name):
    assert detectors.find(name) in (CLD, CLIC)
    with pytest.raises(ValueError, match="known are CLIC, CLD"):
        detectors.find("ATLAS")
