"""References of podio: followed, and refused where they lead nowhere."""

import numpy as np
import pytest

from datasets.detectors import CLD
from datasets.edm4hep import EDM4HEPError
from datasets.edm4hep.podio import LAYOUTS, PODIO_2023, PODIO_2025
from datasets.edm4hep.reading.tables import to_events
from datasets.events import Links
from tests.datasets.edm4hep.edm4hep_columns import assert_same, by_ends, spoiled, written

BRANCHES = {
    "2025": (
        "_MCParticles_daughters",
        "_PandoraClusters_hits",
        "_PandoraPFOs_clusters",
        "_CalohitMCTruthLink_from",
        "_CalohitMCTruthLink_to",
        "_SiTracksMCTruthLink_from",
        "_SiTracks_Refitted_dQdx_track",
    ),
    "2023": (
        "MCParticles#1",
        "PandoraClusters#1",
        "MergedRecoParticles#0",
        "CalohitMCTruthLink#0",
        "CalohitMCTruthLink#1",
        "SiTracksMCTruthLink#0",
    ),
}


@pytest.mark.parametrize(("name", "branch"), [(n, b) for n in BRANCHES for b in BRANCHES[n]])
@pytest.mark.parametrize("wrong", [10_000, -7])
def test_a_reference_out_of_its_collection_is_refused(name, branch, wrong):
    layout = LAYOUTS[name]
    _, chunk = written(layout)
    column = chunk.columns[f"{branch}.index"]
    event = 100 + int(np.flatnonzero(column.counts)[-1])
    bad = spoiled(chunk._replace(first_event=100), f"{branch}.index", -1, wrong)
    with pytest.raises(EDM4HEPError, match=rf"^{branch} points to entry {wrong} of .* {event}$"):
        to_events(bad, layout, CLD)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_reference_to_nothing_is_no_link(name):
    layout = LAYOUTS[name]
    made, chunk = written(layout)
    leaf = f"{layout.branch('CalohitMCTruthLink', 'to')}.index"
    for unset in (-1, -2):
        links = to_events(spoiled(chunk, leaf, 0, unset), layout, CLD).hit_particle
        assert len(links.source) == len(made.hit_particle.source) - 1


def test_a_reference_to_a_collection_that_is_not_read_is_refused():
    _, chunk = written()
    branch = "_PandoraClusters_hits"
    foreign = chunk._replace(collections={**chunk.collections, 777: "Foreign"})
    with pytest.raises(EDM4HEPError, match=rf"{branch} points to collection Foreign in event"):
        to_events(spoiled(foreign, f"{branch}.collectionID", 0, 777), PODIO_2025, CLD)
    with pytest.raises(EDM4HEPError, match=r"points to collection number 777, which there is not"):
        to_events(spoiled(chunk, f"{branch}.collectionID", 0, 777), PODIO_2025, CLD)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_candidates_of_clusters_that_are_not_read_keep_none(layout):
    made, chunk = written(layout)
    foreign = chunk._replace(collections={**chunk.collections, 777: "LumiCalClusters"})
    leaf = f"{layout.branch(layout.candidates.collection, 'clusters')}.collectionID"
    found = to_events(spoiled(foreign, leaf, 0, 777), layout, CLD).candidate_cluster
    first = np.argsort(made.candidate_cluster.source, kind="stable")[0]
    kept = np.arange(len(made.candidate_cluster.source)) != first
    for one, other in zip(
        by_ends(found), by_ends(Links(*(end[kept] for end in (
            made.candidate_cluster.source, made.candidate_cluster.target,
            made.candidate_cluster.weight)))), strict=True,
    ):  # fmt: skip
        np.testing.assert_array_equal(one, other)


def test_a_collection_may_have_several_numbers():
    """Links of 2023 know the particles by LCIO's name of them."""
    made, chunk = written(PODIO_2023)
    chunk = chunk._replace(collections={**chunk.collections, 777: "MCParticles"})
    leaf = "CalohitMCTruthLink#1.collectionID"
    assert_same(to_events(spoiled(chunk, leaf, slice(None), 777), PODIO_2023, CLD), made)


def test_a_range_beyond_its_relation_is_refused():
    _, chunk = written()
    with pytest.raises(EDM4HEPError, match=r"Clusters\.hits asks for entries .*, in event \d+$"):
        to_events(spoiled(chunk, "PandoraClusters.hits_end", -1, 10_000), PODIO_2025, CLD)
