"""Several QUBOs for one regression: their rows, their weights, and what is kept of them."""

import pickle
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import r2_score

from qsvr import QSVR, Fallback, LevelGibbs, SimulatedAnnealing
from qsvr.ensemble import blocks
from qsvr.kernels import rbf
from qsvr.samplers.remote import AnnealerError


def wave(rows: int, seed: int = 0, features: int = 2):
    random = np.random.default_rng(seed)
    X = random.uniform(0, 1, (rows, features))
    return X, 300 + 20 * np.sin(4 * X[:, 0]) + 10 * X[:, 1] ** 2


@settings(deadline=None)
@given(rows=st.integers(1, 200), most=st.integers(3, 60), seed=st.integers(0, 9))
def test_blocks_are_full_as_few_as_can_be_and_hold_every_row(rows, most, seed):
    order = np.random.default_rng(seed).permutation(rows)
    made = blocks(order, most)
    assert len(made) == -(-rows // most)
    assert {len(block) for block in made} == {min(rows, most)}
    assert all((np.diff(block) > 0).all() for block in made)
    assert sorted(set(np.concatenate(made))) == list(range(rows))
    counts = np.bincount(np.concatenate(made))
    # spread evenly: nobody is in more blocks than the rows to spare ask for
    assert counts.max() <= -(-most * len(made) // rows) + 1
    if rows % most == 0:
        assert (counts == 1).all()


def test_one_row_more_than_a_qubo_takes_costs_no_accuracy():
    """Two models of nearly all rows are about as good as one, and not as one of half of them."""
    scores = []
    for rows in (24, 25, 12):
        found = []
        for seed in range(6):
            X, y = wave(rows, seed, features=4)
            unseen, truth = wave(300, seed + 100, features=4)
            model = QSVR(max_rows=24, random_state=seed, bits=4, reads=32, sweeps=100).fit(X, y)
            found.append(model.score(unseen, truth))
        scores.append(np.mean(found))
    exact, more, half = scores
    assert exact - half > 0.1
    assert more > exact - 0.2 * (exact - half)


def test_more_rows_than_one_qubo_holds_make_an_ensemble():
    X, y = wave(70)
    model = QSVR(max_rows=30, random_state=0).fit(X, y)
    assert [len(member.rows) for member in model.members_] == [30, 30, 30]
    unseen, truth = wave(100, seed=1)
    assert model.score(unseen, truth) > 0.9


@pytest.mark.parametrize("row_weights", [np.ones(20), np.linspace(0.1, 2, 20)])
def test_an_ensemble_is_the_mixture_of_its_members(row_weights):
    X, y = wave(20)
    model = QSVR(max_rows=10, random_state=0).fit(X, y, row_weights)
    values, weights, scores = [], [], []
    for member, weight in zip(model.members_, model.weights_, strict=True):
        kernel = rbf(model.x_scaling_(X), member.rows, model.gamma_)
        sampled = member.expansion.betas @ kernel.T + member.expansion.biases[:, None]
        values.append(y.mean() + y.std() * sampled)
        weights.append(weight * member.expansion.weights)
        seen = (model.x_scaling_(X)[:, None] == member.rows).all(-1).any(-1)
        left = row_weights[~seen]
        scores.append(r2_score(y[~seen], values[-1].mean(0)[~seen], sample_weight=left))
    np.testing.assert_allclose(model.weights_, np.array(scores) / np.sum(scores))
    values, weights = np.vstack(values), np.concatenate(weights)
    mean, spread = model.predict(X, return_std=True)
    np.testing.assert_allclose(mean, np.average(values, axis=0, weights=weights))
    variance = np.average((values - mean) ** 2, axis=0, weights=weights)
    np.testing.assert_allclose(spread, np.sqrt(variance))


def test_models_that_have_seen_nearly_all_rows_weigh_the_same():
    X, y = wave(13)
    model = QSVR(max_rows=12, random_state=0, reads=20, bits=3).fit(X, y)
    np.testing.assert_array_equal(model.weights_, [0.5, 0.5])


def test_calls_of_the_sampler_are_on_record():
    X, y = wave(40)

    def lost(problem, seed):
        raise AnnealerError("not reached")

    model = QSVR(max_rows=20, random_state=0, sampler=Fallback(lost, LevelGibbs())).fit(X, y)
    assert [call["variables"] for call in model.calls_] == [200, 200]
    assert all(call["fallback"] == "not reached" for call in model.calls_)
    assert all(call["cpu_seconds"] > 0 for call in model.calls_)
    energies = [member.samples.energies[0] for member in model.members_]
    assert [call["best_energy"] for call in model.calls_] == energies


@pytest.mark.parametrize("sampler", [LevelGibbs(8, 20), SimulatedAnnealing(8, 20)])
def test_a_fitted_model_grows_with_its_rows_alone(sampler):
    """Also where the sampler needs the QUBO, of which 300 rows of 5 bits make 72 MB."""
    sizes = {}
    for rows in (50, 150):
        X, y = wave(rows, features=6)
        model = QSVR(sampler=sampler, random_state=0, bits=3).fit(X, y)
        sizes[rows] = len(pickle.dumps(model))
        again = pickle.loads(pickle.dumps(model))
        unseen, truth = wave(40, seed=1, features=6)
        for mine, theirs in zip(
            model.predict(unseen, return_std=True), again.predict(unseen, return_std=True),
            strict=True,
        ):  # fmt: skip
            np.testing.assert_array_equal(mine, theirs)
        assert again.score(unseen, truth) == model.score(unseen, truth)
    assert sizes[150] < 3 * sizes[50]
    # rows, index and targets, betas twice, two bits of a byte each for every bit
    assert sizes[150] < 150 * (8 * (6 + 2) + 8 * (2 * 8 + 2 * 3)) + 10_000


@pytest.mark.parametrize("kernel", ["rbf", "linear", "polynomial", "precomputed"])
@pytest.mark.parametrize("max_rows", [None, 8])
def test_the_problem_is_made_again_as_it_was(kernel, max_rows):
    asked = []

    def sampler(problem, seed):
        asked.append(problem)
        return LevelGibbs(8, 20)(problem, seed)

    X, y = wave(20)
    X = rbf(X, X, 2.0) if kernel == "precomputed" else X
    model = QSVR(kernel=kernel, sampler=sampler, max_rows=max_rows, bits=2, random_state=0)
    model.fit(X, y)
    assert len(asked) == len(model.members_) == (1 if max_rows is None else 3)
    for member, problem in zip(model.members_, asked, strict=True):
        for field in fields(problem):
            np.testing.assert_array_equal(
                getattr(member.problem, field.name), getattr(problem, field.name)
            )
        np.testing.assert_allclose(member.problem.energy(member.samples.betas[0]),
                                   member.samples.energies[0])  # fmt: skip
