"""What each searcher is for."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.core.searcher import Observed
from hpo.searchers.base import quasi_random_search, random_search
from hpo.searchers.bayesian import bayesian_search, expected_improvement
from hpo.searchers.bohb import bohb_search
from hpo.space import Categorical, Float, Int, LogFloat, LogInt, Space, When

SPACE = Space(
    {
        "train.learning_rate": LogFloat(1e-5, 1e-1),
        "train.clip": Float(0, 1, 0.05),
        "model.width": LogInt(8, 256, 8),
        "model.backbone": Categorical("gnn_lsh", "favor", "attention"),
        "model.heads": When("model.backbone", ("favor", "attention"), Int(1, 8)),
    }
)
SEARCHERS = {
    "random": random_search,
    "quasi random": quasi_random_search,
    "bayesian": lambda space: bayesian_search(space, candidates=64),
    "bohb": lambda space: bohb_search(space, random_share=0),
}
every = pytest.mark.parametrize("make", SEARCHERS.values(), ids=SEARCHERS.keys())
learning = pytest.mark.parametrize("make", [SEARCHERS["bayesian"], SEARCHERS["bohb"]])
few = settings(max_examples=5, deadline=None)


def loss(configuration):
    rate = math.log10(configuration["train.learning_rate"])
    return (rate + 3) ** 2 + configuration["train.clip"] + configuration.get("model.heads", 4) / 8


def ask(searcher, seed, number, observed):
    if searcher.suggest is None:
        return searcher.propose(seed, number)
    return searcher.suggest(seed, number, observed)


def test_learning_searchers_of_different_settings_are_told_apart():
    assert bayesian_search(SPACE, startup=9).settings != bayesian_search(SPACE).settings
    assert bohb_search(SPACE, good_share=0.2).settings != bohb_search(SPACE).settings


@given(seed=st.integers(0, 99), numbers=st.permutations(range(250, 262)))
@few
def test_quasi_random_points_do_not_depend_on_the_order_of_asking(seed, numbers):
    space = Space({"a": Float(0, 1), "b": Float(0, 1)})
    asked = {n: quasi_random_search(space).propose(seed, n) for n in numbers}
    from scipy.stats import qmc

    sobol = qmc.Sobol(2, rng=np.random.default_rng(np.random.SeedSequence((seed, 2))))
    expected = sobol.random(512)
    for number, configuration in asked.items():
        np.testing.assert_array_equal([*configuration.values()], expected[number])


def test_quasi_random_points_are_more_even_than_random_ones():
    from scipy.stats import qmc

    space = Space({name: Float(0, 1) for name in "abc"})

    def unevenness(searcher, seed):
        points = [[*searcher.propose(seed, n).values()] for n in range(64)]
        return qmc.discrepancy(np.array(points))

    pairs = [
        (unevenness(quasi_random_search(space), s), unevenness(random_search(space), s))
        for s in range(5)
    ]
    assert all(2 * even < uneven for even, uneven in pairs)


def study(searcher, seed, trials, objective=loss):
    observed = ()
    for number in range(trials):
        configuration = ask(searcher, seed, number, observed)
        observed += (Observed(number, configuration, (objective(configuration),), False),)
    return np.array([t.curve[0] for t in observed])


@learning
def test_learning_helps(make):
    """Half of the trials after learning, against random ones of the same seeds."""
    pairs = [
        (
            np.median(study(searcher, seed, 40)[20:])
            for searcher in (make(SPACE), random_search(SPACE))
        )
        for seed in range(2)
    ]
    assert all(learned < 0.7 * drawn for learned, drawn in pairs)


def test_workers_that_ask_at_once_are_sent_to_different_places():
    searcher = bayesian_search(SPACE)
    observed = tuple(
        Observed(n, c, (loss(c),), False)
        for n, c in ((n, random_search(SPACE).propose(0, n)) for n in range(12))
    )
    for number in range(12, 20):
        configuration = searcher.suggest(0, number, observed)
        observed += (Observed(number, configuration, (), False),)
    points = np.array([SPACE.encode(t.configuration) for t in observed[12:]])
    apart = np.linalg.norm(points[:, None] - points[None], axis=-1)[np.triu_indices(8, 1)]
    assert apart.min() > 0.02


def test_where_trials_fail_nobody_is_sent_again():
    space = Space({"x": Float(0, 1), "y": Float(0, 1)})
    observed = ()
    for number in range(16):
        c = quasi_random_search(space).propose(1, number)
        observed += (Observed(number, c, (c["y"],), c["x"] < 0.5),)
    sent = [bayesian_search(space).suggest(seed, 16, observed)["x"] for seed in range(5)]
    assert min(sent) > 0.45


def test_small_spaces_are_not_tried_twice_before_they_are_exhausted():
    space = Space({"a": Int(1, 3), "b": Categorical("x", "y")})
    searcher, observed = bayesian_search(space, startup=2), ()
    for number in range(8):
        c = searcher.suggest(0, number, observed)
        observed += (Observed(number, c, (c["a"] + (c["b"] == "x"),), False),)
    tried = [tuple(sorted(t.configuration.items())) for t in observed[2:]]
    first = {tuple(sorted(t.configuration.items())) for t in observed[:2]}
    assert len({*tried, *first}) == 6


def test_long_histories_are_thinned_not_refused():
    observed = tuple(
        Observed(n, c, (loss(c),), False)
        for n, c in ((n, random_search(SPACE).propose(0, n)) for n in range(150))
    )
    SPACE.check(bayesian_search(SPACE, candidates=16).suggest(0, 150, observed))


def test_expected_improvement_is_the_mean_of_improvements():
    generator = np.random.default_rng(0)
    mean, spread = np.array([0.5, -1.0, 2.0]), np.array([1.0, 0.2, 3.0])
    draws = generator.normal(mean, spread, (400_000, 3))
    expected = np.maximum(0.1 - draws, 0).mean(0)
    np.testing.assert_allclose(expected_improvement(mean, spread, 0.1), expected, rtol=0.01)
    np.testing.assert_allclose(expected_improvement(mean, np.zeros(3), 0.1), [0, 1.1, 0])


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: bayesian_search(SPACE, startup=1), "startup must be at least 2"),
        (lambda: bayesian_search(SPACE, candidates=0), "candidates 1"),
        (lambda: bohb_search(SPACE, startup=0), "startup must be at least 2"),
        (lambda: bohb_search(SPACE, good_share=1.5), "good_share must lie between"),
        (lambda: bohb_search(SPACE, widening=0), "widening positive"),
    ],
)
def test_settings_out_of_range_are_refused(make, complaint):
    with pytest.raises(ValueError, match=complaint):
        make()
