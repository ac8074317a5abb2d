import jax
import numpy as np
import pytest

from mlpf_jax.layers import message_passing


@pytest.mark.parametrize("form", ["published", "improved"])
def test_kernel_and_convolution_against_loops(form):
    """As published one kernel, not normalised; improved two, normalised by degrees."""
    rng = np.random.default_rng(0)
    n, width = 7, 4
    d, projected = rng.normal(size=(n, 4)), rng.normal(size=(n, 3 * width))
    mask = np.arange(n) < 5
    smoothing = message_passing.SMOOTHING[form]
    exponent = np.asarray(message_passing.learned_distance(d, smoothing))
    pairs = mask[:, None] & mask
    published = form == "published"
    kernel = message_passing.kernel if published else message_passing.normalised_kernel
    heads = (1,) if published else (1, 2)
    adjacency = [kernel(steepness * exponent, pairs) for steepness in heads]
    got = message_passing.gated_convolution(adjacency, projected)

    mixed = np.zeros((n, width))
    for head, steepness in enumerate(heads):
        weight = np.zeros((n, n))
        for i in range(5):
            for j in range(5):
                distance = np.sqrt(((d[i] - d[j]) ** 2).sum() + smoothing)
                weight[i, j] = np.exp(-steepness * distance)
        degree = weight.sum(1)
        share = width // len(heads)
        channels = slice(share * head, share * (head + 1))
        for i in range(5):
            for j in range(5):
                scale = 1 if published else 1 / np.sqrt(degree[i] * degree[j])
                mixed[i, channels] += scale * weight[i, j] * projected[j, channels]
    for i in range(5):
        gate = 1 / (1 + np.exp(-projected[i, 2 * width :]))
        y = gate * mixed[i] + (1 - gate) * projected[i, width : 2 * width]
        np.testing.assert_allclose(got[i], np.where(y > 0, y, np.expm1(y)), rtol=1e-4, atol=1e-5)


def test_gradient_is_finite_for_equal_elements():
    d = np.ones((4, 3), np.float32)
    gradient = jax.grad(lambda d: message_passing.learned_distance(d).sum())(d)
    assert np.isfinite(gradient).all()
