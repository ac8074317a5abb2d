"""Rows of X against sums taken one element at a time."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets import elements, schema
from datasets.events import ENDS, Table, join_events, take_events
from datasets.schema import (
    CLUSTER,
    CLUSTER_FEATURES,
    ELEMENTS,
    HIT_FEATURES,
    TRACK,
    TRACK_FEATURES,
    TRACKER,
    cluster,
    track,
)
from datasets.simulation.tracker import helix
from tests.datasets.random_events import random_event, random_events

few = settings(max_examples=30, deadline=None)
seeds = st.integers(0, 2**32 - 1)


@few
@given(seeds)
def test_cluster_sums_are_those_of_its_hits(seed):
    event = random_event(np.random.default_rng(seed))
    _, X = elements.features(event)
    hits = event.hits
    for c in range(len(event.clusters)):
        row = X[len(event.tracks) + c]
        mine = event.cluster_hit.target[event.cluster_hit.source == c]
        energy = hits["energy"][mine]
        assert row[cluster("num_hits")] == len(mine)
        for code, name in enumerate(("energy_ecal", "energy_hcal", "energy_other")):
            expected = energy[hits["subdetector"][mine] == code].sum()
            assert row[cluster(name)] == pytest.approx(expected, rel=1e-5)
        for axis in "xyz":
            expected = 0.0
            if len(mine):
                mean = np.average(hits[axis][mine], weights=energy)
                expected = np.sqrt(np.average((hits[axis][mine] - mean) ** 2, weights=energy))
            assert row[cluster(f"sigma_{axis}")] == pytest.approx(expected, rel=1e-4, abs=1e-6)
        theta = event.clusters["iTheta"][c]
        assert row[cluster("energy")] == pytest.approx(event.clusters["energy"][c])
        expected = event.clusters["energy"][c] * np.sin(theta)
        assert row[cluster("et")] == pytest.approx(expected)
        assert np.tanh(row[cluster("eta")]) == pytest.approx(np.cos(theta), abs=1e-6)


@few
@given(seeds)
def test_track_momentum_follows_from_curvature_and_field(seed):
    event = random_event(np.random.default_rng(seed))
    weaker = replace(event, field=event.field / 2)
    X, half = elements.features(event)[1], elements.features(weaker)[1]
    for t in range(len(event.tracks)):
        row = X[t]
        radius = 1 / abs(event.tracks["omega"][t])  # mm
        pt = 0.299792458 * event.field * radius / 1000  # GeV: c in m/ns, R in metres
        assert row[track("pt")] == pytest.approx(pt)
        assert row[track("p")] == pytest.approx(pt * np.cosh(row[track("eta")]), rel=1e-5)
        assert np.sinh(row[track("eta")]) == pytest.approx(event.tracks["tanLambda"][t], rel=1e-5)
        assert half[t, track("pt")] == pytest.approx(pt / 2)
        for name in ("chi2", "D0", "omega", "Z0", "time", "dEdx", "radiusOfInnermostHit"):
            assert row[track(name)] == pytest.approx(event.tracks[name][t])
    assert not X[: len(event.tracks), len(TRACK_FEATURES) :].any()


@few
@given(seeds)
def test_a_track_without_errors_has_the_momentum_of_its_particle(seed):
    """The constant of curvature is that of the helix on which particles fly."""
    event = random_event(np.random.default_rng(seed))
    n = len(event.tracks)
    px, py, pz = np.random.default_rng(seed).normal(size=(3, n))
    path = helix.path_of(np.zeros((n, 3)), px, py, pz, np.ones(n), event.field)
    columns = {**event.tracks.columns, **helix.perigee(path)._asdict()}
    found = elements.track_columns(replace(event, tracks=Table(event.tracks.offsets, columns)))
    np.testing.assert_allclose(found["pt"], np.hypot(px, py), rtol=1e-12)
    np.testing.assert_allclose(found["p"], np.sqrt(px**2 + py**2 + pz**2), rtol=1e-12)


@few
@given(seeds)
def test_tracks_come_before_clusters_in_each_event(seed):
    events = random_events(seed, 5)
    offsets, X = elements.features(events)
    assert X.shape == (offsets[-1], len(CLUSTER_FEATURES))
    for i in range(5):
        event = take_events(events, np.array([i]))
        rows = X[offsets[i] : offsets[i + 1]]
        tracks, clusters = len(event.tracks), len(event.clusters)
        assert rows[:, 0].tolist() == [TRACK] * tracks + [CLUSTER] * clusters
        np.testing.assert_array_equal(rows, elements.features(event)[1])


def test_a_track_without_curvature_is_refused():
    events = random_events(1, 6)
    event = int(np.flatnonzero(events.tracks.counts)[-1])
    omega = events.tracks["omega"].copy()
    omega[events.tracks.offsets[event]] = 0.0
    broken = replace(
        events,
        tracks=Table(events.tracks.offsets, {**events.tracks.columns, "omega": omega}),
    )
    with pytest.raises(ValueError, match=f"feature pt is not finite .* event {event}"):
        elements.features(broken)


@few
@given(seeds)
def test_taking_events_apart_and_joining_them_gives_them_back(seed):
    events = random_events(seed, 4)
    back = join_events([take_events(events, np.array([i])) for i in range(4)])
    for name, ends in ENDS.items():
        ours, theirs = getattr(back, name), getattr(events, name)
        for end in ("source", "target", "weight"):
            a, b = (
                getattr(links, end)[np.lexsort((links.weight, links.target, links.source))]
                for links in (ours, theirs)
            )
            np.testing.assert_array_equal(a, b)
        for table in ends:
            ours_, theirs_ = getattr(back, table), getattr(events, table)
            np.testing.assert_array_equal(ours_.offsets, theirs_.offsets)
            for column in theirs_.columns:
                np.testing.assert_array_equal(ours_[column], theirs_[column])


@few
@given(seeds)
def test_hits_are_described_by_position_and_energy(seed):
    events = random_events(seed, 3)
    for form in ("hits", "tracks_hits"):
        offsets, X = elements.features(events, ELEMENTS[form])
        places = elements.rows_of(events, ELEMENTS[form])
        in_tracker = events.hits["subdetector"] == TRACKER
        is_element = places.hit != elements.NO_ROW
        assert (is_element == (~in_tracker | (form == "hits"))).all()
        rows = X[places.hit[is_element]]
        x, y, z, energy = (events.hits[n][is_element] for n in ("x", "y", "z", "energy"))
        theta = np.arctan2(np.hypot(x, y), z)
        expected = {
            "et": energy * np.sin(theta), "energy": energy, "eta": -np.log(np.tan(theta / 2)),
            "sin_phi": np.sin(np.arctan2(y, x)), "cos_phi": np.cos(np.arctan2(y, x)),
            "position.x": x, "subdetector": events.hits["subdetector"][is_element],
        }  # fmt: skip
        for name, values in expected.items():
            got = rows[:, HIT_FEATURES.index(name)]
            np.testing.assert_allclose(got, values, rtol=1e-5, atol=1e-6, err_msg=name)
        assert not X[places.hit[is_element], len(HIT_FEATURES) :].any()
        assert (X[offsets[:-1][np.diff(offsets) > 0], 0] > 0).all()


@pytest.mark.parametrize("form", schema.ELEMENTS.values(), ids=schema.ELEMENTS)
def test_parts_divide_the_elements_and_hits_are_told_by_where_they_are(form):
    """Hits of tracker and calorimeters share an `elemtype`; column 10 of a track says nothing."""
    X = np.zeros((8, form.width), np.float32)
    X[:, schema.SHARED["elemtype"]] = np.repeat([schema.TRACK, schema.HIT], 4)
    X[:, schema.hit("subdetector")] = [schema.ECAL, schema.TRACKER] * 4
    found = {part.kind: np.flatnonzero(part.rows(X)).tolist() for part in form.parts}
    known = {
        "track": [0, 1, 2, 3], "cluster": [4, 5, 6, 7], "tracker_hit": [5, 7],
        "calorimeter_hit": [4, 6],
    }  # fmt: skip
    assert found == {part.kind: known[part.kind] for part in form.parts}
