"""An exponential moving average of the parameters: what is evaluated and saved.

The average starts as the parameters themselves, and its decay grows to its final value as
(1 + t) / (10 + t), as in TensorFlow's `ExponentialMovingAverage`: early parameters, which are bad,
are forgotten soon, and no correction of a bias is needed. The decay is a traced value; with 0 the
average is the parameters, bit for bit. It is one vector, as the optimiser's moments are: to cut it
into hundreds of arrays in every step would cost a tenth of the step of a small model.
"""

import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Int, PyTree

Vector = Float[Array, " parameters"]


def decay_at(decay: Float[Array, ""], step: Int[Array, ""]) -> Float[Array, ""]:
    """How much of the average stays at a step (counted from 0): min(decay, (1 + t) / (10 + t))."""
    return jnp.minimum(decay, (1.0 + step) / (10.0 + step))


def start(params: PyTree) -> Vector:
    """The average before the first step."""
    return ravel_pytree(params)[0]


def update(average: Vector, params: Vector, decay: Float[Array, ""], step: Int[Array, ""]):
    """The average after `params` came: d average + (1 - d) params."""
    kept = decay_at(decay, step)
    return kept * average + (1.0 - kept) * params


def as_params(average: Vector, params: PyTree) -> PyTree:
    """The average in the form of the parameters."""
    return ravel_pytree(params)[1](average)
