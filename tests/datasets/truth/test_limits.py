"""Oracle and floor: what they know, and what nobody knows, by loops and on simulated events."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets import jets, schema
from datasets.constants import GEV_PER_TESLA_MM
from datasets.events import Table
from datasets.simulation import simulate
from datasets.truth.calibration import LEAST_TRACK, Calibration, Curve, calibrate, showers
from datasets.truth.limits import floor, neutral_energy, oracle
from datasets.truth.target import to_samples
from datasets.truth.truth import four_momenta, stable, truth
from tests.datasets.random_events import random_events

pytest.importorskip("pythia8mc", reason="the simulation needs the extra `physics`")
few = settings(max_examples=30, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def flat(value: float) -> tuple[Curve, ...]:
    return tuple(Curve(np.ones(1), np.full(1, value)) for _ in range(3))


FLAT = Calibration(flat(1.25), flat(1.5), flat(0.3), flat(0.4))


class Seen:
    """Simulated events, and their limits by a calibration of others."""

    def __init__(self):
        other = simulate("ttbar", 100, 21)
        self.calibration = calibrate([showers(other, truth(other))])
        self.events = simulate("ttbar", 150, 22)
        self.found = truth(self.events)
        self.showers = showers(self.events, self.found)
        own = (self.events, self.found, self.showers, self.calibration)
        self.limits = {"oracle": oracle(*own), "floor": floor(*own)}


@pytest.fixture(scope="module")
def ttbar():
    return Seen()


def width(seen: Seen, table: Table, radius: float, least: float) -> float:
    rows = np.flatnonzero(stable(seen.events.particles))
    first = np.searchsorted(rows, seen.events.particles.offsets)
    p4 = four_momenta(seen.events.particles)[rows]
    true = jets.cluster_momenta(p4, first, radius, least)[0]
    columns = (table[name] for name in schema.JET_FEATURES)
    found = jets.cluster(*columns, table.offsets, radius, 5.0)[0]
    return jets.width(jets.jet_response(true, found))


@pytest.mark.parametrize(("radius", "least"), [(0.4, 5.0), (0.7, 15.0)])
def test_who_knows_more_is_better(ttbar, radius, least):
    samples = to_samples(ttbar.events)
    assert samples.events == ttbar.events.events
    y = samples.ycand
    pt, eta, energy = (y[:, schema.target(name)] for name in ("pt", "eta", "energy"))
    phi = np.arctan2(y[:, schema.target("sin_phi")], y[:, schema.target("cos_phi")])
    columns = dict(zip(schema.JET_FEATURES, (pt, eta, phi, energy), strict=True))
    baseline = width(ttbar, Table(samples.offsets, columns), radius, least)
    of_oracle, of_floor = (width(ttbar, t, radius, least) for t in ttbar.limits.values())
    assert 0.02 < of_floor < of_oracle < baseline < 0.12


def test_neutral_particles_have_the_right_median(ttbar):
    """By events that the calibration has not seen."""
    momentum = ttbar.limits["floor"]["pt"] * np.cosh(ttbar.limits["floor"]["eta"])
    seen = ttbar.showers
    for kind, near in ((0, 0.03), (1, 0.06)):
        chosen = ~seen.tracked & (seen.kind == kind) & (seen.in_hits > 0)
        assert np.median((momentum / seen.momentum)[chosen]) == pytest.approx(1, abs=near)


def test_directions_of_neutral_particles_are_true_and_masses_too(ttbar):
    neutral = ~ttbar.showers.tracked
    for table in ttbar.limits.values():
        some = neutral & (table["energy"] > 0)
        assert some.any()
        p = ttbar.found.p4[some]
        np.testing.assert_allclose(table["phi"][some], np.arctan2(p[:, 1], p[:, 0]), atol=1e-9)
        eta = np.arcsinh(p[:, 2] / np.hypot(p[:, 0], p[:, 1]))
        np.testing.assert_allclose(table["eta"][some], eta, atol=1e-9)
        momentum = table["pt"][some] * np.cosh(table["eta"][some])
        true = p[:, 3] ** 2 - (p[:, :3] ** 2).sum(1)
        np.testing.assert_allclose(table["energy"][some] ** 2 - momentum**2, true, atol=1e-2)


def test_tracks_are_taken_as_they_were_measured(ttbar):
    links, tracks = ttbar.found.to_track, ttbar.events.tracks
    pt = GEV_PER_TESLA_MM * ttbar.events.field / np.abs(tracks["omega"])
    for particle in range(0, len(ttbar.found.rows), 97):
        own = links.source == particle
        table = ttbar.limits["floor"]
        if own.any() and links.weight[own].max() >= LEAST_TRACK:
            best = links.target[own][links.weight[own].argmax()]
            assert table["pt"][particle] == pytest.approx(pt[best])
            assert np.sinh(table["eta"][particle]) == pytest.approx(tracks["tanLambda"][best])
        else:
            assert ttbar.showers.track[particle] == -1


@few
@given(seeds)
def test_what_charged_showers_leave_is_divided_by_true_shares(seed):
    """The formula of the module, by loops over clusters and particles."""
    events = random_events(seed, 3)
    found = truth(events)
    seen = showers(events, found)
    expected = np.zeros(len(found.rows))
    links = list(zip(*(getattr(found.to_cluster, n) for n in ("source", "target", "weight")),
                     strict=True))  # fmt: skip
    for cluster, energy in enumerate(events.clusters["energy"]):
        here = [(p, w) for p, c, w in links if c == cluster]
        taken, variance = 0.0, 0.0
        for p, w in here:
            if seen.track[p] >= 0:
                share = w / sum(v for q, _, v in links if q == p)
                taken += 0.3 * seen.momentum[p] * share
                variance += (0.4 * seen.momentum[p] * share) ** 2
        neutral = [(p, w) for p, w in here if seen.track[p] < 0]
        if energy - taken > variance**0.5:
            for p, w in neutral:
                expected[p] += (energy - taken) * w / sum(v for _, v in neutral)
    np.testing.assert_allclose(neutral_energy(events, found, seen, FLAT), expected, rtol=1e-9)
    table = oracle(events, found, seen, FLAT)
    momentum = np.where(seen.tracked, 0, table["pt"] * np.cosh(table["eta"]))
    np.testing.assert_allclose(momentum, 1.5 * expected, rtol=1e-9)


@few
@given(seeds)
def test_nobody_is_more_than_his_deposits_and_events_stay_apart(seed):
    events = random_events(seed, 4)
    found = truth(events)
    seen = showers(events, found)
    table = floor(events, found, seen, FLAT)
    neutral = ~seen.tracked
    momentum = table["pt"] * np.cosh(table["eta"])
    np.testing.assert_allclose(momentum[neutral], 1.25 * seen.in_hits[neutral], rtol=1e-9)
    assert (table["energy"][neutral & (seen.in_hits == 0)] == 0).all()
    assert len(table.offsets) == events.events + 1
    np.testing.assert_array_equal(table.event, events.particles.event[found.rows])
