"""Tiles of the calorimeter face: elements in groups of equal size whose members lie together.

Sort-tile-recursive packing (Leutenegger et al. 1997, of R-trees): elements are ordered along one
coordinate and cut into strips, each strip is ordered along the other and cut into tiles. Tiles
hold equally many elements wherever these are dense, at the cost of two sorts.

Every round cuts elsewhere: strips run along the beam in even rounds and around it in odd ones,
and the azimuth at which the circle is cut open moves on. So no neighbourhood is always divided.
All of it follows from the real elements of an event alone, whatever the padding.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from mlpf_jax.layers import segments

GOLDEN = 0.381966  # of a turn: successive rounds cut the circle at places far from each other


def tile_order(
    direction: Float[Array, "rows elements 3"],
    segment: Int[Array, "rows elements"],
    counts: Int[Array, "rows segments"],
    tile: int,
    round: int | Int[Array, ""],
) -> tuple[Int[Array, "rows elements"], Int[Array, "rows elements"]]:
    """Order in which every `tile` consecutive elements of an event make a tile; its inverse.

    `direction` are unit vectors to the face. Padding comes last; ties keep their order.
    """
    x, y, z = jnp.moveaxis(jax.lax.stop_gradient(direction), -1, 0)
    turns = jnp.arctan2(y, x) / (2 * jnp.pi) + GOLDEN * round
    azimuth = turns - jnp.floor(turns)
    odd = round % 2 == 1
    across, along = jnp.where(odd, z, azimuth), jnp.where(odd, azimuth, z)
    _, place = segments.sorted_order(segment, across)
    rank = place - segments.of_own(segments.starts(counts), segment)
    strip = rank // segments.of_own(strip_size(counts, tile), segment)
    return segments.sorted_order(segment, strip, along)


def strip_size(counts: Int[Array, "*any"], tile: int) -> Int[Array, "*any"]:
    """Elements of a strip: whole tiles, about as many as there are strips."""
    tiles = jnp.maximum(1, -(-counts // tile))
    strips = jnp.ceil(jnp.sqrt(tiles.astype(jnp.float32))).astype(jnp.int32)
    return -(-tiles // strips) * tile
