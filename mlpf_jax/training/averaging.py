"""An exponential moving average of the parameters: what is evaluated and saved.

The average starts as the parameters themselves, and its decay grows to its final value as
(1 + t) / (10 + t), as in TensorFlow's `ExponentialMovingAverage`: early parameters, which are bad,
are forgotten soon, and no correction of a bias is needed. The decay is a traced value; with 0 the
average is the parameters, bit for bit.
"""

import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Int, PyTree


def decay_at(decay: Float[Array, ""], step: Int[Array, ""]) -> Float[Array, ""]:
    """How much of the average stays at a step (counted from 0): min(decay, (1 + t) / (10 + t))."""
    return jnp.minimum(decay, (1.0 + step) / (10.0 + step))


def update(average: PyTree, params: PyTree, decay: Float[Array, ""], step: Int[Array, ""]):
    """The average after `params` came: d average + (1 - d) params."""
    before, unravel = ravel_pytree(average)
    now, _ = ravel_pytree(params)
    kept = decay_at(decay, step)
    return unravel(kept * before + (1.0 - kept) * now)
