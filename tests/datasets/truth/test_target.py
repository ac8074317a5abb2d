"""Samples: energy accounts, the schema, and independence of batch and order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets import samples as stored
from datasets import schema
from datasets.events import take_events
from datasets.schema import CLASSES, ELEMENTS, TARGET_FEATURES
from datasets.schema import target as column
from datasets.truth import rows, target, truth
from tests.datasets.random_events import random_event, random_events

pytest.importorskip("fastjet", reason="jets need the extra 'physics'")
few = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 2**32 - 1)
forms = st.sampled_from(sorted(ELEMENTS))
rules = st.sampled_from([truth.PRESENT, truth.PAPER_2024, truth.Visibility(0.0, 0.0, 0.0)])


@few
@given(seeds, rules, forms)
def test_energy_account_closes(seed, rule, form):
    events = random_events(seed, 5)
    samples, summary = target.samples_and_summary(events, target.Settings(form, rule))
    parts = summary.assigned + summary.merged + summary.dropped
    assert summary.visible == pytest.approx(parts)
    in_targets = samples.ytarget[:, column("energy")].sum(dtype=float)
    assert in_targets == pytest.approx(summary.assigned + summary.merged, rel=1e-5)

    stable = truth.four_momenta(events.particles)[
        (events.particles["generator_status"] == 1)
        & ~np.isin(np.abs(events.particles["pdg"]), truth.NEUTRINOS), 3
    ]  # fmt: skip
    stood_in = truth.truth(events, rule).rows
    stood_in = stood_in[events.particles["generator_status"][stood_in] != 1]
    extra = truth.four_momenta(events.particles)[stood_in, 3].sum()
    assert summary.visible + summary.invisible == pytest.approx(stable.sum() + extra)


@few
@given(seeds, forms)
def test_companions_in_the_batch_change_nothing(seed, form):
    events = random_events(seed, 4)
    settings = target.Settings(form)
    together, summary = target.samples_and_summary(events, settings)
    alone = [
        target.samples_and_summary(take_events(events, np.array([i])), settings) for i in range(4)
    ]
    kept = [samples for samples, _ in alone if samples.events]
    assert together.events == len(kept) == 4 - summary.events_empty
    assert target.total(account for _, account in alone)[:3] == summary[:3]
    for name in ("X", "ytarget", "ycand", "genmet"):
        parts = [getattr(samples, name) for samples in kept]
        whole = getattr(together, name)
        np.testing.assert_allclose(whole, np.concatenate([whole[:0], *parts]), rtol=1e-6)
    for name in ("genjets", "targetjets"):
        jets = getattr(together, name)
        assert jets.counts.tolist() == [len(getattr(samples, name)) for samples in kept]
    assert sum(account.visible for _, account in alone) == pytest.approx(summary.visible)


@few
@given(seeds)
def test_samples_speak_the_schema(seed):
    samples = target.to_samples(random_events(seed, 4))
    y = samples.ytarget
    assert y.shape == (samples.offsets[-1], len(TARGET_FEATURES)) == samples.ycand.shape
    assert y.dtype == samples.ycand.dtype == samples.X.dtype == np.float32
    on_track = samples.X[:, 0] == 1
    label = y[:, column("PDG")]
    named = [CLASSES[int(i)] for i in np.unique(label[on_track])]
    assert set(named) <= {"none", "charged hadron", "electron", "muon"}
    named = [CLASSES[int(i)] for i in np.unique(label[~on_track])]
    assert set(named) <= {"none", "neutral hadron", "photon"}
    assert not y[~on_track, column("charge")].any()
    nothing = label == 0
    kinematics = [column(n) for n in ("charge", "pt", "eta", "sin_phi", "cos_phi", "energy")]
    assert not y[nothing][:, kinematics].any()
    assert (y[nothing, column("jet_idx")] == -1).all()


@pytest.mark.parametrize(
    ("pdg", "on_track", "expected"),
    [
        (211, True, "charged hadron"),
        (-11, True, "electron"),
        (13, True, "muon"),
        (22, True, "charged hadron"),
        (130, True, "charged hadron"),
        (22, False, "photon"),
        (11, False, "photon"),
        (-13, False, "neutral hadron"),
        (2212, False, "neutral hadron"),
        (2112, False, "neutral hadron"),
    ],
)
def test_classes_are_what_an_element_can_tell(pdg, on_track, expected):
    assert CLASSES[rows.classes(np.array([pdg]), np.array([on_track]))[0]] == expected


def test_a_photon_along_the_beam_harms_nothing():
    event = random_event(np.random.default_rng(3))
    for name in ("px", "py"):
        event.particles.columns[name][:] = 0.0
        event.candidates.columns[name][:] = 0.0
    samples, summary = target.samples_and_summary(event)
    assert samples.events == 0
    assert summary.events_empty == 1
    assert summary.candidates_dropped == len(event.candidates) > 0


@few
@given(seeds, st.permutations(range(5)))
def test_the_order_of_events_changes_nothing(seed, order):
    events = random_events(seed, 5)
    settings = target.Settings()
    straight = target.to_samples(events, settings)
    shuffled = target.to_samples(take_events(events, np.array(order)), settings)
    kept = [i for i in range(5) if target.to_samples(take_events(events, np.array([i]))).events]
    back = [[i for i in order if i in kept].index(i) for i in kept]
    back = stored.take(shuffled, np.array(back, int))
    for name in ("offsets", "X", "ytarget", "ycand", "genmet"):
        np.testing.assert_allclose(getattr(back, name), getattr(straight, name), rtol=1e-6)


@few
@given(seeds)
def test_particles_of_overlaid_collisions_are_marked(seed):
    events = random_events(seed, 3)
    status = events.particles["simulator_status"]
    marked = np.random.default_rng(seed).random(len(status)) < 0.5
    status[:] = np.where(marked, status | schema.OVERLAID, status & ~schema.OVERLAID)
    y = target.to_samples(events).ytarget
    rows = y[:, column("PDG")] > 0
    bit = y[:, column("simulatorStatus")].astype(np.int64) & schema.OVERLAID > 0
    np.testing.assert_array_equal(y[:, column("ispu")] == 1, bit & rows)
