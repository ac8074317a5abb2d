"""What tracks left in clusters, against the definition of the truth event by event."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets import elements, schema
from datasets.events import take_events
from datasets.truth import truth
from datasets.truth.shares import true_shares
from datasets.truth.target import Settings, to_samples
from tests.datasets.random_events import random_events

pytest.importorskip("fastjet", reason="jets need the extra 'physics'")
few = settings(max_examples=30, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def naive(event):
    """{(track element, cluster element): GeV} of a single event, by loops over particles."""
    found = truth.truth(event)
    tracks, out = len(event.tracks), {}
    for owner, cluster, energy in zip(*found.to_cluster.__dict__.values(), strict=True):
        track = found.assignment.track[owner]
        if track >= 0:
            out[int(track), tracks + int(cluster)] = energy
    return out


@few
@given(seeds)
def test_links_are_what_the_owners_of_tracks_left(seed):
    events = random_events(seed, 4)
    places = elements.rows_of(events, schema.ELEMENTS["clusters"])
    table = true_shares(truth.truth(events), places)
    for number in range(4):
        here = slice(*table.offsets[number : number + 2])
        pairs = zip(table["track"][here], table["cluster"][here], strict=True)
        expected = naive(take_events(events, np.array([number])))
        assert dict(zip(pairs, table["energy"][here], strict=True)) == pytest.approx(expected)


@few
@given(seeds)
def test_links_name_tracks_and_clusters(seed):
    samples = to_samples(random_events(seed, 4))
    table = samples.shares
    assert len(table.offsets) == samples.events + 1
    first = samples.offsets[table.event]
    for name, kind in (("track", schema.TRACK), ("cluster", schema.CLUSTER)):
        assert (samples.X[first + table[name], 0] == kind).all()
    assert (table["energy"] > 0).all()
    assert (samples.ytarget[first + table["track"], schema.target("PDG")] > 0).all()


def test_only_tracks_and_clusters_have_shares():
    for form in schema.ELEMENTS:
        shares = to_samples(random_events(1, 2), Settings(form)).shares
        assert (shares is not None) == (form == "clusters")
