"""What is wrong with one event of a file costs that event, and nothing else."""

import numpy as np
import pytest

from datasets import edm4hep
from datasets.detectors import CLD
from datasets.edm4hep.chunk import Jagged
from datasets.edm4hep.layout import BASELINE, TRUTH
from datasets.edm4hep.podio import PODIO_2025
from datasets.edm4hep.reading.faults import readable_events
from datasets.events import join_events, take_events
from datasets.truth.soundness import left_out, sound
from tests.datasets.edm4hep.edm4hep_columns import (
    assert_same,
    metadata_of,
    random_chunk,
    spoiled,
    write_ttree,
)

TRACKS, STATES = "SiTracks_Refitted", "_SiTracks_Refitted_trackStates"


def shortened(chunk, leaf):
    """The last event that has any has one entry less."""
    counts, values = chunk.columns[leaf]
    event = np.flatnonzero(counts)[-1]
    less = Jagged(counts - (np.arange(len(counts)) == event), values[:-1])
    return chunk._replace(columns={**chunk.columns, leaf: less})


WRONG = {  # what is spoiled: in which part of the event, and what is said
    "link to nowhere": ("_CalohitMCTruthLink_to.index", 999, TRUTH, "points to entry 999"),
    "unknown number": ("_SiTracksMCTruthLink_to.collectionID", 777, TRUTH, "number 777"),
    "candidate of nothing": ("_PandoraPFOs_clusters.index", 999, BASELINE, "points to entry"),
    "hit of nothing": ("_PandoraClusters_hits.index", 999, "", "points to entry 999"),
    "no state": (f"{TRACKS}.trackStates_end", None, "", "has no track state"),
    "no first hit": (f"{STATES}.location", 3, "", "has no state at its first hit"),
    "range": ("PandoraClusters.hits_end", 10_000, "", "asks for entries"),
    "one less": ("PandoraClusters.energy", "less", "", "where they belong together"),
    "one less in truth": ("CalohitMCTruthLink.weight", "less", TRUTH, "belong together"),
}


@pytest.mark.parametrize("name", WRONG)
def test_the_other_events_are_what_they_were(name):
    leaf, value, part, said = WRONG[name]
    made, chunk = random_chunk(8, PODIO_2025, CLD, events=7)
    event = int(np.flatnonzero(chunk.columns[leaf].counts)[-1])
    if value is None:
        value = chunk.columns[leaf.replace("_end", "_begin")].values[-1]
    bad = shortened(chunk, leaf) if value == "less" else spoiled(chunk, leaf, -1, value)
    found = readable_events(bad, PODIO_2025, CLD, path="x.root")
    ((number, of, what),) = found.origin.faults
    assert (number, of) == (event, part)
    assert said in what
    others = np.flatnonzero(np.arange(7) != event)
    assert_same(take_events(found, others), take_events(made, others))
    assert event not in np.flatnonzero(sound(found))
    named = [line for line in left_out(found) if f"event {event}:" in line]
    assert named == [f"x.root, event {event}: {what}"]
    assert len(found.particles.counts) == 7
    assert found.particles.counts[event] == 0 or part == BASELINE
    assert (found.tracks.counts[event] == 0) == (part == "" or made.tracks.counts[event] == 0)


def test_several_things_may_be_wrong_with_several_events(tmp_path):
    made, chunk = random_chunk(9, PODIO_2025, CLD, events=7)
    bad = spoiled(chunk, "_CalohitMCTruthLink_to.index", slice(None), 999)
    bad = spoiled(bad, f"{STATES}.location", 1, 3)
    path = tmp_path / "wrong.root"
    write_ttree(path, bad, metadata_of(chunk)["podio 1"])
    found = join_events(list(edm4hep.read(path, chunk=4)))
    linked = np.flatnonzero(chunk.columns["_CalohitMCTruthLink_to.index"].counts)
    without = int(np.flatnonzero(made.tracks.counts)[0])
    assert {f.event for f in found.origin.faults if f.part == TRUTH} == {*linked} - {without}
    assert {f.event for f in found.origin.faults if not f.part} == {without}
    assert not sound(found)[[*linked, without]].any()
