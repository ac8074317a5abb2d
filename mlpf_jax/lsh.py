"""Locality-sensitive hashing of elements into bins of fixed size.

Angular hashing with random directions (Andoni et al. 2015, "cross-polytope"-like; as used by the
Reformer, Kitaev et al. 2020, and the GNN-LSH): the bucket of a point is the codebook direction,
with sign, onto which it projects most. Sorting by bucket and cutting the sequence into pieces of
`bin_size` gives bins in which neighbours meet, at a cost linear in the number of elements.

How many directions an event uses follows from its own number of elements. So its bins, and all
that is computed in them, do not depend on padding or on the other events of the batch.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int


def random_codebook(key: Array, dims: int, columns: int) -> Float[Array, "dims columns"]:
    """Random unit vectors. A shorter one than the others would never be anyone's nearest."""
    codebook = jax.random.normal(key, (dims, columns))
    return codebook / jnp.linalg.norm(codebook, axis=0)


def buckets(
    points: Float[Array, "batch elements dims"],
    mask: Bool[Array, "batch elements"],
    codebook: Float[Array, "dims columns"],
    bin_size: int,
) -> Int[Array, "batch elements"]:
    """Bucket of every element: of c directions and their negatives, c = half the event's bins."""
    columns = _columns(points.shape[1], bin_size)
    if columns > codebook.shape[1]:
        raise ValueError(
            f"events of {points.shape[1]} elements in bins of {bin_size} need {columns} codebook "
            f"columns, there are {codebook.shape[1]}; raise max_bins or bin_size"
        )
    projection = jnp.einsum(
        "bnd,dc->bnc", points, codebook[:, :columns], precision=jax.lax.Precision.HIGHEST
    )
    used = jnp.arange(columns) < columns_used(mask, bin_size)[:, None]
    # Unused directions are masked in both halves: masked before the negation, their copies would
    # win every maximum and all elements would share one bucket.
    used = jnp.concatenate([used, used], -1)[:, None, :]
    score = jnp.concatenate([projection, -projection], -1)
    return jnp.argmax(jnp.where(used, score, -jnp.inf), -1).astype(jnp.int32)


def columns_used(mask: Bool[Array, "batch elements"], bin_size: int) -> Int[Array, " batch"]:
    """Half the number of bins that the real elements of each event fill, at least one."""
    bins = -(-mask.sum(-1) // bin_size)
    return jnp.maximum(1, (bins + 1) // 2)


def _columns(elements: int, bin_size: int) -> int:
    return max(1, (-(-elements // bin_size) + 1) // 2)


def bin_order(
    bucket: Int[Array, "batch elements"], mask: Bool[Array, "batch elements"]
) -> tuple[Int[Array, "batch elements"], Int[Array, "batch elements"]]:
    """Order that sorts by bucket, padding last, and its inverse. Ties keep their order.

    One sort of one integer key, bucket * elements + position: several times faster than argsort.
    """
    n = bucket.shape[-1]
    position = jnp.arange(n, dtype=jnp.int32)
    last = jnp.iinfo(jnp.int32).max // n - 1
    key = jnp.sort(jnp.where(mask, bucket, last) * n + position, axis=-1)
    order = key % n
    return order, inverse_permutation(order)


def inverse_permutation(order: Int[Array, "batch elements"]) -> Int[Array, "batch elements"]:
    """Where each element went: the same trick, sorting order * elements + position."""
    n = order.shape[-1]
    key = jnp.sort(order * n + jnp.arange(n, dtype=jnp.int32), axis=-1)
    return key % n


@jax.custom_vjp
def permute(
    x: Float[Array, "batch elements *rest"],
    order: Int[Array, "batch elements"],
    inverse: Int[Array, "batch elements"],
) -> Float[Array, "batch elements *rest"]:
    """Rows of x in the given order. The gradient is a gather too, through the inverse."""
    return _gather(x, order)


def _gather(x, order):
    index = order.reshape(order.shape + (1,) * (x.ndim - 2))
    return jnp.take_along_axis(x, index, axis=1)


def _permute_forward(x, order, inverse):
    return _gather(x, order), inverse


def _permute_backward(inverse, gradient):
    return _gather(gradient, inverse), None, None


permute.defvjp(_permute_forward, _permute_backward)
