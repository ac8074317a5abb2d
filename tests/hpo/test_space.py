import math

import numpy as np
import pytest
from scipy import stats

from hpo.searchers import random_search
from hpo.space import Categorical, Float, Int, LogFloat, Space

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


def test_a_trial_is_a_function_of_seed_and_number(drawn):
    searcher = random_search(Space(dict(reversed(SPACE.parameters.items()))))
    assert searcher.propose(11, 1999) == drawn[1999]
    assert searcher.propose(12, 1999) != drawn[1999]


def test_ends_of_a_range_belong_to_it():
    generator = np.random.default_rng(0)
    for value in (0.1, 1e-6, 3.3):
        assert LogFloat(value, value).draw(generator) == value
        assert Float(value, value).draw(generator) == value


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: Float(1, 0), "empty"),
        (lambda: LogFloat(0, 1), "above 0"),
        (lambda: Int(3, 2), "empty"),
        (lambda: Float(0, math.inf), "finite"),
        (lambda: Categorical(), "at least one"),
        (lambda: Categorical([1, 2]), "plain"),
        (lambda: Space({}), "empty"),
        (lambda: Space({"train.lr": 0.1}), "train.lr"),
    ],
)
def test_spaces_without_values_are_refused(make, complaint):
    with pytest.raises(ValueError, match=complaint):
        make()
