import jax
import jax.numpy as jnp
import numpy as np

from mlpf_jax.training import pieces


def test_pieces_join_to_the_batch():
    batch = {"X": jnp.arange(12 * 700 * 2.0).reshape(12, 700, 2), "event": jnp.arange(12)}
    cut = pieces.split((batch["X"], batch["event"]))
    count = pieces.number(cut)
    assert 12 % count == 0
    assert jax.default_backend() != "cpu" or count > 1
    X, event = pieces.join(cut)
    np.testing.assert_array_equal(X, batch["X"])
    np.testing.assert_array_equal(event, batch["event"])


def test_sum_over_pieces_is_the_sum():
    X = jax.random.normal(jax.random.key(0), (8, 600, 3))
    got = pieces.sum_over(lambda x: {"sum": (x**2).sum()}, pieces.split(X))
    np.testing.assert_allclose(got["sum"], (X**2).sum(), rtol=1e-5)
