"""Single hyperparameters: how they are drawn, and their way from and to [0, 1]."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hpo.searchers.base import random_search
from hpo.space import Categorical, Float, Int, LogFloat, LogInt, Space, When
from tests.hpo.space.random_spaces import many, parameters

SPACE = Space(
    {
        "train.learning_rate": LogFloat(1e-6, 1e-1),
        "train.dropout": Float(0.1, 0.5),
        "model.layers": Int(1, 4),
        "model.backbone": Categorical("gnn_lsh", "attention"),
    }
)


@pytest.fixture(scope="module")
def drawn():
    searcher = random_search(SPACE)
    return [searcher.propose(11, number) for number in range(2000)]


@pytest.mark.parametrize(
    ("name", "distribution"),
    [
        ("train.learning_rate", stats.loguniform(1e-6, 1e-1)),
        ("train.dropout", stats.uniform(0.1, 0.4)),
    ],
)
def test_draws_follow_their_distribution(drawn, name, distribution):
    assert stats.kstest([c[name] for c in drawn], distribution.cdf).pvalue > 1e-3


def test_every_value_is_equally_likely(drawn):
    for name, values in (
        ("model.layers", range(1, 5)),
        ("model.backbone", ("gnn_lsh", "attention")),
    ):
        counts = [sum(c[name] == value for c in drawn) for value in values]
        assert sum(counts) == len(drawn)
        assert stats.chisquare(counts).pvalue > 1e-3


def test_ends_of_a_range_belong_to_it():
    generator = np.random.default_rng(0)
    for value in (0.1, 1e-6, 3.3):
        assert LogFloat(value, value).draw(generator) == value
        assert Float(value, value).draw(generator) == value


@many
@given(parameter=parameters(), low=st.floats(0, 1), high=st.floats(0, 1))
def test_the_way_from_the_cube_is_monotonic(parameter, low, high):
    low, high = sorted((low, high))
    if isinstance(parameter, Categorical):
        order = [parameter.values.index(parameter.at(u)) for u in (low, high)]
    else:
        order = [parameter.at(low), parameter.at(high)]
    assert order[0] <= order[1]


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        (Float(0.1, 0.5, 0.1), [0.1, 0.2, 0.3, 0.4, 0.5]),
        (Float(0, 1, 0.3), [0.0, 0.3, 0.6, 0.9]),
        (Int(8, 32, 8), [8, 16, 24, 32]),
        (LogInt(1, 4), [1, 2, 3, 4]),
        (LogFloat(1, 2, 0.5), [1.0, 1.5, 2.0]),
    ],
)
def test_steps_are_met_exactly_and_all_of_them(parameter, expected):
    grid = [parameter.at(u) for u in np.linspace(0, 1, 2001)]
    assert sorted(set(grid)) == expected
    assert {type(v) for v in grid} == {int if parameter.integer else float}
    drawn = [parameter.draw(np.random.default_rng(i)) for i in range(200)]
    assert set(drawn) == set(expected)


def test_log_integers_are_uniform_in_the_logarithm():
    parameter = LogInt(2, 200)
    drawn = np.array([parameter.draw(np.random.default_rng(i)) for i in range(3000)])
    edges = np.array([1.5, 4.5, 13.5, 40.5, 200.5])
    expected = np.diff(np.log(edges)) / np.log(200.5 / 1.5) * len(drawn)
    assert stats.chisquare(np.histogram(drawn, edges)[0], expected).pvalue > 1e-3


@pytest.mark.parametrize(
    "parameter",
    [
        Float(-8e307, 8e307), Float(0, 5e-324), Float(1, 1 + 2**-52), Float(0, 1e300, 0.5),
        Float(0, 1, 1e-300), LogFloat(5e-324, 1.7e308), Int(0, 2**63 - 1), Int(2**70, 2**70 + 3),
        LogInt(1, 2**80),
    ],
    ids=str,
)  # fmt: skip
def test_ranges_of_any_size_are_drawn_from(parameter):
    for seed in range(20):
        parameter.check(parameter.draw(np.random.default_rng(seed)))
    for unit in (0.0, 0.3, 1.0):
        parameter.check(parameter.at(unit))
        assert 0 <= parameter.unit(parameter.at(unit)) <= 1


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: Float(1, 0), "empty"),
        (lambda: LogFloat(0, 1), "above 0"),
        (lambda: Int(3, 2), "empty"),
        (lambda: Float(0, math.inf), "finite"),
        (lambda: Categorical(), "at least one"),
        (lambda: Categorical([1, 2]), "plain"),
        (lambda: Float(0, 1, 0), "step must be above 0"),
        (lambda: Float("0", 1), "'0' is no number"),
        (lambda: Int(0.5, 2), "0.5 is no integer"),
        (lambda: LogInt(0, 2), "above 0"),
        (lambda: LogFloat(0.1, 2, 0.5), "low must not be below step"),
        (lambda: Categorical("a", "b", "a"), "'a' is given twice"),
        (lambda: When("b", (), Float(0, 1)), "at least one value"),
        (lambda: When("b", (1,), When("c", (1,), Float(0, 1))), "is no Float"),
        (lambda: Float(0, math.nan), "finite"),
        (lambda: Int(0, 10**400), "finite"),
        (lambda: Float(-1.7e308, 1.7e308), "beyond the range of numbers"),
        (lambda: Int(0, 2**63), r"draws at most 2\^63 integers"),
    ],
)
def test_parameters_without_values_are_refused(make, complaint):
    with pytest.raises(ValueError, match=complaint):
        make()
