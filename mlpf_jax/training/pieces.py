"""A batch in pieces, one after the other: the memory of a step is that of a piece.

On a CPU this is more than twice as fast as the whole batch at once: intermediate values stay in
the cache, and blocks below 32 MB are kept by the allocator instead of being mapped, zeroed and
unmapped in every step. An accelerator takes as much as it holds. On several devices the rows are
those of one of them.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

CPU_ELEMENTS = 1024  # in a piece
ACCELERATOR_ELEMENTS = 2**17  # enough to keep every unit busy, of a few GB in all layers


def split(batch: PyTree) -> PyTree:
    """Every (batch, elements, ...) array as (pieces, rows, elements, ...)."""
    first = jax.tree.leaves(batch)[0]
    count = _count(*first.shape[:2])

    def cut(x):
        return jnp.moveaxis(x.reshape(x.shape[0] // count, count, *x.shape[1:]), 1, 0)

    return jax.tree.map(cut, batch)


def join(cut: PyTree) -> PyTree:
    """The inverse of `split`."""

    def uncut(x):
        return jnp.moveaxis(x, 0, 1).reshape(x.shape[0] * x.shape[1], *x.shape[2:])

    return jax.tree.map(uncut, cut)


def number(cut: PyTree) -> int:
    return len(jax.tree.leaves(cut)[0])


def sum_over(function: Callable[[PyTree], PyTree], cut: PyTree) -> PyTree:
    """The sum of the function's values over the pieces."""
    if number(cut) == 1:
        return function(jax.tree.map(lambda x: x[0], cut))
    first = jax.eval_shape(function, jax.tree.map(lambda x: x[0], cut))
    zero = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), first)

    def add(total, piece):
        return jax.tree.map(jnp.add, total, function(piece)), None

    return jax.lax.scan(add, zero, cut)[0]


def _count(rows: int, elements: int) -> int:
    """Pieces of equal size that hold no more than the limit, or one row."""
    limit = CPU_ELEMENTS if jax.default_backend() == "cpu" else ACCELERATOR_ELEMENTS
    counts = [n for n in range(1, rows + 1) if rows % n == 0]
    fitting = [n for n in counts if rows // n * elements <= limit]
    return fitting[0] if fitting else max(counts, default=1)
