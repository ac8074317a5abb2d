"""Linear maps and normalisation with gradients written for matrix units.

Left to itself, XLA sums bias gradients over rows column by column on a CPU, which takes longer
than the matrix products of the whole layer. Here every sum over elements is a matrix product.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

MATRIX = "weight"  # name of the matrix of every linear map among parameters: what decays


@jax.custom_vjp
def linear(
    x: Float[Array, "*rows inputs"],
    weight: Float[Array, "inputs outputs"],
    bias: Float[Array, " outputs"],
) -> Float[Array, "*rows outputs"]:
    """x W + b, computed in the type of x: bfloat16 halves the traffic of what is float32 in
    memory. Sums over elements are float32 in any case."""
    product = _rows(x) @ weight.astype(x.dtype) + bias.astype(x.dtype)
    return product.reshape(*x.shape[:-1], -1)


def _rows(x):
    return x.reshape(-1, x.shape[-1])


def _linear_forward(x, weight, bias):
    return linear(x, weight, bias), (x, weight)


def _linear_backward(saved, gradient):
    x, weight = saved
    rows = _rows(gradient)
    ones = jnp.ones((1, len(rows)), rows.dtype)
    to_weight, to_bias = (
        jnp.matmul(a, rows, preferred_element_type=jnp.float32) for a in (_rows(x).T, ones)
    )
    return (rows @ weight.T.astype(rows.dtype)).reshape(x.shape), to_weight, to_bias[0]


linear.defvjp(_linear_forward, _linear_backward)


@jax.custom_vjp
def normalise(x: Float[Array, "*rows width"]) -> Float[Array, "*rows width"]:
    """Mean 0 and variance 1 of each row (Ba et al. 2016); the linear map behind it scales."""
    return _normalise_forward(x)[0]


def _normalise_forward(x):
    exact = x.astype(jnp.float32)
    centred = exact - exact.mean(-1, keepdims=True)
    inverse = jax.lax.rsqrt((centred**2).mean(-1, keepdims=True) + 1e-6)
    out = (centred * inverse).astype(x.dtype)
    return out, (out, inverse)


def _normalise_backward(saved, gradient):
    """With y the output and s the inverse width: s (g - mean(g) - y mean(g y))."""
    out, inverse = saved
    exact = gradient.astype(jnp.float32)
    mean = jnp.full((exact.shape[-1], 1), 1 / exact.shape[-1])
    change = inverse * (exact - exact @ mean - out * ((exact * out) @ mean))
    return (change.astype(gradient.dtype),)


normalise.defvjp(_normalise_forward, _normalise_backward)


@jax.custom_vjp
def elu(x: Float[Array, "*any"]) -> Float[Array, "*any"]:
    """x above 0, else exp(x) - 1. XLA's expm1 is exact near 0, which costs twice the time."""
    return jnp.where(x > 0, x, jnp.exp(jnp.minimum(x, 0.0)) - 1)


def elu_slope(out: Float[Array, "*any"]) -> Float[Array, "*any"]:
    """The derivative of `elu`, from its value: no exponential is taken or kept for it."""
    return jnp.minimum(out, 0.0) + 1


def _elu_forward(x):
    out = jax.lax.optimization_barrier(elu(x))  # kept instead of its exponential
    return out, out


elu.defvjp(_elu_forward, lambda out, gradient: (gradient * elu_slope(out),))


@jax.custom_vjp
def scale_and_shift(
    x: Float[Array, "*rows width"], scale: Float[Array, " width"], shift: Float[Array, " width"]
) -> Float[Array, "*rows width"]:
    """x scale + shift, by channel."""
    return x * scale + shift


def _scale_backward(saved, gradient):
    x, scale = saved
    ones = jnp.ones((1, _rows(x).shape[0]), x.dtype)
    return gradient * scale, (ones @ _rows(gradient * x))[0], (ones @ _rows(gradient))[0]


scale_and_shift.defvjp(
    lambda x, scale, shift: (scale_and_shift(x, scale, shift), (x, scale)), _scale_backward
)


class LayerNorm(nn.Module):
    """Rows of mean 0 and variance 1, then a scale and a shift by channel (Ba et al. 2016)."""

    @nn.compact
    def __call__(self, x):
        scale = self.param("scale", nn.initializers.ones, (x.shape[-1],))
        shift = self.param("shift", nn.initializers.zeros, (x.shape[-1],))
        return scale_and_shift(normalise(x), scale, shift)


class Linear(nn.Module):
    """A linear map; `scale` is that of the initial weights. The first `unbiased` outputs have no
    bias."""

    out: int
    scale: float = 1.0
    unbiased: int = 0

    @nn.compact
    def __call__(self, x):
        start = nn.initializers.variance_scaling(self.scale**2, "fan_in", "uniform")
        weight = self.param(MATRIX, start, (x.shape[-1], self.out))
        bias = self.param("bias", nn.initializers.zeros, (self.out - self.unbiased,))
        return linear(x, weight, jnp.pad(bias, (self.unbiased, 0)) if self.unbiased else bias)


class FeedForward(nn.Module):
    """`layers` hidden layers with ELU, then a linear one."""

    width: int
    layers: int
    out: int
    scale: float = 1.0  # of the last layer's initial weights

    @nn.compact
    def __call__(self, x):
        for _ in range(self.layers):
            x = elu(Linear(self.width)(x))
        return Linear(self.out, self.scale)(x)
