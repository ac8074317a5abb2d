"""Columns to events: there and back, and what contradicts itself is refused."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.detectors import CLD, CLIC, DETECTORS, recognise
from datasets.edm4hep import EDM4HEPError
from datasets.edm4hep.convert import Chunk, Jagged, convert
from datasets.events import EventData, Links, Table
from tests.datasets.edm4hep_columns import chunk_of, in_file_order
from tests.datasets.random_events import random_events


def written(seed: int, detector=CLD, events: int = 4) -> tuple[EventData, Chunk]:
    made = random_events(seed, events)
    # Radii are positive; everything else may be anything.
    radius = np.abs(made.tracks["radiusOfInnermostHit"])
    tracks = Table(made.tracks.offsets, {**made.tracks.columns, "radiusOfInnermostHit": radius})
    made = replace(made, field=detector.field, tracks=tracks)
    made, collection = in_file_order(made, detector, np.random.default_rng(seed))
    return made, chunk_of(made, collection, detector)


def assert_same(ours: EventData, theirs: EventData) -> None:
    assert ours.field == theirs.field
    for field in fields(EventData):
        a, b = getattr(ours, field.name), getattr(theirs, field.name)
        if field.type is Table:
            np.testing.assert_array_equal(a.offsets, b.offsets)
            assert set(a.columns) == set(b.columns)
            for name in a.columns:
                np.testing.assert_allclose(a[name], b[name], 1e-12, err_msg=name)
        elif field.type is Links:
            for one, other in zip(_sorted(a), _sorted(b), strict=True):
                np.testing.assert_array_equal(one, other, err_msg=field.name)


def _sorted(links: Links):
    order = np.lexsort((links.weight, links.target, links.source))
    return links.source[order], links.target[order], links.weight[order]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(DETECTORS)))
def test_what_was_written_is_read(seed, name):
    made, chunk = written(seed, DETECTORS[name])
    assert_same(convert(chunk, DETECTORS[name]), made)


def spoiled(chunk: Chunk, leaf: str, entry: int, value: int) -> Chunk:
    column = chunk.columns[leaf]
    values = column.values.copy()
    values[entry] = value
    return chunk._replace(columns={**chunk.columns, leaf: Jagged(column.counts, values)})


@pytest.mark.parametrize(
    "branch",
    [
        "_MCParticles_daughters",
        "_PandoraClusters_hits",
        "_PandoraPFOs_clusters",
        "_CalohitMCTruthLink_from",
        "_CalohitMCTruthLink_to",
        "_SiTracksMCTruthLink_from",
    ],
)
@pytest.mark.parametrize("wrong", [10_000, -7])
def test_a_reference_out_of_its_collection_is_refused(branch, wrong):
    _, chunk = written(5, events=8)
    column = chunk.columns[f"{branch}.index"]
    event = 100 + int(np.flatnonzero(column.counts)[-1])
    bad = spoiled(chunk._replace(first_event=100), f"{branch}.index", -1, wrong)
    with pytest.raises(EDM4HEPError, match=rf"^{branch} points to entry {wrong} of .* {event}$"):
        convert(bad, CLD)


def test_a_reference_to_nothing_is_no_link():
    made, chunk = written(5, events=8)
    for unset in (-1, -2):
        links = convert(spoiled(chunk, "_CalohitMCTruthLink_to.index", 0, unset), CLD).hit_particle
        assert len(links.source) == len(made.hit_particle.source) - 1


def test_a_reference_to_a_collection_that_is_not_read_is_refused():
    _, chunk = written(5, events=8)
    branch = "_PandoraClusters_hits"
    known = chunk._replace(ids={**chunk.ids, "Foreign": 7})
    with pytest.raises(EDM4HEPError, match=rf"{branch} points to collection Foreign in event"):
        convert(spoiled(known, f"{branch}.collectionID", 0, 7), CLD)
    with pytest.raises(EDM4HEPError, match=r"points to collection number 7 in event"):
        convert(spoiled(chunk, f"{branch}.collectionID", 0, 7), CLD)


def test_a_range_beyond_its_relation_is_refused():
    _, chunk = written(5, events=8)
    with pytest.raises(EDM4HEPError, match=r"PandoraClusters\.hits of event \d+ asks for entries"):
        convert(spoiled(chunk, "PandoraClusters.hits_end", -1, 10_000), CLD)


def test_a_track_without_states_is_refused():
    _, chunk = written(5, events=8)
    begin = chunk.columns["SiTracks_Refitted.trackStates_begin"].values[-1]
    with pytest.raises(EDM4HEPError, match="has no track state in event"):
        convert(spoiled(chunk, "SiTracks_Refitted.trackStates_end", -1, begin), CLD)
    with pytest.raises(EDM4HEPError, match="has no state at its first hit in event"):
        convert(spoiled(chunk, "_SiTracks_Refitted_trackStates.location", -1, 3), CLD)


@pytest.mark.parametrize("detector", [CLIC, CLD])
def test_detectors_are_told_by_their_collections(detector):
    assert recognise(set(detector.hits) | {"MCParticles"}) is detector
    assert recognise(set(detector.tracker_hits)) is None
