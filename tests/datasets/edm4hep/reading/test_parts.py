"""A program asks a file for what it uses, and for nothing else."""

import numpy as np
import pytest

from datasets import edm4hep
from datasets.detectors import CLD
from datasets.edm4hep import EDM4HEPError
from datasets.edm4hep.layout import (
    BASELINE,
    CALORIMETER,
    CLUSTERS,
    PARTS,
    TRACKER,
    TRACKS,
    TRUTH,
    collections,
    leaves,
    with_needs,
)
from datasets.edm4hep.podio import LAYOUTS, PODIO_2025
from datasets.edm4hep.reading.survey import Survey, has, parts_of
from datasets.edm4hep.reading.tables import to_events
from datasets.elements import features
from tests.datasets.edm4hep.edm4hep_columns import metadata_of, random_chunk, write_ttree


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_parts_are_made_of_their_own_leaves(layout):
    """Whatever is asked for, no other leaf is looked at, and its tables are as among all."""
    made, chunk = random_chunk(2, layout, CLD)
    whole = to_events(chunk, layout, CLD)
    assert sorted(leaf for part in PARTS for leaf in leaves(layout, CLD, (part,))) == sorted(
        leaves(layout, CLD)
    )
    for asked in ((TRACKS,), (CLUSTERS,), (TRACKER,), (BASELINE,), (TRACKS, CLUSTERS), (TRUTH,)):
        parts = with_needs(asked)
        read = {leaf: chunk.columns[leaf] for leaf in leaves(layout, CLD, parts)}
        found = to_events(chunk._replace(columns=read), layout, CLD, parts)
        assert found.events == made.events
        for part, table in ((TRACKS, "tracks"), (CLUSTERS, "clusters"), (TRUTH, "particles"),
                            (BASELINE, "candidates")):  # fmt: skip
            ours, theirs = getattr(found, table), getattr(whole, table)
            assert set(ours.columns) == set(theirs.columns)
            for name in ours.columns:
                expected = theirs[name] if part in parts else []
                np.testing.assert_array_equal(ours[name], expected)
    inputs = to_events(chunk, layout, CLD, with_needs((TRACKS, CLUSTERS, TRACKER)))
    np.testing.assert_array_equal(features(inputs)[1], features(whole)[1])


def surveyed(lacks: dict[str, tuple[str, ...]]) -> Survey:
    none = dict.fromkeys(PARTS, ())
    return Survey("TTree", 3, PODIO_2025, CLD, True, "0.99", frozenset(), none | lacks, none,
                  {}, None, ())  # fmt: skip


def test_only_what_is_needed_can_be_missing():
    found = surveyed({TRUTH: ("CalohitMCTruthLink",), BASELINE: ("PandoraPFOs",)})
    assert parts_of(found, (TRACKS, CLUSTERS)) == {TRACKS, CLUSTERS, CALORIMETER}
    assert parts_of(found, (TRACKS,), PARTS) == {TRACKS, CLUSTERS, CALORIMETER, TRACKER}
    assert [part for part in PARTS if not has(found, part)] == [TRUTH, BASELINE]
    with pytest.raises(EDM4HEPError, match=r"needed for CLD: PandoraPFOs \(baseline\)\. Full"):
        parts_of(found, (BASELINE,), PARTS)
    without = surveyed({CALORIMETER: ("MUON",)})
    assert not has(without, CLUSTERS), "which is made of hits"
    with pytest.raises(EDM4HEPError, match=r"needed for CLD: MUON \(calorimeter hits\)\. Full"):
        parts_of(without, (CLUSTERS,))


def test_a_file_without_truth_has_the_rest(tmp_path):
    _, chunk = random_chunk(2, PODIO_2025, CLD, events=2)
    gone = {*collections(PODIO_2025, CLD, (TRUTH,))} - {"MCParticles"}
    less = {k: v for k, v in chunk.columns.items() if not any(name in k for name in gone)}
    path = tmp_path / "data.root"
    write_ttree(path, chunk._replace(columns=less), metadata_of(chunk)["podio 1"])
    found = edm4hep.inspect(path, needs=(TRACKS, CLUSTERS), wants=PARTS)
    assert found.parts == {*PARTS} - {TRUTH}
    (events,) = edm4hep.read(path, needs=(TRACKS, CLUSTERS), wants=PARTS)
    assert len(events.tracks)
    assert len(events.candidates)
    assert not len(events.particles)
    with pytest.raises(EDM4HEPError, match="needed for CLD: CalohitMCTruthLink, SiTracksMCTruth"):
        next(edm4hep.read(path))
