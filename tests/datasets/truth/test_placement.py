"""Whose row of X is whose: one owner a row, and the same particles in every form."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets import elements
from datasets.schema import ELEMENTS
from datasets.schema import target as column
from datasets.truth import placement, rows, truth
from tests.datasets.random_events import random_event, random_events

pytest.importorskip("fastjet", reason="jets need the extra 'physics'")
few = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 2**32 - 1)
forms = st.sampled_from(sorted(ELEMENTS))
rules = st.sampled_from([truth.PRESENT, truth.PAPER_2024, truth.Visibility(0.0, 0.0, 0.0)])


@few
@given(seeds, forms)
def test_candidate_energy_account_closes(seed, form):
    events = random_events(seed, 3)
    places = elements.rows_of(events, ELEMENTS[form])
    placed = placement.place_candidates(events, places)
    y = rows.candidate_rows(events, places, placed)
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
    places = elements.rows_of(events, ELEMENTS[form])
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
        places = elements.rows_of(event, ELEMENTS[form])
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
        places = elements.rows_of(events, ELEMENTS[form])
        placed = placement.place_particles(events, found, places)
        lost = found.assignment.primary & ~placed.placed
        y = rows.target_rows(events, found, places, placed)
        totals.append((y[:, column("energy")].sum(), (y[:, 0] > 0).sum(), lost.sum()))
    (energy, count, _), (other_energy, other_count, lost) = totals
    assert count == other_count + lost
    if not lost:
        assert energy == pytest.approx(other_energy)
