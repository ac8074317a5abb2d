"""Events to columns: what files cannot hold is refused."""

from dataclasses import replace

import numpy as np
import pytest

from datasets.detectors import CLD
from datasets.edm4hep import EDM4HEPError
from datasets.edm4hep.podio import PODIO_2025
from datasets.edm4hep.reading.tables import to_events
from datasets.edm4hep.writing.columns import in_file_order, to_columns
from datasets.events import Links
from tests.datasets.edm4hep.edm4hep_columns import assert_same, held, written
from tests.datasets.random_events import random_events


def test_a_detector_without_a_way_from_tracker_hits_to_particles():
    blind = replace(CLD, tracker_hits=dict.fromkeys(CLD.tracker_hits))
    made, chunk = written()
    found = to_events(chunk, PODIO_2025, blind)
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
