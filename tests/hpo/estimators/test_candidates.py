"""What is drawn is what was asked for, and the order of rows in which samples grow."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import hpo
from hpo.estimators.candidates import candidates
from hpo.estimators.folds import growing

DISTRIBUTIONS = {
    "uniform": stats.uniform(2, 3),
    "loguniform": stats.loguniform(1e-3, 1e2),
    "shifted": stats.loguniform(1e-3, 1e2, loc=5),
    "normal": stats.norm(1, 2),
    "integers": stats.randint(3, 9),
    "poisson": stats.poisson(4),
}


def drawn(space, count=400):
    found = candidates(space)
    return [found.values(found.searcher.propose(0, number)) for number in range(count)]


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_values_have_their_distribution(name):
    distribution = DISTRIBUTIONS[name]
    values = np.array([params["x"] for params in drawn({"x": distribution})])
    if hasattr(distribution, "pmf"):
        assert values.dtype.kind == "i"
        kinds, counts = np.unique(values, return_counts=True)
        assert np.abs(counts / len(values) - distribution.pmf(kinds)).max() < 0.07
        assert kinds.min() >= distribution.support()[0]
        assert kinds.max() <= distribution.support()[1]
    else:
        assert stats.kstest(values, distribution.cdf).pvalue > 0.01


class Own:
    """Somebody's own distribution."""

    def rvs(self, random_state=None):
        return float(random_state.uniform(10, 11))


def test_anything_can_be_one_of_a_list():
    one, other = stats.norm(), [1, 2]
    found = drawn({"x": [one, other, None], "y": ["a", "a", "b"], "z": Own()}, 60)
    assert {id(params["x"]) for params in found} == {id(one), id(other), id(None)}
    assert 0.5 < np.mean([params["y"] == "a" for params in found]) < 0.85
    assert len({params["z"] for params in found}) == 60
    assert all(10 <= params["z"] <= 11 for params in found)


def test_of_several_mappings_each_trial_has_one():
    several = [{"kernel": ["rbf"], "gamma": stats.uniform(0, 1)}, {"kernel": ["linear"]}]
    found = drawn(several, 50)
    assert {frozenset(p) for p in found} == {frozenset({"kernel", "gamma"}), frozenset({"kernel"})}
    assert all((p["kernel"] == "rbf") == ("gamma" in p) for p in found)


def test_entries_of_a_space_are_themselves():
    space = hpo.Space({"x": hpo.Int(1, 3), "y": hpo.When("x", (2,), hpo.LogFloat(0.1, 1))})
    for params in drawn(space, 30):
        space.check(params)
    assert drawn(dict(space.parameters), 30) == drawn(space, 30)


@given(st.data())
def test_samples_grow_with_every_class_in_proportion(data):
    """Any beginning has each class within one row of its share or two, and all classes once it has
    as many rows."""
    counts = data.draw(st.lists(st.integers(1, 30), min_size=1, max_size=5))
    labels = np.repeat(np.arange(len(counts)), counts)
    rows = np.flatnonzero(np.ones(len(labels)))
    order = growing(rows, labels, np.random.default_rng(data.draw(st.integers(0, 99))))
    assert sorted(order) == rows.tolist()
    for size in range(len(counts), len(rows) + 1):
        found = np.bincount(labels[order[:size]], minlength=len(counts))
        assert found.min() >= 1
        assert np.abs(found - size * np.array(counts) / len(rows)).max() <= len(counts)
