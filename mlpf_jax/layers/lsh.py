"""Locality-sensitive hashing: neighbours in a space get the same bucket more often than others.

Angular hashing with random directions (Andoni et al. 2015, "cross-polytope"-like; as used by the
Reformer, Kitaev et al. 2020, and the GNN-LSH): the bucket of a point is the codebook direction,
with sign, onto which it projects most. Sorting by bucket and cutting the sequence into bins brings
neighbours together at a cost linear in the number of elements.

How many directions an event uses follows from its own number of elements. So its bins, and all
that is computed in them, do not depend on padding or on the other events of the batch.
"""

import jax
import jax.numpy as jnp
from jax import export
from jaxtyping import Array, Float, Int


def random_codebook(key: Array, shape: tuple[int, int]) -> Float[Array, "dims columns"]:
    """Random unit vectors. A shorter one than the others would never be anyone's nearest."""
    codebook = jax.random.normal(key, shape)
    return codebook / jnp.linalg.norm(codebook, axis=0)


def buckets(
    points: Float[Array, "rows elements dims"],
    event_size: Int[Array, "rows elements"],
    codebook: Float[Array, "dims columns"],
    bin_size: int,
    spare: int = 1,
) -> Int[Array, "rows elements"]:
    """Bucket of every element: of c directions and their negatives, c = half its event's bins.

    `event_size` is the number of real elements in an element's event. With `spare` 1 half an odd
    number of bins is rounded up, else (as published) down.
    """
    columns = codebook.shape[1]  # any number that is enough gives the same buckets
    if not export.is_symbolic_dim(points.shape[1]):
        columns = max(1, (-(-points.shape[1] // bin_size) + spare) // 2)
    if columns > codebook.shape[1]:
        raise ValueError(
            f"events of {points.shape[1]} elements in bins of {bin_size} need {columns} codebook "
            f"columns, there are {codebook.shape[1]}; raise max_bins or bin_size"
        )
    projection = jnp.einsum(
        "bnd,dc->bnc", points, codebook[:, :columns], precision=jax.lax.Precision.HIGHEST
    )
    number = columns_used(event_size, bin_size, spare)[..., None, None]
    used = jnp.arange(columns) < number
    # Unused directions are masked in both halves: masked before the negation, their copies would
    # win every maximum and all elements would share one bucket.
    score = jnp.where(used, jnp.stack([projection, -projection], -2), -jnp.inf)
    return jnp.argmax(score.reshape(*score.shape[:2], -1), -1).astype(jnp.int32)


def columns_used(
    event_size: Int[Array, "*any"], bin_size: int, spare: int = 1
) -> Int[Array, "*any"]:
    """Half the number of bins that an event's elements fill, at least one."""
    bins = -(-event_size // bin_size)
    return jnp.maximum(1, (bins + spare) // 2)
