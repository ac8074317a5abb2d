"""Columns to tables: values as they are in the file, and what contradicts itself is refused."""

from dataclasses import replace

import numpy as np
import pytest

from datasets.detectors import CLD, CLIC
from datasets.edm4hep import EDM4HEPError
from datasets.edm4hep.chunk import Jagged
from datasets.edm4hep.podio import LAYOUTS, PODIO_2025
from datasets.edm4hep.reading.tables import to_events
from datasets.edm4hep.writing.columns import to_columns
from tests.datasets.edm4hep.edm4hep_columns import held, spoiled, written
from tests.datasets.random_events import random_events


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_hits_come_by_collection_and_then_as_in_the_file(layout):
    made = held(random_events(1, 6), layout, CLIC)
    number = np.arange(len(made.hits), dtype=float)
    made = replace(made, hits=replace(made.hits, columns={**made.hits.columns, "time": number}))
    codes = np.array([CLIC.code(name) for name in CLIC.hits])
    placement = np.array([np.flatnonzero(codes == c)[-1] for c in made.hits["subdetector"]])
    hits = to_events(to_columns(made, placement, layout, CLIC), layout, CLIC).hits
    number = hits["time"].astype(int)
    expected = np.lexsort((number, placement[number], made.hits.event[number]))
    np.testing.assert_array_equal(expected, np.arange(len(number)))
    np.testing.assert_array_equal(np.sort(number), np.arange(len(number)))
    assert list(CLIC.hits[:8]) == sorted(CLIC.calorimeter_hits)
    assert list(CLIC.hits[8:]) == sorted(CLIC.tracker_hits)


FLOATS = ("MCParticles.momentum.x", "PandoraClusters.energy", "ECALBarrel.energy")


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_read_as_they_are(layout, value):
    made, chunk = written(layout)
    for leaf in (*FLOATS, f"{layout.states.collection}.omega"):
        chunk = spoiled(chunk, leaf, 0, value)
    found = to_events(chunk, layout, CLD)
    for table, name in (
        (found.particles, "px"), (found.clusters, "energy"), (found.tracks, "omega"),
    ):  # fmt: skip
        np.testing.assert_equal(table[name][0], value)
    assert not np.isfinite(found.hits["energy"]).all()
    np.testing.assert_array_equal(found.particles["py"], made.particles["py"])


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
    with pytest.raises(EDM4HEPError, match=rf"has .* entries and .* together, in event {event}$"):
        to_events(short, PODIO_2025, CLD)


def test_a_track_without_states_is_refused():
    _, chunk = written()
    begin = chunk.columns["SiTracks_Refitted.trackStates_begin"].values[-1]
    with pytest.raises(EDM4HEPError, match="has no track state, in event"):
        to_events(spoiled(chunk, "SiTracks_Refitted.trackStates_end", -1, begin), PODIO_2025, CLD)
    with pytest.raises(EDM4HEPError, match="has no state at its first hit, in event"):
        to_events(spoiled(chunk, "_SiTracks_Refitted_trackStates.location", -1, 3), PODIO_2025, CLD)
