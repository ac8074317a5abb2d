"""Columns to events: there and back in both layouts, and what contradicts itself is refused."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets import detectors
from datasets.detectors import CLD, CLIC, DETECTORS
from datasets.edm4hep import EDM4HEPError
from datasets.edm4hep.columns import in_file_order, to_columns
from datasets.edm4hep.convert import convert
from datasets.edm4hep.podio import LAYOUTS, OWN_STATES, PODIO_2023, PODIO_2025, tell
from datasets.edm4hep.references import Chunk, Jagged
from datasets.events import EventData, Links, Table, join_events, take_events
from tests.datasets.edm4hep.edm4hep_columns import held, random_chunk
from tests.datasets.random_events import random_events

layouts = st.sampled_from(sorted(LAYOUTS))
known = st.sampled_from(sorted(DETECTORS))
seeds = st.integers(0, 2**32 - 1)


def assert_same(ours: EventData, theirs: EventData) -> None:
    assert ours.field == theirs.field
    for field in fields(EventData):
        a, b = getattr(ours, field.name), getattr(theirs, field.name)
        if field.type is Table:
            np.testing.assert_array_equal(a.offsets, b.offsets)
            assert set(a.columns) == set(b.columns)
            for name in a.columns:
                np.testing.assert_array_equal(a[name], b[name], err_msg=name)
        elif field.type is Links:
            for one, other in zip(_sorted(a), _sorted(b), strict=True):
                np.testing.assert_array_equal(one, other, err_msg=field.name)


def _sorted(links: Links):
    order = np.lexsort((links.weight, links.target, links.source))
    return links.source[order], links.target[order], links.weight[order]


@settings(max_examples=40, deadline=None)
@given(seeds, layouts, known)
def test_what_was_written_is_read(seed, layout, name):
    layout, detector = LAYOUTS[layout], DETECTORS[name]
    made, chunk = random_chunk(seed, layout, detector)
    assert_same(convert(chunk, layout, detector), made)


@settings(max_examples=20, deadline=None)
@given(seeds, layouts)
def test_events_are_read_alone_as_together(seed, layout):
    layout = LAYOUTS[layout]
    made, chunk = random_chunk(seed, layout, CLD)
    starts = {
        leaf: np.concatenate([[0], np.cumsum(column.counts)])
        for leaf, column in chunk.columns.items()
    }
    alone = [
        chunk._replace(
            columns={
                leaf: Jagged(
                    column.counts[i : i + 1],
                    column.values[starts[leaf][i] : starts[leaf][i + 1]],
                )
                for leaf, column in chunk.columns.items()
            }
        )
        for i in range(made.events)
    ]
    assert_same(join_events([convert(one, layout, CLD) for one in alone]), made)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_hits_come_by_collection_and_then_as_in_the_file(layout):
    made = held(random_events(1, 6), layout, CLIC)
    number = np.arange(len(made.hits), dtype=float)
    made = replace(made, hits=replace(made.hits, columns={**made.hits.columns, "time": number}))
    codes = np.array([CLIC.code(name) for name in CLIC.hits])
    placement = np.array([np.flatnonzero(codes == c)[-1] for c in made.hits["subdetector"]])
    hits = convert(to_columns(made, placement, layout, CLIC), layout, CLIC).hits
    number = hits["time"].astype(int)
    expected = np.lexsort((number, placement[number], made.hits.event[number]))
    np.testing.assert_array_equal(expected, np.arange(len(number)))
    np.testing.assert_array_equal(np.sort(number), np.arange(len(number)))
    assert list(CLIC.hits[:8]) == sorted(CLIC.calorimeter_hits)
    assert list(CLIC.hits[8:]) == sorted(CLIC.tracker_hits)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_events_of_nothing(layout):
    empty = take_events(random_events(0, 3), np.zeros(0, int))
    tables = {
        field.name: replace(getattr(empty, field.name), offsets=np.zeros(4, int))
        for field in fields(EventData)
        if field.type is Table
    }
    empty = replace(empty, **tables)
    made = held(empty, layout, CLD)
    found = convert(to_columns(made, np.zeros(0, int), layout, CLD), layout, CLD)
    assert found.events == 3
    assert_same(found, made)


def spoiled(chunk: Chunk, leaf: str, entry: int, value) -> Chunk:
    column = chunk.columns[leaf]
    values = column.values.copy()
    values[entry] = value
    return chunk._replace(columns={**chunk.columns, leaf: Jagged(column.counts, values)})


def written(layout=PODIO_2025, detector=CLD) -> tuple[EventData, Chunk]:
    return random_chunk(5, layout, detector, events=8)


FLOATS = ("MCParticles.momentum.x", "PandoraClusters.energy", "ECALBarrel.energy")


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_read_as_they_are(layout, value):
    made, chunk = written(layout)
    for leaf in (*FLOATS, f"{layout.states.collection}.omega"):
        chunk = spoiled(chunk, leaf, 0, value)
    found = convert(chunk, layout, CLD)
    for table, name in (
        (found.particles, "px"), (found.clusters, "energy"), (found.tracks, "omega"),
    ):  # fmt: skip
        np.testing.assert_equal(table[name][0], value)
    assert not np.isfinite(found.hits["energy"]).all()
    np.testing.assert_array_equal(found.particles["py"], made.particles["py"])


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
        convert(bad, layout, CLD)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_reference_to_nothing_is_no_link(name):
    layout = LAYOUTS[name]
    made, chunk = written(layout)
    leaf = f"{layout.branch('CalohitMCTruthLink', 'to')}.index"
    for unset in (-1, -2):
        links = convert(spoiled(chunk, leaf, 0, unset), layout, CLD).hit_particle
        assert len(links.source) == len(made.hit_particle.source) - 1


def test_a_reference_to_a_collection_that_is_not_read_is_refused():
    _, chunk = written()
    branch = "_PandoraClusters_hits"
    foreign = chunk._replace(collections={**chunk.collections, 777: "Foreign"})
    with pytest.raises(EDM4HEPError, match=rf"{branch} points to collection Foreign in event"):
        convert(spoiled(foreign, f"{branch}.collectionID", 0, 777), PODIO_2025, CLD)
    with pytest.raises(EDM4HEPError, match=r"points to collection number 777 in event"):
        convert(spoiled(chunk, f"{branch}.collectionID", 0, 777), PODIO_2025, CLD)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_candidates_of_clusters_that_are_not_read_keep_none(layout):
    made, chunk = written(layout)
    foreign = chunk._replace(collections={**chunk.collections, 777: "LumiCalClusters"})
    leaf = f"{layout.branch(layout.candidates.collection, 'clusters')}.collectionID"
    found = convert(spoiled(foreign, leaf, 0, 777), layout, CLD).candidate_cluster
    first = np.argsort(made.candidate_cluster.source, kind="stable")[0]
    kept = np.arange(len(made.candidate_cluster.source)) != first
    for one, other in zip(
        _sorted(found), _sorted(Links(*(end[kept] for end in (
            made.candidate_cluster.source, made.candidate_cluster.target,
            made.candidate_cluster.weight)))), strict=True,
    ):  # fmt: skip
        np.testing.assert_array_equal(one, other)


def test_a_collection_may_have_several_numbers():
    """Links of 2023 know the particles by LCIO's name of them."""
    made, chunk = written(PODIO_2023)
    chunk = chunk._replace(collections={**chunk.collections, 777: "MCParticles"})
    leaf = "CalohitMCTruthLink#1.collectionID"
    assert_same(convert(spoiled(chunk, leaf, slice(None), 777), PODIO_2023, CLD), made)


def test_a_range_beyond_its_relation_is_refused():
    _, chunk = written()
    with pytest.raises(EDM4HEPError, match=r"PandoraClusters\.hits of event \d+ asks for entries"):
        convert(spoiled(chunk, "PandoraClusters.hits_end", -1, 10_000), PODIO_2025, CLD)


@pytest.mark.parametrize(
    "leaf",
    [
        "CalohitMCTruthLink.weight",
        "_CalohitMCTruthLink_to.index",
        "_PandoraClusters_hits.collectionID",
        "PandoraClusters.energy",
        "PandoraClusters.hits_end",
        "SiTracks_Refitted_dQdx.dQdx.error",
        "_VXDTrackerHitRelations_from.index",
    ],
)
def test_branches_that_differ_in_length_are_refused(leaf):
    _, chunk = written()
    column = chunk.columns[leaf]
    event = int(np.flatnonzero(column.counts)[-1])
    counts = column.counts - (np.arange(len(column.counts)) == event)
    short = chunk._replace(columns={**chunk.columns, leaf: Jagged(counts, column.values[:-1])})
    with pytest.raises(EDM4HEPError, match=rf"has .* entries and .* in event {event}, where"):
        convert(short, PODIO_2025, CLD)


def test_a_track_without_states_is_refused():
    _, chunk = written()
    begin = chunk.columns["SiTracks_Refitted.trackStates_begin"].values[-1]
    with pytest.raises(EDM4HEPError, match="has no track state in event"):
        convert(spoiled(chunk, "SiTracks_Refitted.trackStates_end", -1, begin), PODIO_2025, CLD)
    with pytest.raises(EDM4HEPError, match="has no state at its first hit in event"):
        convert(spoiled(chunk, "_SiTracks_Refitted_trackStates.location", -1, 3), PODIO_2025, CLD)


def test_a_detector_without_a_way_from_tracker_hits_to_particles():
    blind = replace(CLD, tracker_hits=dict.fromkeys(CLD.tracker_hits))
    made, chunk = written()
    found = convert(chunk, PODIO_2025, blind)
    truth = made.hit_particle
    calorimeter = made.hits["subdetector"][truth.source] != 3
    assert_same(
        found,
        replace(made, hit_particle=Links(*(end[calorimeter] for end in (
            truth.source, truth.target, truth.weight)))),
    )  # fmt: skip
    placement = np.full(len(made.hits), CLD.hits.index("VXDTrackerHits"))
    with pytest.raises(EDM4HEPError, match="hits of VXDTrackerHits have particles, but CLD has no"):
        to_columns(made, placement, PODIO_2025, blind)


@pytest.mark.parametrize(("name", "value"), [("type", 0.5), ("ndf", 1e12), ("ndf", np.nan)])
def test_values_that_do_not_fit_are_not_written(name, value):
    made, _ = written()
    column = np.array(made.tracks[name], float)
    column[0] = value
    tracks = replace(made.tracks, columns={**made.tracks.columns, name: column})
    with pytest.raises(EDM4HEPError, match=rf"cannot be written as SiTracks_Refitted\.{name}"):
        to_columns(replace(made, tracks=tracks), np.zeros(len(made.hits), int), PODIO_2025, CLD)


def test_hits_in_file_order_keep_their_links():
    made = held(random_events(2, 5), PODIO_2025, CLD)
    placement = np.random.default_rng(2).integers(0, 4, len(made.hits))
    turned, sorted_placement = in_file_order(made, placement)
    run = turned.hits.event * 4 + sorted_placement
    assert (np.diff(run) >= 0).all()
    for links in ("cluster_hit", "hit_particle"):
        a, b = getattr(made, links), getattr(turned, links)
        rows = [links_.target if links == "cluster_hit" else links_.source for links_ in (a, b)]
        np.testing.assert_array_equal(made.hits["x"][rows[0]], turned.hits["x"][rows[1]])


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
