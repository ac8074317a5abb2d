"""Attention against loops, and its linear form against the exact one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mlpf_jax.layers import attention, favor, segments


def draw(seed, shape):
    return jax.random.normal(jax.random.key(seed), shape)


def test_attention_against_loops(quick):
    n, heads, dims = 6, 2, 3
    q, k, v = (np.asarray(draw(s, (n, heads, dims))) for s in range(3))
    segment = np.array([1, 1, 0, 2, 2, 1])
    penalty = np.abs(draw(3, (heads, n, n)))
    got = quick(attention.attention)(q, k, v, segments.same(segment), penalty)
    for i in range(n):
        for h in range(heads):
            mates = [j for j in range(n) if segment[i] and segment[j] == segment[i]]
            logits = [float(q[i, h] @ k[j, h]) / np.sqrt(dims) - penalty[h, i, j] for j in mates]
            weight = np.exp(logits) / np.exp(logits).sum() if mates else []
            expected = sum(
                (w * v[j, h] for w, j in zip(weight, mates, strict=True)), np.zeros(dims)
            )
            np.testing.assert_allclose(got[i, h], expected, rtol=1e-5, atol=1e-6)


def test_gradients_of_attention_are_finite_where_there_is_nobody(quick):
    q = draw(0, (4, 1, 2))
    pairs = segments.same(np.array([0, 0, 1, 0]))
    gradient = quick(jax.grad(lambda q: attention.attention(q, q, q, pairs).sum()))(q)
    assert np.isfinite(gradient).all()


@pytest.fixture(scope="module")
def packed():
    """Queries and keys of the length at which the error is stated, values without a mean."""
    q, k = (favor.unit(draw(s, (2, 60, 2, 8))) for s in (1, 2))
    segment = jnp.array([[1] * 20 + [2] * 35 + [0] * 5, [1] * 60])
    return q, k, draw(3, (2, 60, 2, 4)), segment


def exact(q, k, v, segment):
    return attention.attention(q * np.sqrt(q.shape[-1]), k, v, segments.same(segment))


@pytest.fixture(scope="module")
def linear(quick):
    def run(q, k, v, segment, features, seed=0):
        directions = favor.random_directions(jax.random.key(seed), features, q.shape[-1])
        return favor.favor_attention(q, k, v, favor.members(segment, 2), directions)

    return quick(run, static_argnums=4)


def test_favor_becomes_exact_as_features_grow(packed, linear):
    """Logits within +-1 (LOGIT_SCALE): the error falls like 1 / sqrt(features).

    In units of a value, as what is averaged here is itself close to zero.
    """
    expected, values = exact(*packed), np.asarray(packed[2])
    real = np.asarray(packed[-1] > 0)

    def error(features):
        errors = [
            np.abs(np.asarray(linear(*packed, features, seed)) - expected)[real].mean()
            for seed in range(4)
        ]
        return np.mean(errors) / np.abs(values)[real].mean()

    errors = [error(features) for features in (32, 512, 8192)]
    assert errors[2] < 0.02
    assert errors[0] > 2 * errors[1] > 4 * errors[2]


def test_favor_sums_over_the_own_event_alone(packed, linear):
    q, k, v, segment = packed
    together = linear(q, k, v, segment, 32)
    alone = linear(q[:1, 20:55], k[:1, 20:55], v[:1, 20:55], np.ones((1, 35), int), 32)
    np.testing.assert_allclose(together[0, 20:55], alone[0], rtol=1e-4, atol=1e-5)
    assert not np.asarray(together[0, 55:]).any()


def test_directions_are_orthogonal_with_the_lengths_of_gaussian_vectors():
    w = favor.random_directions(jax.random.key(0), 512, 8)
    block = w[:8] / jnp.linalg.norm(w[:8], axis=1, keepdims=True)
    np.testing.assert_allclose(block @ block.T, np.eye(8), atol=1e-5)
    assert np.mean(np.sum(np.square(w), 1)) == pytest.approx(8, rel=0.1)
