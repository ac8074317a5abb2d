"""The joint process against a dense Gaussian process that forms every matrix."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.flatten_util import ravel_pytree

from hpo.forecasting.predictors import kronecker as kr
from hpo.forecasting.predictors.joint import _padded, entries_of, extrapolate, scale_of, seen_epochs

SIDES = 55  # one more than a grid has entries: one compilation for all tests


@pytest.fixture(autouse=True)
def doubles():
    with jax.enable_x64(True):
        yield


def problem(seed, n=9, m=6, d=2, share=0.6, pad=(0, 0)):
    """Random features, times and values, of which a random share is observed."""
    generator = np.random.default_rng(seed)
    mask = generator.random((n, m)) < share
    mask[0, 0] = mask[1, -1] = True
    values = generator.normal(size=(n, m)) * mask
    features, times = generator.random((n, d)), np.sort(generator.random(m))
    grow = ((0, pad[0]), (0, pad[1]))
    return kr.Problem(
        jnp.asarray(np.pad(features, ((0, pad[0]), (0, 0)))),
        jnp.asarray(np.pad(times, (0, pad[1]))),
        jnp.asarray(np.pad(values, grow)),
        jnp.asarray(np.pad(mask, grow)),
    )


def hyper(seed, d=2):
    draw = np.random.default_rng(seed + 50).normal(0, 0.5, d + 4)
    return kr.Hyper(jnp.asarray(draw[:d]), *map(jnp.asarray, draw[d:] - [0, 1, 0, 1]))


def dense(h, p):
    """Covariance of f on the whole grid, element by element."""
    n, m = p.values.shape
    x, t = np.asarray(p.features) / np.exp(np.asarray(h.scales)), np.asarray(p.times)
    K = np.zeros((n, m, n, m))
    for i in range(n):
        for j in range(n):
            k1 = np.exp(2 * h.shared - ((x[i] - x[j]) ** 2).sum() / 2)
            k1 += np.exp(2 * h.own) * (i == j)
            K[i, :, j, :] = k1 * np.exp(-np.abs(t[:, None] - t[None]) / np.exp(h.span))
    return K.reshape(n * m, n * m)


def observed(h, p):
    where = np.flatnonzero(np.asarray(p.mask))
    K, y = dense(h, p), np.asarray(p.values).ravel()[where]
    return where, K, K[np.ix_(where, where)] + np.exp(2 * float(h.noise)) * np.eye(len(where)), y


@pytest.mark.parametrize("seed", range(2))
def test_products_and_solutions_are_those_of_the_dense_matrix(seed):
    p, h = problem(seed), hyper(seed)
    where, _, C, _ = observed(h, p)
    sides = np.zeros((SIDES, p.values.size))
    sides[:, where] = np.random.default_rng(seed).normal(size=(SIDES, len(where)))
    grids = jnp.asarray(sides.reshape(SIDES, *p.values.shape))
    product = np.asarray(jax.jit(kr.product)(h, p, grids)).reshape(SIDES, -1)
    np.testing.assert_allclose(product[:, where], sides[:, where] @ C, rtol=1e-9)
    solution = kr.solve(h, p, grids, jnp.zeros_like(grids), 1e-12)
    expected = np.linalg.solve(C, sides[:, where].T).T
    np.testing.assert_allclose(
        np.asarray(solution.sides).reshape(SIDES, -1)[:, where], expected, rtol=1e-6, atol=1e-9
    )
    assert solution.residual < 1e-11
    for grid in (product, np.asarray(solution.sides).reshape(SIDES, -1)):
        assert not np.delete(grid, where, axis=1).any()


@pytest.mark.parametrize(("seed", "pad"), [(0, (5, 3)), (1, (5, 3))])
def test_the_posterior_is_that_of_a_dense_process(seed, pad):
    p, h = problem(seed), hyper(seed)
    n, m = p.values.shape
    where, K, C, y = observed(h, p)
    mean = (K[:, where] @ np.linalg.solve(C, y)).reshape(n, m)
    variance = np.diag(K - K[:, where] @ np.linalg.solve(C, K[where])).reshape(n, m)
    found = kr.posterior(h, problem(seed, pad=pad), jnp.arange(n), m - 1)
    np.testing.assert_allclose(np.asarray(found.mean)[:n, :m], mean, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(np.asarray(found.variance), variance[:, -1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("seed", "pad"), [(0, (5, 3)), (1, (5, 3))])
def test_the_likelihood_is_that_of_a_dense_process(seed, pad):
    h = hyper(seed)
    _, _, C, y = observed(h, problem(seed))
    dense_loss = 0.5 * y @ np.linalg.solve(C, y) + 0.5 * np.linalg.slogdet(C)[1]
    p = problem(seed, pad=pad)
    found = kr.exact_loss(h, p, entries_of(np.asarray(p.mask)))
    np.testing.assert_allclose(found, dense_loss + kr.penalty(h), rtol=1e-9)


@pytest.mark.parametrize("seed", range(2))
def test_the_stochastic_gradient_has_the_exact_one_as_its_mean(seed):
    """Over all unit vectors as probes, scaled to unit covariance, it is the exact gradient."""
    p, h = problem(seed), hyper(seed)
    entries = entries_of(np.asarray(p.mask))
    _, exact = kr.exact_gradient(h, p, entries)
    where = np.flatnonzero(np.asarray(p.mask))
    units = np.zeros((SIDES - 1, p.values.size))
    units[where, where] = np.sqrt(SIDES - 1)
    probes = jnp.asarray(units.reshape(-1, *p.values.shape))
    sides = jnp.concatenate([p.values[None], probes])
    solutions = kr.solve(h, p, sides, jnp.zeros_like(sides), 1e-12).sides
    found = jax.jit(kr.stochastic_gradient)(h, p, solutions, probes)
    np.testing.assert_allclose(ravel_pytree(found)[0], ravel_pytree(exact)[0], rtol=1e-6, atol=1e-8)


def test_ascent_without_decompositions_comes_near_the_exact_optimum():
    p = problem(4, share=0.9)
    h = hyper(4)
    field = np.linalg.cholesky(dense(h, p) + 1e-9 * np.eye(p.values.size)) @ np.random.default_rng(
        0
    ).normal(size=p.values.size)
    p = p._replace(values=jnp.asarray(field.reshape(p.values.shape)) * p.mask)
    entries, start = entries_of(np.asarray(p.mask)), kr.start(2)
    probes = np.random.default_rng(1).choice([-1.0, 1.0], (8, *p.mask.shape)) * np.asarray(p.mask)
    reached = kr.ascend(start, p, jnp.asarray(probes))
    from hpo.forecasting.predictors.joint import _fitted_exactly

    best = _fitted_exactly(p, entries, start)
    losses = [float(kr.exact_loss(x, p, entries)) for x in (start, reached, best)]
    assert losses[2] <= losses[1] < losses[0]
    assert losses[1] - losses[2] < 0.1 * (losses[0] - losses[2])


def test_configurations_are_exchangeable():
    generator = np.random.default_rng(2)
    features, times = generator.random((20, 1)), np.linspace(0, 1, 11)
    values = 1 + features[:, :1] + np.exp(-3 * times) + 0.01 * generator.normal(size=(20, 11))
    values[12:, 6:] = np.nan
    order = generator.permutation(20)
    rows = np.arange(12, 20)
    mean, spread = extrapolate(features, times, values, rows, 0)
    places = np.argsort(order)[rows]
    again = extrapolate(features[order], times, values[order], places, 0)
    np.testing.assert_allclose(again, (mean, spread), rtol=1e-3)


def test_one_compilation_serves_all_shapes_of_a_padding():
    sizes = kr.posterior._cache_size()
    for n in (20, 21, 22):
        values = np.ones((n, 11)) + np.arange(n)[:, None] % 7
        values[-3:, 3:] = np.nan
        extrapolate(np.zeros((n, 1)), np.linspace(0, 1, 11), values, np.arange(n - 3, n), 0)
    assert kr.posterior._cache_size() <= sizes + 1


def test_padding_keeps_what_was_observed():
    values = np.array([[1.0, np.nan], [2.0, 3.0]])
    p = _padded(np.ones((2, 3)), np.array([0.0, 1.0]), values)
    assert p.values.shape == p.mask.shape == (32, 8)
    assert p.mask.sum() == 3
    np.testing.assert_array_equal(p.values[:2, :2], [[1, 0], [2, 3]])


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
