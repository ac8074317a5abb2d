import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


def whole(X):
    """Means and inverse widths of each type, from all its elements at once."""
    mean, inverse = np.zeros((2, statistics.TYPES, X.shape[1]))
    for kind in (schema.TRACK, schema.CLUSTER):
        rows = X[X[:, 0] == kind].astype(np.float64)
        if len(rows):
            values = statistics.transform(
                rows, statistics.scales(schema.ELEMENTS["clusters"])[kind], np
            )
            mean[kind], width = values.mean(0), values.std(0)
            varies = width > 1e-6 * np.abs(mean[kind])
            inverse[kind, varies] = 1 / width[varies]
    inverse[:, 0] = 0
    inverse[schema.TRACK, [schema.track(n) for n in statistics.UNUSED_TRACK_FEATURES]] = 0
    return mean, inverse


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 300), st.integers(1, 50), st.sampled_from([0.0, 0.3, 1.0]), st.integers(0, 99)
)
def test_portions_give_what_the_whole_gives(elements, portion, tracks, seed):
    """Whatever the portion and the order, with one type alone, and with features that are constant
    or far from 0."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(elements, schema.ELEMENT_WIDTH)).astype(np.float32)
    X *= 10.0 ** rng.integers(-6, 7, schema.ELEMENT_WIDTH)
    X[:, 2] += 1000 * X[:, 2].std() if elements else 0
    X[:, 7] = 0.1
    X[:, 0] = np.where(rng.random(elements) < tracks, schema.TRACK, schema.CLUSTER)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statistics, "PORTION", portion)
        found = [statistics.measure(x) for x in (X, rng.permutation(X))]
    for measured in found:
        for got, expected in zip(measured, whole(X), strict=True):
            np.testing.assert_allclose(got, expected, rtol=3e-7, atol=1e-12)


def test_memory_beside_the_data_is_constant():
    """Eight times the elements need not a byte more than a few portions."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(16 * statistics.PORTION, schema.ELEMENT_WIDTH)).astype(np.float32)
    X[:, 0] = rng.integers(1, 3, len(X))
    peaks = []
    for part in (X[: len(X) // 8], X):
        tracemalloc.start()
        statistics.measure(part)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    portion = X[: statistics.PORTION].nbytes
    assert peaks[1] < 1.05 * peaks[0]
    assert portion / 10 < peaks[1] < 8 * portion


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


def test_all_that_is_not_finite_is_counted(X, monkeypatch):
    monkeypatch.setattr(statistics, "PORTION", 9)
    X = X.copy()
    X[[11, 40, 200], [3, 2, 1]] = np.nan
    with pytest.raises(ValueError, match=r"^3 input .* nan at element 11, column 3 \(sin_phi\)"):
        statistics.measure(X)


def test_unknown_element_type_is_refused(X):
    X = X.copy()
    X[2, 0] = 5
    with pytest.raises(ValueError, match="element types"):
        statistics.measure(X)
