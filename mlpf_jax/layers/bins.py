"""Bins: groups of equally many elements, the only ones that see each other in a layer.

An event's elements are sorted and cut into bins of `size`, the last one partly empty. It has the
same bins whatever the padding, and whatever is packed beside it; where events share a bin, layers
keep them apart (`segments.same`).
Three orders: by the hash of learned coordinates or of directions (`lsh`), and by tiles of the
calorimeter face (`tiles`).
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from mlpf_jax.layers import segments


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
    segments.check_places(slots)
    bins = -(-counts // size)
    shift = segments.starts(bins) * size - segments.starts(counts)
    position = jnp.arange(elements, dtype=jnp.int32)[None]
    ends = jnp.cumsum(counts, axis=1)
    event = (position[..., None] >= ends[:, None, :]).sum(-1)
    slot = position + jnp.take_along_axis(shift, jnp.minimum(event, packed - 1), axis=1)
    slot = jnp.where(event < packed, slot, slots)
    target = jnp.take_along_axis(slot, inverse, axis=1)
    rows = jnp.arange(order.shape[0])[:, None]
    empty = jnp.full((order.shape[0], slots), elements, jnp.int32)
    return Bins(empty.at[rows, slot].set(order, mode="drop"), target, size)


def place(
    order: Int[Array, "rows elements"],
    inverse: Int[Array, "rows elements"],
    layout: tuple[Int[Array, "rows elements"], Int[Array, "rows elements"]],
    size: int,
) -> Bins:
    """Puts sorted elements, one after the other, in the places of their event in a packed row.

    `layout`: the places sorted by event, padding last, and the inverse. A row is its bins; that
    each `size` elements of an event have places in one bin is what `datasets.packing` sees to.
    """
    if order.shape[1] % size:
        raise ValueError(
            f"packed rows of {order.shape[1]} elements are not made of bins of {size}: pack for "
            "the bin_size of the model"
        )
    places, rank = layout
    source = jnp.take_along_axis(order, rank, axis=1)
    return Bins(source, jnp.take_along_axis(places, inverse, axis=1), size)


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
