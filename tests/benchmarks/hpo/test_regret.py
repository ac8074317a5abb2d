"""Regret, averaged rank and their errors: laws, and ranks against scipy's."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from benchmarks.hpo.quality.regret import (
    averaged_ranks,
    averages,
    better_rows,
    errors,
    found_at,
    regret,
)

SHAPE = (4, 3, 5)  # methods, tables, seeds


def array(seed: int) -> np.ndarray:
    """Losses with ties, some of them infinite."""
    drawn = np.random.default_rng(seed).integers(0, 7, SHAPE).astype(float)
    return np.where(drawn == 6, np.inf, drawn)


losses = st.integers(0, 2**32).map(array)


@settings(max_examples=25, deadline=None)
@given(losses)
def test_with_all_studies_played_it_is_the_mean_of_ordinary_ranks(found):
    assert averaged_ranks(found) == pytest.approx(rankdata(found, axis=0).mean((1, 2)))


@settings(max_examples=25, deadline=None)
@given(losses, st.data())
def test_ranks_see_the_order_alone(found, data):
    method = data.draw(st.integers(0, 3))
    assert averaged_ranks(np.exp(found)) == pytest.approx(averaged_ranks(found))
    order = np.roll(np.arange(4), method)
    assert averaged_ranks(found[order]) == pytest.approx(averaged_ranks(found)[order])


def test_a_method_with_fewer_seeds_is_held_against_others_on_those():
    found = np.array([[[1.0, 9.0]], [[2.0, 2.0]], [[3.0, np.nan]]])
    assert averaged_ranks(found).tolist() == [1.5, 1.5, 3.0]
    assert averages(found).tolist() == [5.0, 2.0, 3.0]


def test_every_table_weighs_the_same_however_many_seeds_it_has():
    found = np.array([[[0.0, np.nan, np.nan], [6.0, 6.0, 6.0]]])
    assert averages(found).tolist() == [3.0]


def test_errors_of_what_never_differs_are_none_and_grow_with_the_spread():
    same = np.broadcast_to(np.arange(3.0)[:, None, None], (3, 4, 6))
    assert errors(averaged_ranks, same).tolist() == [0.0, 0.0, 0.0]
    noise = np.random.default_rng(0).normal(size=(2, 40, 30))
    noise[1] = 3 * noise[0]
    one, three = errors(averages, noise)
    assert three == pytest.approx(3 * one)
    # the variance of a mean of tables drawn anew, and as much as seeds drawn anew add to it
    tables, seeds = noise[0].mean(1).var() / 40, noise[0].var(1).mean() / 1200
    assert one == pytest.approx(math.sqrt(tables + seeds), rel=0.1)
    assert one != pytest.approx(math.sqrt(max(tables, seeds)), rel=0.1)


def test_errors_know_no_more_than_one_table_and_seed_tell():
    assert np.isnan(errors(averages, np.full((1, 1, 1), np.nan))).all()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 100), min_size=1, max_size=30), st.integers(1, 60))
def test_what_was_found_stays_found(values, epochs):
    trace = np.minimum.accumulate(values).tolist()
    found = found_at(trace, epochs, [k / 10 for k in range(1, 11)])
    assert (np.diff(found) <= 0).all()
    assert found[-1] == trace[min(epochs, len(trace)) - 1]


def test_shares_of_epochs_are_rounded_up_and_an_ended_study_keeps_its_best():
    assert found_at([5.0, 4.0, 3.0], 10, [0.1, 0.11, 0.3, 1.0]).tolist() == [5, 4, 3, 3]
    falling = [float(100 - spent) for spent in range(1, 101)]
    assert found_at(falling, 100, [0.55]).tolist() == [45]  # 0.55 * 100 is 55.00000000000001
    assert found_at([], 10, [0.5]).tolist() == [math.inf]


def test_regret_is_nought_at_the_best_of_either_sign():
    assert regret(np.array([2.0, 3.0]), 2.0).tolist() == [0.0, 0.5]
    assert regret(np.array([-2.0, -1.0]), -2.0).tolist() == [0.0, 0.5]
    assert np.isnan(regret(np.array([math.inf]), 2.0)).all()


def test_rows_that_are_better_are_counted_and_those_that_diverged_are_not():
    lows = np.array([4.0, 1.0, math.inf, 2.0])
    found = better_rows(np.array([1.0, 2.0, 5.0, math.inf, np.nan]), lows)
    assert found[:4].tolist() == [0.0, 0.25, 0.75, 0.75]
    assert np.isnan(found[4])
