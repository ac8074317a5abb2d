"""Curves from deposits to momenta and back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.schema import TRACKER
from datasets.truth.calibration import (
    HADRON,
    LEAST_TRACK,
    MUON,
    PHOTON,
    Curve,
    Showers,
    calibrate,
    showers,
)
from datasets.truth.truth import truth
from tests.datasets.random_events import random_events


def made_up(n=6000, seed=0) -> Showers:
    """Photons respond with .5, hadrons with .25, half of it in clusters; muons leave 1 GeV."""
    rng = np.random.default_rng(seed)
    kind, momentum = rng.integers(0, 3, n), rng.uniform(1, 50, n)
    noise = rng.lognormal(0, 0.1, n)
    left = np.where(kind == MUON, 1.0, momentum * noise * np.where(kind == PHOTON, 0.5, 0.25))
    track = np.where((kind == MUON) | (rng.random(n) < 0.5), np.arange(n), -1)
    return Showers(kind, track, momentum, left, left / 2)


def test_curves_give_back_what_particles_were_made_with():
    found = calibrate([made_up()])
    energy = np.array([2.0, 10.0, 40.0])
    for kind, response in ((PHOTON, 0.5), (HADRON, 0.25)):
        deposit = energy * response
        np.testing.assert_allclose(found.of_hits[kind].at(deposit), 1 / response, rtol=0.05)
        clusters = found.of_clusters[kind].at(deposit / 2)
        np.testing.assert_allclose(clusters, 2 / response, rtol=0.05)
        np.testing.assert_allclose(found.response[kind].at(energy), response / 2, rtol=0.05)
        np.testing.assert_allclose(found.spread[kind].at(energy), response / 20, rtol=0.25)
    expected = 1 / (2 * energy[1:])
    np.testing.assert_allclose(found.response[MUON].at(energy[1:]), expected, rtol=0.1)


def test_parts_are_one():
    whole = made_up()
    halves = [Showers(*(column[k::2] for column in whole)) for k in range(2)]
    for one, two in zip(calibrate([whole]), calibrate(halves), strict=True):
        for a, b in zip(one, two, strict=True):
            np.testing.assert_allclose(a.value, b.value)


def test_curves_end_where_their_particles_do():
    curve = Curve(np.array([1.0, 10.0]), np.array([2.0, 4.0]))
    found = curve.at(np.array([0.0, 1.0, 10**0.5, 10.0, 1e3]))
    np.testing.assert_allclose(found, [2, 2, 3, 4, 4])


def test_kinds_that_are_not_there_leave_nothing():
    hadrons = made_up()
    hadrons = Showers(*(column[hadrons.kind == HADRON] for column in hadrons))
    found = calibrate([hadrons])
    assert found.response[MUON].at(np.array([5.0])) == 0
    assert found.of_hits[PHOTON].at(np.array([5.0])) == pytest.approx(4, rel=0.05)


def test_nothing_to_learn_from():
    nothing = Showers(*(column[:0] for column in made_up()))
    with pytest.raises(ValueError, match="no neutral particle to calibrate"):
        calibrate([nothing])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_deposits_and_tracks_by_loops(seed):
    events = random_events(seed, 3)
    found = truth(events)
    seen = showers(events, found)
    for particle in range(len(found.rows)):
        links = found.deposits
        own = [
            weight
            for who, hit, weight in zip(links.source, links.target, links.weight, strict=True)
            if who == particle and events.hits["subdetector"][hit] != TRACKER
        ]
        assert seen.in_hits[particle] == pytest.approx(sum(own))
        tracks = found.to_track
        mine = tracks.source == particle
        weights = dict(zip(tracks.target[mine], tracks.weight[mine], strict=True))
        best = max(weights.values(), default=0)
        if best < LEAST_TRACK:
            assert seen.track[particle] == -1
        else:
            assert seen.track[particle] == min(t for t, w in weights.items() if w == best)
