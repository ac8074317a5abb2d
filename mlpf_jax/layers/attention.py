"""Attention between elements, exact: every pair of a group meets.

Scaled dot products (Vaswani et al. 2017) with logits that may fall with the squared distance on
the calorimeter face, at a rate that each head learns.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float


def attention(
    query: Float[Array, "*groups n heads dims"],
    key: Float[Array, "*groups n heads dims"],
    value: Float[Array, "*groups n heads width"],
    pairs: Bool[Array, "*groups n n"],
    penalty: Float[Array, "*groups heads n n"] | float = 0.0,
) -> Float[Array, "*groups n heads width"]:
    """softmax_j(q_i k_j / sqrt(dims) - penalty_ij) v_j over the pairs ij; zero where i has none."""
    logits = jnp.einsum("...ihd,...jhd->...hij", query, key, preferred_element_type=jnp.float32)
    pairs = pairs[..., None, :, :]
    logits = jnp.where(pairs, logits / jnp.sqrt(query.shape[-1]) - penalty, -jnp.inf)
    highest = jax.lax.stop_gradient(logits.max(-1, keepdims=True))
    weight = jnp.exp(logits - jnp.where(jnp.isfinite(highest), highest, 0.0))
    total = weight.sum(-1, keepdims=True)
    weight = (weight / jnp.where(total > 0, total, 1.0)).astype(value.dtype)
    return jnp.einsum("...hij,...jhd->...ihd", weight, value)
