"""The vectorised truth against its definition, and the laws it keeps."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets import elements
from datasets import samples as stored
from datasets.events import Links, Table, offsets_of, take_events
from datasets.schema import CLASSES, ELEMENTS, TARGET_FEATURES
from datasets.schema import target as column
from datasets.truth import placement, target, truth
from tests.datasets.random_events import random_event, random_events
from tests.datasets.truth.naive_truth import naive_truth

pytest.importorskip("fastjet", reason="jets need the extra 'physics'")
few = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 2**32 - 1)
forms = st.sampled_from(sorted(ELEMENTS))
rules = st.sampled_from([truth.PRESENT, truth.PAPER_2024, truth.Visibility(0.0, 0.0, 0.0)])


@few
@given(seeds, rules)
def test_truth_is_that_of_the_definition(seed, rule):
    event = random_event(np.random.default_rng(seed))
    found = truth.truth(event, rule)
    fate, total = naive_truth(event, rule)
    places = elements.layout(event, ELEMENTS["clusters"])
    placed = placement.place_particles(event, found, places)
    y = target.target_rows(event, found, places, placed)

    assert found.rows.tolist() == sorted(fate)
    asked = set()
    for i, (row, (kind, where)) in enumerate(sorted(fate.items())):
        track, cluster, host = (int(part[i]) for part in found.assignment)
        assert track == (where if kind == "track" else -1)
        assert cluster == (where if kind == "cluster" else -1)
        assert host == (found.rows.tolist().index(where) if kind == "merged" else -1)
        if kind in ("track", "cluster"):
            element = getattr(places, kind)[where]
            asked.add(int(element))
            px, py, pz, energy = total[row]
            expected = [np.hypot(px, py), np.arcsinh(pz / np.hypot(px, py)), energy]
            names = ("pt", "eta", "energy")
            assert y[element, [column(n) for n in names]] == pytest.approx(expected)
            phi = np.arctan2(*y[element, [column("sin_phi"), column("cos_phi")]])
            assert phi == pytest.approx(np.arctan2(py, px))
    assert set(np.flatnonzero(y[:, column("PDG")]).tolist()) == asked


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
def test_candidate_energy_account_closes(seed, form):
    events = random_events(seed, 3)
    places = elements.layout(events, ELEMENTS[form])
    placed = placement.place_candidates(events, places)
    y = target.candidate_rows(events, places, placed)
    energy = truth.four_momenta(events.candidates)[:, 3]
    assert y[:, column("energy")].sum() == pytest.approx(energy[~placed.dropped].sum())
    linked = np.zeros(len(energy), bool)
    linked[events.candidate_cluster.source] = True
    if form == "clusters":
        assert not placed.dropped[linked].any()


@few
@given(seeds, rules, forms)
def test_an_element_has_at_most_one_primary(seed, rule, form):
    events = random_events(seed, 4)
    found = truth.truth(events, rule)
    places = elements.layout(events, ELEMENTS[form])
    event = {
        "particles": events.particles.event[found.rows],
        "candidates": events.candidates.event,
    }
    for name, placed in (
        ("particles", placement.place_particles(events, found, places)),
        ("candidates", placement.place_candidates(events, places)),
    ):
        rows = placed.row[placed.placed]
        assert len(np.unique(rows)) == len(rows)
        in_event = np.searchsorted(places.offsets, rows, side="right") - 1
        np.testing.assert_array_equal(in_event, event[name][placed.placed])
        merged = placed.merged_into >= 0
        assert not (merged & placed.placed).any()
        assert placed.placed[placed.merged_into[merged]].all()


@few
@given(seeds)
def test_in_hits_a_particle_takes_the_best_hit_that_the_more_energetic_ones_left(seed):
    event = random_event(np.random.default_rng(seed))
    found = truth.truth(event)
    for form in ("hits", "tracks_hits"):
        places = elements.layout(event, ELEMENTS[form])
        placed = placement.place_particles(event, found, places)
        deposit = np.zeros((len(found.rows), len(event.hits)))
        np.add.at(deposit, (found.deposits.source, found.deposits.target), found.deposits.weight)
        used = set()
        for i in np.lexsort((found.rows, -found.p4[:, 3])):
            track = found.assignment.track[i]
            if track >= 0 and form == "tracks_hits":
                assert placed.row[i] == places.track[track]
            elif found.assignment.primary[i]:
                wish = np.lexsort((np.arange(len(event.hits)), -deposit[i]))
                free = [
                    h for h in wish
                    if deposit[i, h] > 0 and h not in used and places.hit[h] != elements.NO_ROW
                ]  # fmt: skip
                assert placed.row[i] == (places.hit[free[0]] if free else elements.NO_ROW)
                used |= set(free[:1])


@few
@given(seeds)
def test_every_form_has_the_same_particles(seed):
    """... unless an event has fewer hits than particles."""
    events = random_events(seed, 4)
    found = truth.truth(events)
    totals = []
    for form in ("clusters", "tracks_hits"):
        places = elements.layout(events, ELEMENTS[form])
        placed = placement.place_particles(events, found, places)
        lost = found.assignment.primary & ~placed.placed
        y = target.target_rows(events, found, places, placed)
        totals.append((y[:, column("energy")].sum(), (y[:, 0] > 0).sum(), lost.sum()))
    (energy, count, _), (other_energy, other_count, lost) = totals
    assert count == other_count + lost
    if not lost:
        assert energy == pytest.approx(other_energy)


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


def _chain_of(depth: int, depositing=(0,)):
    """Status-2 particles with a hit each above a status-1 particle that left nothing."""
    event = random_event(np.random.default_rng(0))
    rows = depth + 1
    status = np.full(rows, 2)
    status[-1] = 1
    columns = {
        "pdg": np.full(rows, 130), "charge": np.zeros(rows), "mass": np.zeros(rows),
        "px": np.ones(rows), "py": np.zeros(rows), "pz": np.zeros(rows),
        "generator_status": status, "simulator_status": status,
    }  # fmt: skip
    many = len(depositing)
    hits = Table(offsets_of([many]), {k: np.zeros(many) for k in event.hits.columns})
    hits.columns["energy"][:] = 1.0
    none = Links(np.zeros(0, int), np.zeros(0, int), np.zeros(0))
    return replace(
        event,
        particles=Table(offsets_of([rows]), columns),
        hits=hits,
        daughters=Links(np.arange(depth), np.arange(1, rows), np.ones(depth)),
        hit_particle=Links(np.arange(many), np.array(depositing), np.ones(many)),
        track_particle=none,
        cluster_hit=none,
    )


def test_a_parent_stands_in_for_eight_generations():
    assert truth.truth(_chain_of(8)).rows.tolist() == [0]
    assert truth.truth(_chain_of(9)).rows.tolist() == []


def test_nobody_stands_in_below_a_particle_that_does():
    assert truth.truth(_chain_of(3, depositing=(1, 2))).rows.tolist() == [1]


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
    assert CLASSES[target.classes(np.array([pdg]), np.array([on_track]))[0]] == expected


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


@few
@given(seeds, st.sampled_from([1e-20, 2e-18, 1e17, -1e17]), st.sampled_from(["omega", "tanLambda"]))
def test_what_is_not_left_out_can_be_written(seed, value, name):
    """Whatever a track says of itself, its event is left out or its features are finite."""
    events = random_events(seed, 2)
    if len(events.tracks):
        events.tracks.columns[name][0] = value
    assert np.isfinite(target.to_samples(events).X).all()


@few
@given(seeds)
def test_particles_of_overlaid_collisions_are_marked(seed):
    events = random_events(seed, 3)
    status = events.particles["simulator_status"]
    marked = np.random.default_rng(seed).random(len(status)) < 0.5
    status[:] = np.where(marked, status | target.OVERLAID, status & ~target.OVERLAID)
    y = target.to_samples(events).ytarget
    rows = y[:, column("PDG")] > 0
    bit = y[:, column("simulatorStatus")].astype(np.int64) & target.OVERLAID > 0
    np.testing.assert_array_equal(y[:, column("ispu")] == 1, bit & rows)
