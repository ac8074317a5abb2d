"""Neighbourhoods: groups of elements that lie together, whose pairs are all looked at.

What depends on all pairs of a row is quadratic in its length. In tiles of the calorimeter face it
is linear: exact for events of up to SIZE elements, which are one tile; in larger events an element
at the edge of its tile does not see beyond.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from mlpf_jax.layers import bins, segments, tiles
from mlpf_jax.layers.bins import Bins

SIZE = 512


def find(
    direction: Float[Array, "rows elements 3"],
    segment: Int[Array, "rows elements"],
    counts: Int[Array, "rows segments"],
) -> Bins:
    """Rows as they are if they are short, else tiles of single events.

    Elements stay in the order of the row in their tile: it decides between equally near ones.
    """
    if segments.fits(segment.shape[1], SIZE):
        return Bins(None, None, segment.shape[1])
    _, place = tiles.tile_order(direction, segment, counts, SIZE, 0)
    tile = (place - segments.of_own(segments.starts(counts), segment)) // SIZE
    return bins.cut(*segments.sorted_order(segment, tile), counts, SIZE)


def into(found: Bins, x: Float[Array, "rows elements *rest"]) -> Array:
    """(neighbourhoods, size, ...), those of all rows one after the other."""
    apart = bins.into(found, x)
    return apart.reshape(-1, *apart.shape[2:])


def out_of(found: Bins, x: Float[Array, "neighbourhoods size *rest"], rows: int) -> Array:
    """The inverse of `into`."""
    return bins.out_of(found, jnp.reshape(x, (rows, -1, *x.shape[1:])))
