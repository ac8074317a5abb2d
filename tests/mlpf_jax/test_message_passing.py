import jax
import numpy as np

from mlpf_jax import message_passing


def test_kernel_and_convolution_against_loops():
    rng = np.random.default_rng(0)
    n, width = 7, 4
    d, projected = rng.normal(size=(n, 4)), rng.normal(size=(n, 3 * width))
    mask = np.arange(n) < 5
    exponent = np.asarray(message_passing.learned_distance(d))
    pairs = mask[:, None] & mask
    steeper = 2 * exponent
    adjacency = [message_passing.kernel(e, pairs) for e in (exponent, steeper)]
    got = message_passing.gated_convolution(adjacency, projected)

    mixed = np.zeros((n, width))
    for head, steepness in enumerate((1, 2)):
        weight = np.zeros((n, n))
        for i in range(5):
            for j in range(5):
                distance = np.sqrt(((d[i] - d[j]) ** 2).sum() + message_passing.SMOOTHING)
                weight[i, j] = np.exp(-steepness * distance)
        degree = weight.sum(1)
        channels = slice(2 * head, 2 * head + 2)
        for i in range(5):
            for j in range(5):
                scaled = weight[i, j] / np.sqrt(degree[i] * degree[j])
                mixed[i, channels] += scaled * projected[j, channels]
    for i in range(5):
        gate = 1 / (1 + np.exp(-projected[i, 2 * width :]))
        y = gate * mixed[i] + (1 - gate) * projected[i, width : 2 * width]
        np.testing.assert_allclose(got[i], np.where(y > 0, y, np.expm1(y)), rtol=1e-4, atol=1e-5)


def test_gradient_is_finite_for_equal_elements():
    d = np.ones((4, 3), np.float32)
    gradient = jax.grad(lambda d: message_passing.learned_distance(d).sum())(d)
    assert np.isfinite(gradient).all()
