"""Samplers by name, one in place of another, and what all of them refuse."""

import numpy as np
import pytest

from qsvr import QSVR
from qsvr.encoding import Encoding
from qsvr.problem import Problem
from qsvr.samplers.catalogue import Fallback, sampler_of
from qsvr.samplers.exact import MAX_EXACT, Exact
from qsvr.samplers.level_gibbs import LevelGibbs
from qsvr.samplers.ocean import Ocean
from qsvr.samplers.remote import AnnealerError
from qsvr.samplers.zoom import Zoom, capacity


def regression(rows: int) -> Problem:
    """A regression on random points."""
    random = np.random.default_rng(rows)
    X = random.normal(size=(rows, 2))
    kernel_matrix = np.exp(-0.5 * ((X[:, None] - X) ** 2).sum(-1))
    targets = random.normal(size=rows)
    return Problem(kernel_matrix, targets, Encoding.from_box(2.0, 3), 0.05, 0.05)


def test_names_and_sizes_are_checked():
    with pytest.raises(ValueError, match="simulated_annealing"):
        sampler_of("annealing", 1, 1)
    with pytest.raises(ValueError, match="at least 1"):
        sampler_of("tabu", 0, 1)
    with pytest.raises(ValueError, match="rounds"):
        Zoom(rounds=0)(regression(2), 0)
    with pytest.raises(ValueError, match="no scale of energy"):
        LevelGibbs()(Problem(np.zeros((2, 2)), np.ones(2), Encoding.from_box(1.0, 2), 0.1, 0.0), 0)
    huge = Problem(np.eye(2), np.array([1e300, -1e300]), Encoding.from_box(1.0, 2), 0.1, 0.1)
    with pytest.raises(ValueError, match="beyond the 32-bit numbers"):
        LevelGibbs()(huge, 0)


def test_a_fallback_is_named_in_the_result():
    def lost(problem, seed):
        raise AnnealerError("the annealer leap gave no answer within 1 s")

    problem, second = regression(3), LevelGibbs(20, 100)
    samples = Fallback(lost, second)(problem, 5)
    np.testing.assert_array_equal(samples.betas, second(problem, 5).betas)
    assert "no answer within 1 s" in samples.details["fallback"]
    assert samples.sampler == repr(second)
    assert "fallback" not in Fallback(second, lost)(problem, 5).details
    assert capacity(Fallback(Exact(), second)) == MAX_EXACT


class Lost:
    """An annealer that cannot be reached, not even to say how much it takes."""

    def capacity(self) -> int:
        raise AnnealerError("the annealer leap cannot be used")

    def __call__(self, problem: Problem, seed: int):
        raise AnnealerError("the annealer leap cannot be used")


def test_a_fallback_stands_in_for_one_that_does_not_tell_its_capacity():
    random = np.random.default_rng(0)
    X = random.normal(size=(8, 2))
    model = QSVR(sampler=Fallback(Lost(), LevelGibbs(8, 20)), bits=2).fit(X, X[:, 0])
    assert [call["fallback"] for call in model.calls_] == ["the annealer leap cannot be used"]
    assert capacity(Fallback(Lost(), Exact())) == MAX_EXACT
    small = QSVR(sampler=Fallback(Lost(), Exact()), bits=2, random_state=0).fit(X, X[:, 0])
    assert [len(member.rows) for member in small.members_] == [5, 5]
    with pytest.raises(AnnealerError, match="cannot be used"):
        QSVR(sampler=Fallback(Lost(), Lost())).fit(X, X[:, 0])


def nothing():
    """A dimod sampler that returns no read."""
    import dimod

    class Empty(dimod.Sampler):
        parameters = properties = {}  # noqa: RUF012

        def sample(self, model, **_):
            names = list(model.variables)
            states = (np.empty((0, len(names)), np.int8), names)
            return dimod.SampleSet.from_samples(states, energy=[], vartype="BINARY")

    return Ocean(Empty())


@pytest.mark.parametrize("wrap", [lambda s: s, Zoom], ids=["itself", "zoom"])
def test_no_reads_are_no_answer(wrap):
    sampler = wrap(nothing())
    X = np.random.default_rng(0).normal(size=(8, 2))
    with pytest.raises(AnnealerError, match=r"Ocean\(.*returned no reads"):
        QSVR(sampler=sampler, bits=2).fit(X, X[:, 0])
    model = QSVR(sampler=Fallback(sampler, LevelGibbs(8, 20)), bits=2).fit(X, X[:, 0])
    assert "returned no reads" in model.calls_[0]["fallback"]
