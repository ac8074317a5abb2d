"""Attention at linear cost: FAVOR+, softmax kernels from positive random features.

Choromanski et al. 2021 (arXiv:2009.14794), equations 5 and 10: with orthogonal random directions
w, exp(q k) is the expectation of phi(q) phi(k), phi(x) = exp(w x - |x|^2 / 2). The error grows with
the size of logits: queries and keys are brought to a fixed length first, `LOGIT_SCALE`, so that
logits stay within +-LOGIT_SCALE**2.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

LOGIT_SCALE = 1.0


def random_directions(key: Array, features: int, dims: int) -> Float[Array, "features dims"]:
    """Rows orthogonal in blocks of `dims`, with the lengths of Gaussian vectors."""
    blocks = -(-features // dims)
    keys = jax.random.split(key, 2)
    q, r = jnp.linalg.qr(jax.random.normal(keys[0], (blocks, dims, dims)))
    # Householder reflections prefer some signs; with those of r all directions are as likely.
    rows = q * jnp.sign(jnp.diagonal(r, axis1=-2, axis2=-1))[:, None, :]
    lengths = jnp.linalg.norm(jax.random.normal(keys[1], (features, dims)), axis=-1)
    return rows.reshape(-1, dims)[:features] * lengths[:, None]


def unit(x: Float[Array, "*any dims"]) -> Float[Array, "*any dims"]:
    """Vectors of length LOGIT_SCALE; the zero vector stays what it is."""
    return x * (LOGIT_SCALE * jax.lax.rsqrt((x**2).sum(-1, keepdims=True) + 1e-6))


def favor_attention(
    query: Float[Array, "rows n heads dims"],
    key: Float[Array, "rows n heads dims"],
    value: Float[Array, "rows n heads width"],
    member: Float[Array, "rows n segments"],
    directions: Float[Array, "features dims"],
) -> Float[Array, "rows n heads width"]:
    """sum_j exp(q_i k_j) v_j / sum_j exp(q_i k_j) over the elements j of i's own event.

    `member` is 1 where an element belongs to an event, else 0: sums run over each event alone.
    Queries and keys as `unit` makes them: their features are of order one and need no maximum
    taken out, whatever else is in the batch.
    """
    phi_q, phi_k = (_features(x, directions) for x in (query, key))
    if member.shape[-1] == 1:
        phi_k = phi_k * member[..., None]
        sums = jnp.einsum("bnhf,bnhw->bhfw", phi_k, value)
        total = jnp.einsum("bnhf,bhfw->bnhw", phi_q, sums)
        norm = jnp.einsum("bnhf,bhf->bnh", phi_q, phi_k.sum(1))
    else:
        sums = jnp.einsum("bns,bnhf,bnhw->bshfw", member, phi_k, value)
        norms = jnp.einsum("bns,bnhf->bshf", member, phi_k)
        total = jnp.einsum("bns,bnhf,bshfw->bnhw", member, phi_q, sums)
        norm = jnp.einsum("bns,bnhf,bshf->bnh", member, phi_q, norms)
    return total / jnp.where(norm > 0, norm, 1.0)[..., None]


def members(segment: Int[Array, "rows n"], segments: int) -> Float[Array, "rows n segments"]:
    """1 where an element belongs to an event of its row."""
    return (segment[..., None] == jnp.arange(1, segments + 1)).astype(jnp.float32)


def _features(x, directions):
    """exp(w x - |x|^2 / 2) / sqrt(features): phi of the paper, without subtracted maxima."""
    exponent = jnp.einsum("bnhd,fd->bnhf", x, directions) - 0.5 * (x**2).sum(-1, keepdims=True)
    return jnp.exp(exponent) / jnp.sqrt(len(directions))
