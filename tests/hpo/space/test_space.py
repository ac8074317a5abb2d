"""Spaces: configurations, the unit cube, conditions, JSON."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.searchers.base import random_search
from hpo.space import (
    Categorical,
    Float,
    Int,
    LogFloat,
    Space,
    When,
    space_around,
    space_from_settings,
)
from tests.hpo.space.random_spaces import many, spaces

units = st.lists(st.floats(0, 1), min_size=5, max_size=5)


def test_a_trial_is_a_function_of_seed_and_number():
    searcher = random_search(CONDITIONAL)
    drawn = searcher.propose(11, 1999)
    reordered = random_search(Space(dict(reversed(CONDITIONAL.parameters.items()))))
    assert reordered.propose(11, 1999) == drawn
    assert searcher.propose(12, 1999) != drawn


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
        (lambda: Space({}), "empty"),
        (lambda: Space({"train.lr": 0.1}), "train.lr"),
        (lambda: Space({"train..lr": Float(0, 1)}), "no name"),
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


def test_none_is_a_value_and_not_the_absence_of_one():
    inner = When("kind", ("b",), Categorical(None, "c"))
    space = Space({"kind": Categorical("a", "b"), "inner": inner})
    present = space.features({"kind": "b", "inner": None})
    absent = space.features({"kind": "a"})
    assert sum(present > 0) == 2
    assert sum(absent > 0) == 1
