"""Messages between the elements of a bin: kernels and the gated graph convolution.

The layer of the GNN-LSH (Communications Physics 7, 124, 2024), and an improved form of it with
three changes: there may be several kernels, each with its own share of the channels; they may fall
with the distance on the calorimeter face; and messages are normalised by the degrees of both ends
(Kipf & Welling 2017), so that their size does not depend on the number of neighbours.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from mlpf_jax.layers.linear import elu, elu_slope

# Inside the square root of the learned distance: keeps its gradient finite for equal elements and,
# where it is larger than published, the rounding of the expanded square small.
SMOOTHING = {"published": 1e-6, "improved": 1e-2}


@jax.custom_vjp
def learned_distance(
    d: Float[Array, "*bins n dims"], smoothing: float = SMOOTHING["improved"]
) -> Float[Array, "*bins n n"]:
    """||d_i - d_j||, smoothed at zero; in float32, for the squares cancel.

    An element's distance to itself is exact: the rounding of its squares, over so small a
    distance, would be what its gradient consists of.
    """
    d = d.astype(jnp.float32)
    squared = (d**2).sum(-1)
    product = jnp.einsum("...id,...jd->...ij", d, d, precision=jax.lax.Precision.HIGHEST)
    expanded = squared[..., :, None] + squared[..., None, :] - 2 * product
    expanded = jnp.where(jnp.eye(d.shape[-2], dtype=bool), 0.0, jnp.maximum(expanded, 0.0))
    return jnp.sqrt(expanded + smoothing)


def _distance_forward(d, smoothing):
    distance = learned_distance(d, smoothing)
    return distance, (d, distance)


def _distance_backward(saved, gradient):
    """sum_j S_ij (d_i - d_j) / distance_ij, S the gradient plus its transpose."""
    d, distance = saved
    share = (gradient + jnp.swapaxes(gradient, -1, -2)) / distance
    share = jnp.where(jnp.eye(d.shape[-2], dtype=bool), 0.0, share)
    exact = d.astype(jnp.float32)
    change = _row_sums(share) * exact - share @ exact
    return change.astype(d.dtype), None


learned_distance.defvjp(_distance_forward, _distance_backward)


def _row_sums(x):
    """Sums over the last axis, kept; a product, because XLA's sums of small blocks are slow."""
    return x @ jnp.ones((x.shape[-1], 1), x.dtype)


def kernel(
    exponent: Float[Array, "*bins n n"], pairs: Bool[Array, "*bins n n"]
) -> Float[Array, "*bins n n"]:
    """exp(-exponent) between the pairs, as published: in [0, 1], for no exponent is negative."""
    return jnp.where(pairs, jnp.exp(-exponent), 0.0)


@jax.custom_vjp
def normalised_kernel(
    exponent: Float[Array, "*bins n n"], pairs: Bool[Array, "*bins n n"]
) -> Float[Array, "*bins n n"]:
    """A = exp(-exponent) between the pairs, normalised by degrees: D^-1/2 A D^-1/2."""
    return _kernel_forward(exponent, pairs)[0]


def _kernel_forward(exponent, pairs):
    weight = kernel(exponent, pairs)
    scale = jax.lax.rsqrt(_row_sums(weight) + 1e-6)
    normalised = weight * scale * jnp.swapaxes(scale, -1, -2)
    return normalised, (weight, scale)


def _kernel_backward(saved, gradient):
    """With N the kernel, H = gradient N, and s the scale: -(H_ij - w_ij s_i^2 (H + H^T)_i. / 2)."""
    weight, scale = saved
    change = gradient * weight * scale * jnp.swapaxes(scale, -1, -2)
    through_degree = 0.5 * scale**2 * _row_sums(change + jnp.swapaxes(change, -1, -2))
    return weight * through_degree - change, None


normalised_kernel.defvjp(_kernel_forward, _kernel_backward)


def gated_convolution(
    adjacency: Float[Array, "heads *bins n n"],
    projected: Float[Array, "*bins n three_width"],
) -> Float[Array, "*bins n width"]:
    """GHConv: ELU(g A(x Theta) + (1 - g) x W), g = sigmoid(x W_t + b).

    `projected` holds x Theta, x W and x W_t + b side by side, from one product. With several
    kernels each mixes its own part of the channels.
    """
    homophilic, heterophilic, gate = jnp.split(projected, 3, axis=-1)
    mixed = jnp.concatenate(
        [
            mix(a.astype(part.dtype), part)
            for a, part in zip(adjacency, jnp.split(homophilic, len(adjacency), -1), strict=True)
        ],
        axis=-1,
    )
    return gated(mixed, heterophilic, gate)


@jax.custom_vjp
def mix(
    adjacency: Float[Array, "*bins n n"], x: Float[Array, "*bins n width"]
) -> Float[Array, "*bins n width"]:
    """A x; XLA's own gradient transposes x A where the small A would do."""
    return adjacency @ x


def _mix_backward(saved, gradient):
    adjacency, x = saved
    to_adjacency = jnp.einsum("...iw,...jw->...ij", gradient, x)
    return to_adjacency, jnp.swapaxes(adjacency, -1, -2) @ gradient


mix.defvjp(lambda adjacency, x: (adjacency @ x, (adjacency, x)), _mix_backward)


@jax.custom_vjp
def gated(
    mixed: Float[Array, "*any"], own: Float[Array, "*any"], gate: Float[Array, "*any"]
) -> Float[Array, "*any"]:
    """ELU(g mixed + (1 - g) own), g = sigmoid(gate)."""
    g = jax.nn.sigmoid(gate)
    return elu(g * mixed + (1 - g) * own)


def _gated_forward(mixed, own, gate):
    out = jax.lax.optimization_barrier(gated(mixed, own, gate))  # kept instead of its exponential
    return out, (mixed, own, gate, out)


def _gated_backward(saved, gradient):
    mixed, own, gate, out = saved
    g = jax.nn.sigmoid(gate)
    inner = gradient * elu_slope(out)
    to_mixed = inner * g
    return to_mixed, inner - to_mixed, (mixed - own) * (1 - g) * to_mixed


gated.defvjp(_gated_forward, _gated_backward)
