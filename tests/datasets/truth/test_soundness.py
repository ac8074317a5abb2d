"""Events that no truth can be told of are left out and counted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.events import take_events
from datasets.truth import target
from datasets.truth.soundness import INPUTS, faults, sound
from tests.datasets.random_events import random_events

pytest.importorskip("fastjet", reason="jets need the extra 'physics'")
few = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
@pytest.mark.parametrize(
    ("table", "name"),
    [("hits", "energy"), ("particles", "px"), ("tracks", "tanLambda"), ("candidates", "mass")],
)
def test_an_event_with_a_value_that_nobody_measured_is_left_out_and_counted(table, name, value):
    events = random_events(5, 6)
    columns = getattr(events, table)
    row = len(columns) // 2
    broken = columns.event[row]
    columns.columns[name][row] = value
    samples, summary = target.samples_and_summary(events)
    others = take_events(events, np.flatnonzero(np.arange(6) != broken))
    assert summary.events_unsound == 1
    np.testing.assert_array_equal(samples.X, target.to_samples(others).X)


@pytest.mark.parametrize(("table", "links", "end"), [
    ("particles", "track_particle", "target"), ("candidates", "candidate_track", "source"),
])  # fmt: skip
def test_a_charge_that_no_model_knows_is_named_where_a_track_could_have_it(table, links, end):
    events = random_events(5, 6)
    row = getattr(getattr(events, links), end)[0]
    assert sound(events).all()
    getattr(events, table).columns["charge"][row] = 2
    event = int(getattr(events, table).event[row])
    ((found, what),) = faults(events).items()
    assert (found, what.removesuffix(".0")) == (event, f"charge of {table} with tracks is 2")
    assert sound(events, INPUTS).all(), "a model does not ask for it"


@few
@given(seeds, st.sampled_from([1e-20, 2e-18, 1e17, -1e17]), st.sampled_from(["omega", "tanLambda"]))
def test_what_is_not_left_out_can_be_written(seed, value, name):
    """Whatever a track says of itself, its event is left out or its features are finite."""
    events = random_events(seed, 2)
    if len(events.tracks):
        events.tracks.columns[name][0] = value
    assert np.isfinite(target.to_samples(events).X).all()


def test_a_cluster_whose_hits_cancel_costs_its_event():
    """A sum of squares with a negative weight has no root: of that event alone nothing is made."""
    events = random_events(5, 6)
    links = events.cluster_hit
    cluster = next(c for c in links.source if (links.source == c).sum() > 1)
    hits = links.target[links.source == cluster]
    events.hits.columns["energy"][hits] = 1.0
    events.hits.columns["energy"][hits[0]] = 0.1 - (len(hits) - 1)
    broken = int(events.clusters.event[cluster])
    assert faults(events) == {broken: "a cluster of hits that cancel"}
    others = take_events(events, np.flatnonzero(np.arange(6) != broken))
    np.testing.assert_array_equal(target.to_samples(events).X, target.to_samples(others).X)
