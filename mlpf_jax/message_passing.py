"""Messages between the elements of a bin: kernels and the gated graph convolution.

The layer of the GNN-LSH (Communications Physics 7, 124, 2024), with three changes: there may be
several kernels, each with its own share of the channels; they may fall with the distance on the
calorimeter face; and messages are normalised by the degrees of both ends (Kipf & Welling 2017), so
that their size does not depend on the number of neighbours.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from mlpf_jax.layers import elu

# Inside the square root of the learned distance: keeps its gradient finite for equal elements and
# the rounding of the expanded square small.
SMOOTHING = 1e-2


def learned_distance(d: Float[Array, "*bins n dims"]) -> Float[Array, "*bins n n"]:
    """||d_i - d_j||, smoothed at zero; in float32, for the squares cancel."""
    d = d.astype(jnp.float32)
    squared = (d**2).sum(-1)
    product = jnp.einsum("...id,...jd->...ij", d, d, precision=jax.lax.Precision.HIGHEST)
    expanded = squared[..., :, None] + squared[..., None, :] - 2 * product
    return jnp.sqrt(jnp.maximum(expanded, 0.0) + SMOOTHING)


def kernel(
    exponent: Float[Array, "*bins n n"], pairs: Bool[Array, "*bins n n"]
) -> Float[Array, "*bins n n"]:
    """exp(-exponent) between the pairs, normalised by degrees: D^-1/2 A D^-1/2."""
    weight = jnp.where(pairs, jnp.exp(-exponent), 0.0)
    scale = jax.lax.rsqrt(weight.sum(-1) + 1e-6)
    return weight * scale[..., :, None] * scale[..., None, :]


def gated_convolution(
    adjacency: Float[Array, "heads *bins n n"],
    projected: Float[Array, "*bins n three_width"],
) -> Float[Array, "*bins n width"]:
    """GHConv: ELU(g A(x Theta) + (1 - g) x W), g = sigmoid(x W_t + b).

    `projected` holds x Theta, x W and x W_t + b side by side, from one product. With several
    kernels each mixes its own part of the channels.
    """
    homophilic, heterophilic, gate = jnp.split(projected, 3, axis=-1)
    g = jax.nn.sigmoid(gate)
    mixed = jnp.concatenate(
        [
            jnp.einsum("...ij,...jw->...iw", a.astype(part.dtype), part)
            for a, part in zip(adjacency, jnp.split(homophilic, len(adjacency), -1), strict=True)
        ],
        axis=-1,
    )
    return elu(g * mixed + (1 - g) * heterophilic)
