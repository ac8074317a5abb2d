"""Bins: groups of equally many elements, the only ones that see each other in a layer.

An event's elements are sorted and cut into bins of `size`, the last one partly empty. Bins never
mix events: an event has the same bins whatever the padding, and whatever is packed beside it.
Three orders: by the hash of learned coordinates or of directions (`lsh`), and by tiles of the
calorimeter face (`tiles`).
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from mlpf_jax import segments


class Bins(NamedTuple):
    """Where every slot of every bin comes from, and where every element goes.

    None: a row is one bin.
    """

    source: Int[Array, "rows slots"] | None  # element of a slot; beyond the last: empty
    target: Int[Array, "rows elements"] | None  # slot of an element; beyond the last: padding
    size: int


def cut(
    order: Int[Array, "rows elements"],
    inverse: Int[Array, "rows elements"],
    counts: Int[Array, "rows segments"],
    size: int,
) -> Bins:
    """Cuts elements that are sorted by event, padding last, into bins; every event begins one."""
    elements, packed = order.shape[1], counts.shape[1]
    if packed == 1 and elements % size == 0:
        return Bins(order, inverse, size)
    slots = (-(-elements // size) + packed - 1) * size
    bins = -(-counts // size)
    shift = segments.starts(bins) * size - segments.starts(counts)
    position = jnp.arange(elements, dtype=jnp.int32)[None]
    ends = jnp.cumsum(counts, axis=1)
    event = (position[..., None] >= ends[:, None, :]).sum(-1)
    slot = position + jnp.take_along_axis(shift, jnp.minimum(event, packed - 1), axis=1)
    slot = jnp.where(event < packed, slot, slots)
    target = jnp.take_along_axis(slot, inverse, axis=1)
    rows = jnp.arange(len(order))[:, None]
    empty = jnp.full((len(order), slots), elements, jnp.int32)
    return Bins(empty.at[rows, slot].set(order, mode="drop"), target, size)


def into(bins: Bins, x: Float[Array, "rows elements *rest"]) -> Array:
    """Elements in their bins: (rows, bins, size, ...); empty slots are zero."""
    if bins.source is None:
        return x[:, None]
    moved = segments.move(x, bins.source, bins.target)
    return moved.reshape(x.shape[0], -1, bins.size, *x.shape[2:])


def out_of(bins: Bins, x: Float[Array, "rows bins size *rest"]) -> Array:
    """Elements back in their rows; padding is zero."""
    if bins.source is None:
        return x[:, 0]
    return segments.move(x.reshape(x.shape[0], -1, *x.shape[3:]), bins.target, bins.source)
