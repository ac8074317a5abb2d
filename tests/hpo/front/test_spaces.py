import numpy as np
import pytest

import hpo
from hpo.front.spaces import space_of, with_first


def test_values_may_be_none_and_tuples_and_of_numpy(tmp_path):
    """Through a worker, and through a log that is read again."""
    space = {
        "hidden": hpo.Categorical((16,), (16, 16), None),
        "rate": hpo.LogFloat(np.float32(0.5), np.float64(2)),
        "depth": hpo.Int(np.int64(1), np.int8(3)),
        "size": hpo.Categorical(np.int64(8), np.float32(0.5)),
    }

    def objective(trial):
        params = trial.params
        assert params["hidden"] in [(16,), (16, 16), None]
        assert type(params["size"]) in (int, float)
        return ({"loss": len(params["hidden"] or ()) + params["rate"]} for _ in trial.epochs)

    def study(workers):
        return hpo.tune(
            objective, space, max_epochs=4, scheduler="hyperband", eta=2, seed=1,
            workers=workers, folder=tmp_path, verbose=False,
        )  # fmt: skip

    first, again = study(2), study(1)
    assert not any(trial.error for trial in first.trials)
    assert [t.params for t in again.trials] == [t.params for t in first.trials]
    assert {t.params["hidden"] for t in first.trials} == {(16,), (16, 16), None}
    assert hpo.space_from_settings(hpo.Space(space).settings) == hpo.Space(space)


class FloatDistribution:
    """As Optuna's, which is not needed to tell what it says."""

    def __init__(self, low, high, log=False, step=None):
        self.low, self.high, self.log, self.step = low, high, log, step


class IntDistribution(FloatDistribution):
    def __init__(self, low, high, log=False, step=1):
        super().__init__(low, high, log, step)


class CategoricalDistribution:
    def __init__(self, choices):
        self.choices = choices


class LogUniformDistribution:  # of Optuna before 3.0
    low, high = 0.1, 1.0


def kinds():
    """Optuna's own where it is installed."""
    own = (FloatDistribution, IntDistribution, CategoricalDistribution)
    try:
        from optuna import distributions
    except ImportError:
        return [own]
    return [own, tuple(getattr(distributions, kind.__name__) for kind in own)]


@pytest.mark.parametrize(("real", "whole", "choice"), kinds())
def test_distributions_of_optuna(real, whole, choice):
    found = space_of(
        {
            "a": real(0.0, 1.0),
            "b": real(0.1, 1.0, log=True),
            "c": real(0.0, 1.0, step=0.25),
            "d": whole(1, 9),
            "e": whole(1, 9, log=True),
            "f": whole(1, 9, step=2),
            "g": choice(("adam", None, 1)),
            "h": LogUniformDistribution(),
        }
    )
    assert found == hpo.Space(
        {
            "a": hpo.Float(0.0, 1.0),
            "b": hpo.LogFloat(0.1, 1.0),
            "c": hpo.Float(0.0, 1.0, 0.25),
            "d": hpo.Int(1, 9),
            "e": hpo.LogInt(1, 9),
            "f": hpo.Int(1, 9, 2),
            "g": hpo.Categorical("adam", None, 1),
            "h": hpo.LogFloat(0.1, 1.0),
        }
    )


@pytest.mark.parametrize(
    ("space", "complaint"),
    [
        ({}, "the search space is empty"),
        ({"lr": 0.1}, r"lr: 0.1 is no Float, LogFloat, Int, LogInt or Categorical"),
        ({"lr": [0.1, 1.0]}, r"where it is one of several, Categorical\(\*\[0.1, 1.0\]\)"),
        ({"lr": (0.1, 1.0)}, r"lr: .*a range is Float\(\*\(0.1, 1.0\)\).*Categorical\(\*\(0.1"),
        ({3: hpo.Float(0, 1)}, "3 is no name"),
        ({"lr": FloatDistribution(2.0, 1.0)}, r"lr: .*FloatDistribution.*is empty"),
        ({"lr": CategoricalDistribution(([1],))}, "lr: .*one by one"),
    ],
)
def test_what_is_no_space_is_named(space, complaint):
    with pytest.raises(ValueError, match=complaint):
        space_of(space)


def test_the_first_trials_are_as_wished_and_the_others_as_proposed():
    space = hpo.Space({"x": hpo.Float(0, 1), "kind": hpo.Categorical("a", "b"),
                       "depth": hpo.When("kind", ("b",), hpo.Int(1, 3))})  # fmt: skip
    plain = hpo.random_search(space)
    wished = [{"x": np.float64(0.5), "kind": "a"}, {"x": 0.25}]
    searcher = with_first(plain, space, wished, seed=3)
    assert searcher.propose(3, 0) == {"x": 0.5, "kind": "a"}
    assert searcher.propose(3, 1) == {**plain.propose(3, 1), "x": 0.25}
    assert [searcher.propose(3, n) for n in range(2, 9)] == [plain.propose(3, n) for n in range(7)]
    assert searcher.settings != plain.settings
    for number in range(9):
        space.check(searcher.propose(3, number))
