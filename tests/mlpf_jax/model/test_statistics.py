import numpy as np
import pytest

from datasets import schema
from mlpf_jax.model import statistics


@pytest.fixture(scope="module")
def X(batch_of):
    batch = batch_of([(40, 90)] * 4, 130)
    return batch.X[batch.mask]


def test_standardised_inputs_have_mean_0_and_width_1_or_are_0(X):
    measured = statistics.measure(X)
    values = np.asarray(statistics.standardise(X, measured))
    for kind in (schema.TRACK, schema.CLUSTER):
        rows = values[X[:, 0] == kind]
        np.testing.assert_allclose(rows.mean(0), 0, atol=1e-3)
        varies = measured.inverse_width[kind] > 0
        np.testing.assert_allclose(rows.std(0)[varies], 1, atol=1e-3)
        assert not rows[:, ~varies].any()
        assert varies[schema.SHARED["energy"]]


def test_padding_stays_zero(X):
    padding = np.zeros((3, schema.ELEMENT_WIDTH), np.float32)
    assert not np.asarray(statistics.standardise(padding, statistics.measure(X))).any()


def test_large_values_become_logarithms():
    got = statistics.transform(np.array([1.0, 10.0, 100.0]), np.array([0.01] * 3), np)
    np.testing.assert_allclose(np.diff(got), np.log(10), rtol=1e-3)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_input_that_is_not_finite_is_refused_with_its_place(X, bad):
    X = X.copy()
    X[7, 3] = bad
    with pytest.raises(ValueError, match="element 7, column 3"):
        statistics.measure(X)


def test_unknown_element_type_is_refused(X):
    X = X.copy()
    X[2, 0] = 5
    with pytest.raises(ValueError, match="element types"):
        statistics.measure(X)
