"""Chances against many draws."""

import numpy as np
import pytest
from scipy import stats

from hpo.forecasting.chances import chance_below, chance_of_place


def test_chances_are_those_of_many_draws():
    mean, spread = np.array([0.0, 0.3, 1.0, 2.0]), np.array([0.3, 0.1, 0.5, 0.2])
    finished = np.array([0.5, 1.5])
    ours, needed = chance_of_place(finished, mean, spread, 8.0, 2)
    generator = np.random.default_rng(0)
    draws = mean + spread * generator.standard_t(8, (200_000, 4))
    everybody = np.concatenate([np.tile(finished, (len(draws), 1)), draws], 1)
    second = np.sort(everybody, 1)[:, 1]
    np.testing.assert_allclose(ours, (draws <= second[:, None]).mean(0), atol=0.08)
    assert needed == pytest.approx(np.median(second), abs=0.05)
    below = chance_below(mean, spread, 8.0, 0.5)
    np.testing.assert_allclose(below, stats.t(8).cdf((0.5 - mean) / spread))


def test_where_there_is_room_for_all_everybody_has_a_place():
    chance, _ = chance_of_place(np.array([1.0]), np.array([9.0]), np.array([1.0]), 3.0, 2)
    assert chance.tolist() == [1.0]
    chance, _ = chance_of_place(np.array([1.0]), np.array([9.0]), np.array([0.1]), 30.0, 1)
    assert chance.tolist() == [0.0]
