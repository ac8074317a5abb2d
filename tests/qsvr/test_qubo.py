"""Laws of the encoding and of the QUBO's energy."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from qsvr.encoding import Encoding, decode, decode_duals, encode, levels
from qsvr.qubo import build_qubo, dual_objective, energy

ENCODINGS = (
    Encoding(0.5, 3, 0.005),
    Encoding.from_box(8.0, 4),
    Encoding(3.0, 1, -2.0),
    Encoding(1.0, 3, 0.7),
    Encoding.from_box(30.0, 5, base=1.7),
)


def regression(rows: int, seed: int):
    """A kernel matrix and targets of `rows` random points."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(rows, 3))
    kernel_matrix = np.exp(-0.3 * ((X[:, None] - X) ** 2).sum(-1))
    return kernel_matrix, random.normal(size=rows)


@given(
    base=st.floats(0.2, 4).filter(lambda base: abs(base - 1) > 1e-3),
    bits=st.integers(1, 8),
    box=st.floats(0.1, 100),
)
@settings(max_examples=30, deadline=None)
def test_box_is_the_value_of_all_bits(base, bits, box):
    encoding = Encoding.from_box(box, bits, base)
    assert encoding.box == pytest.approx(box, rel=1e-9)
    duals = decode_duals(np.ones(encoding.variables(3), int), encoding)
    np.testing.assert_allclose(duals, np.full((2, 3), box), rtol=1e-9)


def test_integer_encoding_reads_binary_numbers():
    encoding = Encoding(2.0, 3, 0.0)
    alpha, alphahat = ([1, 0, 1], [0, 1, 1]), ([0, 0, 0], [1, 0, 0])
    bits = np.array([*alpha, *alphahat]).ravel()
    assert decode(bits, encoding).tolist() == [5, 5]  # 101 and 011, lowest bit first, minus 0, 1


@pytest.mark.parametrize("encoding", ENCODINGS, ids=str)
def test_encode_inverts_decode_on_the_levels_and_rounds_between_them(encoding):
    table = levels(encoding)
    assert (np.diff(table.values) > 0).all()
    assert -table.values[0] == table.values[-1] == pytest.approx(encoding.box)
    bits = encode(table.values, encoding)
    np.testing.assert_allclose(decode(bits, encoding), table.values, rtol=1e-12, atol=1e-12)
    assert (decode_duals(bits, encoding).min(-2) == 0).all()  # never both signs
    every = np.random.default_rng(0).integers(0, 2, (500, encoding.variables(1)))
    possible = decode(every, encoding)  # overlaps can lie between the levels
    nearest = np.abs(possible[:, 0, None] - table.values).min(1)
    rounded = decode(encode(possible, encoding), encoding)
    np.testing.assert_allclose(np.abs(rounded - possible)[:, 0], nearest, atol=1e-12)


@pytest.mark.parametrize(
    ("encoding", "number", "even"),
    [
        (Encoding(2.0, 4, 1.3), 31, True),
        (Encoding(0.5, 3, 0.005), 15, True),
        (Encoding(1.0, 3, 0.0), 7, True),
        (Encoding(3.0, 3, 0.0), 15, False),
    ],
)
def test_number_and_spacing_of_the_levels(encoding, number, even):
    table = levels(encoding)
    assert (len(table.values), table.even) == (number, even)


@pytest.mark.parametrize("encoding", ENCODINGS, ids=str)
@given(rows=st.sampled_from((1, 4)), seed=st.integers(0, 10**6), each=st.booleans())
@settings(max_examples=10, deadline=None)
def test_energy_is_dual_objective_plus_penalty(encoding, rows, seed, each):
    kernel_matrix, targets = regression(rows, seed)
    random = np.random.default_rng(seed)
    epsilon, penalty = random.uniform(0, 1, 2)
    epsilon = random.uniform(0, 1, rows) if each else epsilon
    Q = build_qubo(kernel_matrix, targets, encoding, epsilon, penalty)
    bits = random.integers(0, 2, (50, encoding.variables(rows)))
    duals, beta = decode_duals(bits, encoding), decode(bits, encoding)
    objective = dual_objective(duals, kernel_matrix, targets, epsilon)
    expected = objective + penalty * beta.sum(-1) ** 2
    scale = max(1.0, np.abs(Q).max())
    np.testing.assert_allclose(energy(Q, bits), expected, rtol=0, atol=1e-9 * scale)


@pytest.mark.parametrize("encoding", ENCODINGS, ids=str)
def test_build_equals_the_literal_loops(encoding):
    rows, epsilon, penalty = 3, 0.1, 0.7
    K, w = encoding.bits, encoding.weights
    kernel_matrix, targets = regression(rows, 1)
    square = np.zeros((2 * rows * K, 2 * rows * K))
    for n in range(rows):
        for i in range(K):
            for s in range(2):
                for m in range(rows):
                    for j in range(K):
                        for t in range(2):
                            row, column = K * (s * rows + n) + i, K * (t * rows + m) + j
                            sign = 1 if s == t else -1
                            pair = kernel_matrix[n, m] / 2 + penalty
                            square[row, column] = sign * w[i] * w[j] * pair
                            if row == column:
                                tilt = -targets[n] if s == 0 else targets[n]
                                square[row, column] += w[i] * (epsilon + tilt)
    expected = np.triu(square + square.T, 1) + np.diag(np.diag(square))
    Q = build_qubo(kernel_matrix, targets, encoding, epsilon, penalty)
    np.testing.assert_allclose(Q, expected, rtol=1e-12, atol=1e-12)


def test_build_leaves_the_precision_of_jax_alone():
    Q = build_qubo(*regression(2, 0), ENCODINGS[0], 0.1, 0.1)
    assert Q.dtype == np.float64
    assert jax.numpy.ones(1).dtype == np.float32


def test_bias_at_the_optimum_is_twice_penalty_times_sum_of_beta():
    rows, box, epsilon, penalty = 15, 3.0, 0.1, 0.05
    kernel_matrix, targets = regression(rows, 2)

    def penalised(duals):
        beta = duals[:rows] - duals[rows:]
        slope = (kernel_matrix + 2 * penalty) @ beta
        gradient = np.concatenate([slope + epsilon - targets, -slope + epsilon + targets])
        return beta @ slope / 2 + epsilon * duals.sum() - targets @ beta, gradient

    options = {"maxiter": 100_000, "maxfun": 100_000, "ftol": 0, "gtol": 1e-11}
    limits = [(0, box)] * (2 * rows)
    optimum = minimize(penalised, np.zeros(2 * rows), jac=True, bounds=limits, options=options).x
    alpha, alphahat = optimum.reshape(2, rows)
    residuals = targets - kernel_matrix @ (alpha - alphahat)
    free = (alpha > 1e-6) & (alpha < box - 1e-6)
    free_hat = (alphahat > 1e-6) & (alphahat < box - 1e-6)
    assert free.any()
    assert free_hat.any()
    bias = 2 * penalty * (alpha - alphahat).sum()
    np.testing.assert_allclose(residuals[free] - epsilon, bias, atol=1e-6)
    np.testing.assert_allclose(residuals[free_hat] + epsilon, bias, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kernel_matrix": np.ones((2, 3))}, "does not fit"),
        ({"kernel_matrix": np.array([[1, 2], [3, 1.0]])}, "not symmetric"),
        ({"targets": np.array([1, np.nan])}, "NaN"),
        ({"epsilon": -0.1}, "epsilon"),
        ({"epsilon": np.full(3, 0.1)}, "one per row"),
        ({"penalty": np.inf}, "penalty"),
    ],
)
def test_build_refuses(change, message):
    valid = {
        "kernel_matrix": np.eye(2),
        "targets": np.zeros(2),
        "encoding": ENCODINGS[0],
        "epsilon": 0.1,
        "penalty": 0.1,
    }
    with pytest.raises(ValueError, match=message):
        build_qubo(**(valid | change))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Encoding(2.0, 0, 0.0),
        lambda: Encoding(-1.0, 2, 0.0),
        lambda: Encoding(2.0, 2, np.nan),
        lambda: Encoding.from_box(0.0, 3),
        lambda: Encoding.from_box(1.0, 3, base=1.0),
        lambda: decode(np.zeros(7, int), ENCODINGS[0]),
        lambda: levels(Encoding(2.0, 11, 0.0)),
    ],
)
def test_encoding_refuses(make):
    with pytest.raises(ValueError, match=r"not|multiple|up to 10 bits"):
        make()


def test_a_box_of_no_bits_is_refused_as_bits():
    with pytest.raises(ValueError, match="bits must be a whole number from 1, not 0"):
        Encoding.from_box(1.0, 0)
