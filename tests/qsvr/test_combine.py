"""The bias and the weights a combination gives, against brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsvr.combine import (
    WEIGHTINGS,
    Fitted,
    MeanOfBest,
    Published,
    evaluate,
    median_bias,
    support_vector_bias,
)


def fitted(reads: int = 6, rows: int = 5) -> Fitted:
    random = np.random.default_rng(0)
    features = random.normal(size=(rows, rows))
    return Fitted(
        betas=random.uniform(-1, 1, (reads, rows)),
        energies=np.sort(random.normal(size=reads)) - 2,
        kernel_matrix=features @ features.T,
        targets=random.normal(size=rows),
        epsilon=0.1,
        box=1.0,
        weights=np.ones(rows),
    )


EQUAL = np.ones(5)


@given(
    st.lists(
        st.tuples(st.floats(-10, 10), st.sampled_from([0.25, 1.0, 3.0])), min_size=1, max_size=9
    ),
    st.floats(0, 2),
)
@settings(max_examples=50, deadline=None)
def test_no_bias_has_a_lower_loss_than_the_median_bias(rows, epsilon):
    residuals, weights = np.array(rows).T
    losses = lambda b: np.maximum(np.abs(residuals - b[:, None]) - epsilon, 0) @ weights  # noqa: E731
    best = losses(np.linspace(-13, 13, 2001)).min()
    assert losses(np.array([median_bias(residuals, epsilon, weights)]))[0] <= best + 1e-9


@given(st.lists(st.tuples(st.floats(-10, 10), st.integers(1, 4)), min_size=1, max_size=9))
@settings(max_examples=30, deadline=None)
def test_a_row_that_counts_n_is_n_rows(rows):
    residuals, weights = np.array(rows).T
    expected = np.median(np.add.outer([-0.5, 0.5], residuals.repeat(weights.astype(int))))
    assert median_bias(residuals, 0.5, weights) == pytest.approx(expected, abs=1e-12)


def test_median_bias_is_the_middle_of_the_minimising_interval():
    # Both points are within epsilon of every b from 0.5 to 1.5.
    assert median_bias(np.array([0.5, 1.5]), 1.0, np.ones(2)) == pytest.approx(1.0)


def test_support_vector_bias_uses_rows_inside_the_box():
    beta = np.array([0.5, -0.5, 0.2, 1.0, 0.0])
    residuals = np.array([2.0, 1.0, 3.0, 50.0, -50.0])
    assert support_vector_bias(residuals, beta, 0.1, 1.0, EQUAL) == pytest.approx(
        (1.9 + 1.1 + 2.9) / 3
    )
    at_the_box = np.array([1.0, -1.0, 1.0, 1.0, 0.0])
    expected = median_bias(residuals, 0.1, EQUAL)
    assert support_vector_bias(residuals, at_the_box, 0.1, 1.0, EQUAL) == expected


@pytest.mark.parametrize("combination", [MeanOfBest(3), Published(), Published(4, "mean")], ids=str)
def test_weights_sum_to_one(combination):
    expansion = combination(fitted())
    assert expansion.weights.sum() == pytest.approx(1)
    assert (expansion.weights > 0).all()
    assert expansion.betas.shape == (len(expansion.weights), 5)


def predictions(problem: Fitted, beta: np.ndarray) -> np.ndarray:
    """Of one beta with its own bias, on the training rows."""
    residuals = problem.targets - problem.kernel_matrix @ beta
    bias = support_vector_bias(residuals, beta, problem.epsilon, problem.box, problem.weights)
    return problem.kernel_matrix @ beta + bias


@pytest.mark.parametrize("row_weights", [EQUAL, np.array([3.0, 0.5, 1.0, 2.0, 0.1])])
def test_the_seven_weightings_against_plain_loops(row_weights):
    problem, count = fitted()._replace(weights=row_weights), 4
    errors = [predictions(problem, beta) - problem.targets for beta in problem.betas[:count]]
    mse = np.array([np.average(e**2, weights=row_weights) for e in errors])
    log_cosh = np.array([np.average(np.log(np.cosh(e)), weights=row_weights) for e in errors])
    scores = {
        "mse_normalised": 1 / mse,
        "mse_softmax": np.exp(1 / mse),
        "log_cosh_normalised": 1 / log_cosh,
        "log_cosh_softmax": np.exp(1 / log_cosh),
        "best": (mse == mse.min()).astype(float),
        "mean": np.ones(count),
        "lowest_energy": np.array([1.0, 0, 0, 0]),
    }
    assert set(scores) == set(WEIGHTINGS)
    together = []
    for name, score in scores.items():
        beta = score / score.sum() @ problem.betas[:count]
        mean, _ = evaluate(Published(count, name)(problem), problem.kernel_matrix)
        np.testing.assert_allclose(mean, predictions(problem, beta), err_msg=name)
        together.append(mean)
    mean, variance = evaluate(Published(count)(problem), problem.kernel_matrix)
    np.testing.assert_allclose(mean, np.mean(together, 0))
    np.testing.assert_allclose(variance, np.var(together, 0))


def test_mean_of_best_predicts_with_the_mean_beta_of_distinct_samples():
    problem = fitted()
    repeated = problem._replace(
        betas=np.repeat(problem.betas, 3, axis=0), energies=np.repeat(problem.energies, 3)
    )
    expansion = MeanOfBest(4)(repeated)
    beta = problem.betas[:4].mean(0)
    bias = median_bias(problem.targets - problem.kernel_matrix @ beta, problem.epsilon, EQUAL)
    mean, variance = evaluate(expansion, problem.kernel_matrix)
    np.testing.assert_allclose(mean, problem.kernel_matrix @ beta + bias)
    np.testing.assert_allclose(variance, (problem.betas[:4] @ problem.kernel_matrix).var(0))


def test_unknown_weighting_is_refused():
    with pytest.raises(ValueError, match="mse_softmax"):
        Published(weighting="worst")(fitted())
