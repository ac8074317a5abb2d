import json
import math
import string

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from hpo.searchers.base import random_search
from hpo.space import (
    Categorical,
    Float,
    Int,
    LogFloat,
    LogInt,
    Space,
    When,
    space_around,
    space_from_settings,
)

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


floats = st.floats(-1e6, 1e6, allow_nan=False)
positive = st.floats(1e-8, 1e8)
values = st.lists(
    st.one_of(st.integers(-5, 5), st.booleans(), st.text(max_size=3), floats),
    min_size=1,
    max_size=5,
    unique_by=lambda v: (v, isinstance(v, bool)),
)


@st.composite
def parameters(draw):
    kind = draw(st.sampled_from([Float, LogFloat, Int, LogInt, Categorical]))
    if kind is Categorical:
        return Categorical(*draw(values))
    if kind.integer:
        low, high = sorted(draw(st.tuples(*[st.integers(1, 10**6)] * 2)))
        step = draw(st.none() | st.integers(1, 50))
    else:
        low, high = sorted(draw(st.tuples(*[positive if kind.log else floats] * 2)))
        step = draw(st.none() | st.floats(0.01, 50))
    if kind.log and step:
        assume(step <= low)
    return kind(low, high, step) if step else kind(low, high)


@st.composite
def spaces(draw):
    """Up to five hyperparameters; some of them under a condition on one before them."""
    chosen = {}
    for name in draw(
        st.lists(st.text(string.ascii_lowercase, min_size=1), min_size=1, max_size=5, unique=True)
    ):
        parameter = draw(parameters())
        parents = [
            n for n, p in chosen.items() if isinstance(getattr(p, "parameter", p), Categorical)
        ]
        if parents and draw(st.booleans()):
            parent = draw(st.sampled_from(parents))
            options = getattr(chosen[parent], "parameter", chosen[parent]).values
            parameter = When(
                parent, tuple(draw(st.lists(st.sampled_from(options), min_size=1))), parameter
            )
        chosen[name] = parameter
    return Space(chosen)


units = st.lists(st.floats(0, 1), min_size=5, max_size=5)
many = settings(max_examples=60, deadline=None)


@many
@given(space=spaces(), seed=st.integers(0, 99))
def test_what_is_drawn_is_of_the_space_and_is_found_again_in_the_cube(space, seed):
    drawn = space.draw(np.random.default_rng(seed))
    space.check(drawn)
    point = space.encode(drawn)
    assert point.shape == (len(space.parameters),)
    assert ((point >= 0) & (point <= 1)).all()
    back = space.decode(point)
    assert back.keys() == drawn.keys()
    for name, value in back.items():
        assert type(value) is type(drawn[name])
        assert value == (
            pytest.approx(drawn[name], rel=1e-6, abs=1e-9)
            if isinstance(value, float)
            else drawn[name]
        )


@many
@given(space=spaces(), point=units)
def test_every_point_of_the_cube_is_a_configuration(space, point):
    point = point[: len(space.parameters)]
    configuration = space.decode(point)
    space.check(configuration)
    again = space.decode(space.encode(configuration))
    assert again.keys() == configuration.keys()
    for name, value in again.items():
        assert value == (
            pytest.approx(configuration[name], rel=1e-6, abs=1e-9)
            if isinstance(value, float)
            else configuration[name]
        )


@many
@given(space=spaces())
def test_a_space_round_trips_through_json(space):
    read = space_from_settings(json.loads(json.dumps(space.settings)))
    assert read.settings == space.settings
    assert json.dumps(read.settings) == json.dumps(space.settings)
    assert read.draw(np.random.default_rng(4)) == space.draw(np.random.default_rng(4))


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


CONDITIONAL = Space(
    {
        "model.backbone": Categorical("gnn_lsh", "favor", "attention"),
        "model.heads": When("model.backbone", ("favor", "attention"), Int(1, 8)),
        "model.mixed": When("model.backbone", ["favor"], Categorical(True, False)),
        "model.share": When("model.mixed", (True,), Float(0, 1)),
        "train.learning_rate": LogFloat(1e-5, 1e-2),
    }
)


def test_a_condition_decides_who_is_named():
    for number in range(200):
        drawn = random_search(CONDITIONAL).propose(0, number)
        assert ("model.heads" in drawn) == (drawn["model.backbone"] != "gnn_lsh")
        assert ("model.mixed" in drawn) == (drawn["model.backbone"] == "favor")
        assert ("model.share" in drawn) == (drawn.get("model.mixed") is True)


def test_features_hold_categories_equally_far_apart():
    kinds = ("gnn_lsh", "favor", "attention")
    rest = {"model.heads": 4, "train.learning_rate": 1e-3}
    space = Space({**CONDITIONAL.parameters, "model.heads": Int(1, 8)})
    space = Space(
        {n: p for n, p in space.parameters.items() if n not in ("model.mixed", "model.share")}
    )
    rows = np.array([space.features({"model.backbone": k, **rest}) for k in kinds])
    distances = np.linalg.norm(rows[:, None] - rows[None], axis=-1)
    np.testing.assert_allclose(distances, 1 - np.eye(3), atol=1e-12)


@pytest.mark.parametrize(
    ("configuration", "complaint"),
    [
        ({"model.backbone": "gnn"}, "model.backbone: 'gnn' is none of 'gnn_lsh', 'favor'"),
        ({"model.backbone": "gnn_lsh"}, "train.learning_rate is missing"),
        ({"model.backbone": "favor"}, "model.heads is missing"),
        ({"model.backbone": "gnn_lsh", "model.heads": 2}, "model.heads plays no part here"),
        (
            {"model.backbone": "attention", "model.heads": 9},
            r"model.heads: 9 lies outside Int\(1, 8\)",
        ),
        ({"model.backbone": "attention", "model.heads": 2.5}, "model.heads: 2.5 is no integer"),
        ({"model.width": 2}, "model.width is not in the space"),
    ],
)
def test_what_is_no_configuration_is_told_by_field(configuration, complaint):
    with pytest.raises(ValueError, match=complaint):
        CONDITIONAL.encode(configuration)


@many
@given(space=spaces(), seed=st.integers(0, 99))
def test_a_space_around_configurations_holds_them(space, seed):
    plain = Space({n: getattr(p, "parameter", p) for n, p in space.parameters.items()})
    generator = np.random.default_rng(seed)
    drawn = [plain.draw(generator) for _ in range(5)]
    around = space_around(drawn)
    for configuration in drawn:
        around.check(configuration)


def test_a_space_around_tells_numbers_from_truth_values():
    assert space_around([{"a": 0}, {"a": False}]).settings == {"a": ["Categorical", 0, False]}
    space_around([{"a": False}, {"a": 0}]).check({"a": 0})


def test_a_space_around_configurations_guesses_scales():
    rows = [{"lr": 1e-5, "n": 1, "w": 8, "k": "a"}, {"lr": 1e-2, "n": 4, "w": 256, "k": "b"}]
    assert space_around(rows).settings == {
        "k": ["Categorical", "a", "b"],
        "lr": ["LogFloat", 1e-5, 1e-2],
        "n": ["Int", 1, 4],
        "w": ["LogInt", 8, 256],
    }
    for bad, word in (([], "no configurations"), ([{"a": 1}, {"b": 1}], "a is named by some")):
        with pytest.raises(ValueError, match=word):
            space_around(bad)


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
        (lambda: Space({"train..lr": Float(0, 1)}), "no name"),
        (lambda: Float(0, 1, 0), "step must be above 0"),
        (lambda: Float("0", 1), "'0' is no number"),
        (lambda: Int(0.5, 2), "0.5 is no integer"),
        (lambda: LogInt(0, 2), "above 0"),
        (lambda: LogFloat(0.1, 2, 0.5), "low must not be below step"),
        (lambda: Categorical("a", "b", "a"), "'a' is given twice"),
        (lambda: When("b", (), Float(0, 1)), "at least one value"),
        (lambda: When("b", (1,), When("c", (1,), Float(0, 1))), "is no Float"),
        (lambda: Space({"a": When("b", (1,), Float(0, 1))}), "a: its condition names b"),
        (
            lambda: Space({"a": When("b", (1,), Int(1, 2)), "b": When("a", (1,), Int(1, 2))}),
            "leads back",
        ),
        (
            lambda: Space({"b": Categorical("x"), "a": When("b", ("y",), Float(0, 1))}),
            "a: b can never be 'y'",
        ),
        (lambda: space_from_settings({"train.lr": ["LogFloat", 1, 0]}), "train.lr: .*empty"),
        (lambda: space_from_settings({"train.lr": ["Normal", 1, 0]}), "train.lr: 'Normal' is no"),
        (lambda: space_from_settings({"train.lr": ["Float"]}), "train.lr: "),
        (lambda: space_from_settings({"train.lr": 3}), "train.lr: 3 is no parameter"),
        (lambda: space_from_settings([]), "no search space"),
        (lambda: Space({"x": Float(0, 1)}).decode([0.1, 0.2]), "2 coordinates for 1"),
    ],
)
def test_spaces_without_values_are_refused(make, complaint):
    with pytest.raises(ValueError, match=complaint):
        make()
