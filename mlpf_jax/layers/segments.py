"""Events inside rows: which event of its row every element belongs to.

A segment number is 1, 2, ... for the events of a row and 0 for padding; a mask of real elements is
the case of one event a row. Several events in one row waste less padding.
"""

import jax
import jax.numpy as jnp
from jax import export
from jaxtyping import Array, Bool, Float, Int

MOST_PLACES = int(jnp.iinfo(jnp.int32).max)


def counts(segment: Int[Array, "rows elements"], segments: int) -> Int[Array, "rows segments"]:
    """Elements of each of the events 1..segments of a row."""
    number = jnp.arange(1, segments + 1)
    return (segment[..., None] == number).sum(1).astype(jnp.int32)


def of_own(
    values: Int[Array, "rows segments"], segment: Int[Array, "rows elements"]
) -> Int[Array, "rows elements"]:
    """For every element the value of its event; of the first one for padding."""
    if values.shape[1] == 1:
        return jnp.broadcast_to(values, segment.shape)
    return jnp.take_along_axis(values, jnp.maximum(segment - 1, 0), axis=1)


def starts(counts: Int[Array, "rows segments"]) -> Int[Array, "rows segments"]:
    """Where the elements of each event begin, once sorted by event."""
    return jnp.cumsum(counts, axis=1, dtype=jnp.int32) - counts


def sorted_order(
    segment: Int[Array, "rows elements"], *keys: Array
) -> tuple[Int[Array, "rows elements"], Int[Array, "rows elements"]]:
    """The order by event, then by the keys, then by position; padding last. And its inverse.

    Keys stay apart: packed into one integer they would overflow in long rows.
    """
    check_places(segment.shape[1])
    event = jnp.where(segment > 0, segment, jnp.iinfo(jnp.int32).max).astype(jnp.int32)
    keys = [jnp.where(segment > 0, key, 0) for key in keys]
    position = jnp.broadcast_to(jnp.arange(segment.shape[1], dtype=jnp.int32), segment.shape)
    operands = [event, *keys, position]
    order = jax.lax.sort(operands, dimension=1, num_keys=len(operands) - 1)[-1]
    return order, inverse_permutation(order)


def inverse_permutation(order: Int[Array, "rows elements"]) -> Int[Array, "rows elements"]:
    """Where each element went. A scatter: cheaper than a sort, and exact in rows of any length."""
    position = jnp.arange(order.shape[-1], dtype=jnp.int32)

    def of_row(order):
        places = jnp.zeros_like(order).at[order]
        return places.set(position, mode="promise_in_bounds", unique_indices=True)

    return jax.vmap(of_row)(order)


def fits(elements: int, size: int) -> bool:
    """Whether a row surely has no more elements. An exported program's may be a symbol, for any."""
    return not export.is_symbolic_dim(elements) and elements <= size


def check_places(number: int) -> None:
    """Raises `ValueError` where a row has more places than int32 can number."""
    if number > MOST_PLACES:
        raise ValueError(
            f"a row of {number} places cannot be numbered in int32 (at most {MOST_PLACES}): cut it "
            "into several rows"
        )


@jax.custom_vjp
def move(
    x: Float[Array, "rows sources *rest"],
    source: Int[Array, "rows targets"],
    target: Int[Array, "rows sources"],
) -> Float[Array, "rows targets *rest"]:
    """Row x[source] for every target; zero where `source` is beyond the last.

    `target` says where each source goes, beyond the last for nowhere: what goes nowhere, or comes
    from nowhere, has no partner. So the gradient is a gather too, the other way round.
    """
    return _gather(x, source)


def _gather(x, index):
    """Equally many on both sides are a permutation, and nothing needs to be filled in."""
    mode = "promise_in_bounds" if index.shape[1] == x.shape[1] else "fill"
    index = index.reshape(index.shape + (1,) * (x.ndim - 2))
    return jnp.take_along_axis(x, index, axis=1, mode=mode, fill_value=0)


def _move_forward(x, source, target):
    return _gather(x, source), target


def _move_backward(target, gradient):
    return _gather(gradient, target), None, None


move.defvjp(_move_forward, _move_backward)


def same(
    segment: Int[Array, "*bins n"],
) -> Bool[Array, "*bins n n"]:
    """Pairs of real elements of one event."""
    return (segment[..., :, None] == segment[..., None, :]) & (segment > 0)[..., None, :]
