"""The joint process against a dense Gaussian process that forms every matrix."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.flatten_util import ravel_pytree

from hpo.forecasting.predictors import kronecker as kr
from hpo.forecasting.predictors.joint import _fitted, _padded, extrapolate, scale_of, seen_epochs


@pytest.fixture(autouse=True)
def doubles():
    with jax.enable_x64(True):
        yield


def grid(seed, n=9, m=6, d=2, share=0.6):
    """Random features, times and values, of which a random share is observed and others are NaN."""
    generator = np.random.default_rng(seed)
    mask = generator.random((n, m)) < share
    mask[0, 0] = mask[1, -1] = True
    values = np.where(mask, generator.normal(size=(n, m)), np.nan)
    return generator.random((n, d)), np.sort(generator.random(m)), values


def hyper(seed, d=2):
    draw = np.random.default_rng(seed + 50).normal(0, 0.5, d + 4)
    return kr.Hyper(jnp.asarray(draw[:d]), *map(jnp.asarray, draw[d:] - [0, 1, 0, 1]))


def dense(h, features, times):
    """Covariance of f on the whole grid, element by element."""
    n, m = len(features), len(times)
    x = features / np.exp(np.asarray(h.scales))
    K = np.zeros((n, m, n, m))
    for i in range(n):
        for j in range(n):
            k1 = np.exp(2 * h.shared - ((x[i] - x[j]) ** 2).sum() / 2)
            k1 += np.exp(2 * h.own) * (i == j)
            K[i, :, j, :] = k1 * np.exp(-np.abs(times[:, None] - times[None]) / np.exp(h.span))
    return K.reshape(n * m, n * m)


def observed(h, features, times, values):
    """Where there are observations, the covariance of f, that of the observations, and these."""
    where = np.flatnonzero(~np.isnan(values))
    K = dense(h, features, times)
    noise = np.exp(2 * float(h.noise))
    return where, K, K[np.ix_(where, where)] + noise * np.eye(len(where)), values.ravel()[where]


def dense_loss(h, *problem):
    _, _, C, y = observed(h, *problem)
    return 0.5 * y @ np.linalg.solve(C, y) + 0.5 * np.linalg.slogdet(C)[1] + float(kr.penalty(h))


@pytest.mark.parametrize("seed", range(3))
def test_the_posterior_is_that_of_a_dense_process(seed):
    """A grid of 9 x 6 is padded to 32 x 8, and its gaps too."""
    h, problem = hyper(seed), grid(seed)
    where, K, C, y = observed(h, *problem)
    gaps = np.flatnonzero(np.isnan(problem[2]))
    mean = K[np.ix_(gaps, where)] @ np.linalg.solve(C, y)
    variance = np.diag(K - K[:, where] @ np.linalg.solve(C, K[where]))[gaps]
    padded = _padded(*problem)
    found, around = kr.posterior(h, padded)
    missing = np.asarray(padded.gaps.missing)
    assert missing.sum() == len(gaps)
    np.testing.assert_allclose(np.asarray(found)[missing], mean, rtol=1e-8, atol=1e-9)
    expected = variance + np.exp(2 * float(h.noise))
    np.testing.assert_allclose(np.asarray(around)[missing], expected, rtol=1e-8)


@pytest.mark.parametrize("seed", range(3))
def test_the_likelihood_and_its_gradient_are_those_of_a_dense_process(seed):
    h, problem = hyper(seed), grid(seed)
    loss, gradient = kr.loss_and_gradient(h, _padded(*problem))
    np.testing.assert_allclose(loss, dense_loss(h, *problem), rtol=1e-9)
    flat, unravel = ravel_pytree(h)
    step = 1e-5
    for found, unit in zip(ravel_pytree(gradient)[0], step * np.eye(len(flat)), strict=True):
        ends = [dense_loss(unravel(flat + sign * unit), *problem) for sign in (-1, 1)]
        np.testing.assert_allclose(found, (ends[1] - ends[0]) / (2 * step), rtol=1e-5, atol=1e-6)


def test_the_gradient_is_one_where_eigenvalues_are_equal():
    """Trainings of one configuration, and a grid that is full."""
    for share in (0.6, 1.1):
        _, times, values = grid(0, share=share)
        problem, h = (np.ones((9, 2)), times, values), hyper(0)
        _, gradient = kr.loss_and_gradient(h, _padded(*problem))
        flat, unravel = ravel_pytree(h)
        unit = 1e-5 * np.eye(len(flat))[-2]
        ends = [dense_loss(unravel(flat + sign * unit), *problem) for sign in (-1, 1)]
        np.testing.assert_allclose(gradient.span, (ends[1] - ends[0]) / 2e-5, rtol=1e-5)


def test_the_ascent_ends_where_no_direction_leads_up():
    h, (features, times, values) = hyper(4), grid(4, share=0.9)
    covariance = dense(h, features, times) + 1e-9 * np.eye(values.size)
    field = np.linalg.cholesky(covariance) @ np.random.default_rng(0).normal(size=values.size)
    values = np.where(np.isnan(values), np.nan, field.reshape(values.shape))
    problem = _padded(features, times, values)
    reached = _fitted(problem)
    before, after = (kr.loss_and_gradient(at, problem)[0] for at in (kr.start(2), reached))
    flat, unravel = ravel_pytree(reached)
    assert after < before - 1
    for step in (*0.1 * np.eye(len(flat)), *-0.1 * np.eye(len(flat))):
        beside = kr.loss_and_gradient(unravel(flat + step), problem)[0]
        assert beside > after - 1e-3 * (before - after)


def test_configurations_are_exchangeable():
    generator = np.random.default_rng(2)
    features, times = generator.random((20, 1)), np.linspace(0, 1, 11)
    values = 1 + features[:, :1] + np.exp(-3 * times) + 0.01 * generator.normal(size=(20, 11))
    values[12:, 6:] = np.nan
    order = generator.permutation(20)
    rows = np.arange(12, 20)
    mean, spread = extrapolate(features, times, values, rows)
    places = np.argsort(order)[rows]
    again = extrapolate(features[order], times, values[order], places)
    np.testing.assert_allclose(again, (mean, spread), rtol=1e-3)


def test_what_is_foreseen_is_the_last_column():
    """Of the columns ahead, all of which fall."""
    generator = np.random.default_rng(3)
    features, times = generator.random((20, 1)), np.linspace(0, 1, 11)
    whole = features + np.exp(-3 * times) + 0.01 * generator.normal(size=(20, 11))
    values, rows = whole.copy(), np.arange(12, 20)
    values[12:, 6:] = np.nan
    error = extrapolate(features, times, values, rows)[0] - whole[rows, -1]
    assert np.abs(error).mean() < (whole[rows, 6] - whole[rows, -1]).mean() / 3


def test_one_compilation_serves_all_shapes_of_a_padding():
    sizes = kr.posterior._cache_size()
    for n in (20, 21, 22):
        values = np.ones((n, 11)) + np.arange(n)[:, None] % 7
        values[-3:, 3:] = np.nan
        extrapolate(np.zeros((n, 1)), np.linspace(0, 1, 11), values, np.arange(n - 3, n))
    assert kr.posterior._cache_size() <= sizes + 1


def test_padding_keeps_what_was_observed():
    values = np.array([[1.0, np.nan], [2.0, 3.0]])
    p = _padded(np.ones((2, 3)), np.array([0.0, 1.0]), values)
    assert p.values.shape == (32, 8)
    assert (p.real_rows.sum(), p.real_columns.sum()) == (2, 2)
    np.testing.assert_array_equal(p.values[:2, :2], [[1, 0], [2, 3]])
    np.testing.assert_array_equal(np.argwhere(p.gaps.missing), [[0, 0]])
    assert (p.gaps.rows[0], p.gaps.columns[0]) == (0, 1)


@given(
    values=st.lists(
        st.floats(-1e3, 1e3) | st.sampled_from([0.693, 1e15, 5.0]), min_size=1, max_size=40
    )
)
@settings(max_examples=100, deadline=None)
def test_scales_lead_back_and_keep_the_order(values):
    values = np.array(values)
    scale = scale_of(values)
    places = scale.to(values)
    assert np.isfinite(scale.places).all()
    assert (np.diff(scale.values) >= 0).all()
    assert (np.diff(scale.places) > 0).all()
    np.testing.assert_allclose(scale.back(places), values, rtol=1e-6, atol=1e-6)
    far = scale.back(np.array([-1e6, 1e6]))
    assert far[0] <= values.min() <= values.max() <= far[1]
    spread = scale.spread(np.linspace(-9, 9, 19), np.full(19, 0.1))
    assert np.isfinite(spread).all()
    assert (spread >= 0).all()


@pytest.mark.parametrize(("epoch", "rung"), [(1, 2), (1, 100), (3, 6), (50, 100), (99, 100)])
def test_epochs_that_are_seen(epoch, rung):
    epochs = seen_epochs(epoch, rung, 24)
    assert {1, epoch, rung} <= set(epochs.tolist())
    assert len(epochs) <= 25
    assert (np.diff(epochs) > 0).all()
    assert epochs[-1] == rung
