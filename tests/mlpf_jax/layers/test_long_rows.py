"""Rows of any length: every order of the package against numpy's, which counts in int64.

46,340 is the largest n whose square fits int32: a key of place times n plus place ends there.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mlpf_jax.layers import bins, lsh, neighbourhoods, segments, tiles

LENGTHS = (1, 2, 1000, 46_340, 46_341, 50_000, 65_536, 200_000)
EVENTS = 3


@pytest.fixture(scope="module", params=LENGTHS)
def row(request):
    """Segments of several events and padding in any order, and a generator."""
    rng = np.random.default_rng(request.param)
    return rng.integers(0, EVENTS + 1, (1, request.param)).astype(np.int32), rng


def directions(rng, n):
    """Unit vectors whose azimuths are all different, and whose heights are: no tie, no rounding."""
    turns, z = ((rng.permutation(n) + 0.5) / n for _ in range(2))
    z, angle = 2 * z - 1, 2 * np.pi * turns
    across = np.sqrt(1 - z**2)
    points = np.stack([across * np.cos(angle), across * np.sin(angle), z], -1)
    return points[None].astype(np.float32), turns, z


def by_event(segment, *keys):
    """The order by event, then by keys, then by position; padding last, in its own order."""
    event = np.where(segment > 0, segment, segment.max(initial=0) + 1)
    keys = [np.where(segment > 0, key, 0) for key in keys]
    return np.lexsort((*keys[::-1], event))


def assert_order(found, expected):
    order, inverse = (np.asarray(a)[0] for a in found)
    np.testing.assert_array_equal(order, expected)
    np.testing.assert_array_equal(inverse[expected], np.arange(len(expected)))


def test_every_permutation_is_inverted(quick, row):
    segment, rng = row
    order = np.stack([rng.permutation(segment.shape[1]) for _ in range(3)]).astype(np.int32)
    inverse = np.asarray(quick(segments.inverse_permutation)(order))
    np.testing.assert_array_equal(inverse, np.argsort(order, axis=1))


def test_orders_by_keys_are_exact(quick, row):
    segment, rng = row
    key = rng.integers(-5, 5, segment.shape).astype(np.int32)
    value = rng.normal(size=segment.shape).astype(np.float32)
    found = quick(segments.sorted_order)(segment, key, value)
    assert_order(found, by_event(segment[0], key[0], value[0]))


@pytest.mark.parametrize("round", [0, 1])
def test_tiles_are_exact(quick, row, round):
    segment, rng = row
    points, turns, z = directions(rng, segment.shape[1])
    if round % 2 == 0:
        across, along = turns, z
    else:
        across, along = z, (turns + tiles.GOLDEN) % 1
    events = np.bincount(segment[0], minlength=EVENTS + 1)
    program = quick(tiles.tile_order, static_argnums=(3, 4))
    found = program(points, segment, events[None, 1:], 64, round)
    strip = np.zeros(segment.shape[1], np.int64)
    for event in range(1, EVENTS + 1):
        (here,) = np.nonzero(segment[0] == event)
        number = max(1, -(-len(here) // 64))
        strips = int(np.ceil(np.sqrt(number)))
        rank = np.argsort(np.argsort(across[here]))
        strip[here] = rank // (-(-number // strips) * 64)
    assert_order(found, by_event(segment[0], strip, along))


@pytest.mark.parametrize("how", ["cut", "place", "neighbourhoods"])
def test_groups_hold_every_element_of_one_event_once(quick, row, how):
    """Bins by hash, bins of a packed row and neighbourhoods: in and out again nothing moves."""
    segment, rng = row
    n = segment.shape[1]
    if how == "place":  # a row is made of whole bins; any of its places may be empty
        n = -(-n // 8) * 8
        segment = np.pad(segment, ((0, 0), (0, n - segment.shape[1])))
    points, _, _ = directions(rng, n)
    number = np.arange(1, n + 1, dtype=np.float32)[None]
    codebook = rng.normal(size=(3, max(1, n // 16))).astype(np.float32)

    def groups(segment, points, codebook, number):
        counts = segments.counts(segment, EVENTS)
        if how == "neighbourhoods":
            found = neighbourhoods.find(points, segment, counts)
        else:
            bucket = lsh.buckets(points, segments.of_own(counts, segment), codebook, n // 4 + 8)
            order = segments.sorted_order(segment, bucket)
            layout = segments.sorted_order(segment)
            found = bins.place(*order, layout, 8) if how == "place" else bins.cut(*order, counts, 8)
        inside, events = bins.into(found, number), bins.into(found, segment)
        return inside, events, bins.out_of(found, inside)

    inside, events, back = map(np.asarray, quick(groups)(segment, points, codebook, number))
    real = segment > 0
    np.testing.assert_array_equal(back[real], number[real])
    np.testing.assert_array_equal(np.sort(inside[events > 0]), number[real])
    if how == "cut" or (n > neighbourhoods.SIZE and how == "neighbourhoods"):
        lowest = np.where(events > 0, events, EVENTS + 1).min(-1)
        assert (np.maximum(events.max(-1), 1) <= np.maximum(lowest, 1)).all()


def test_rows_that_int32_cannot_number_are_refused():
    """The shapes alone say so: nothing is computed, and nothing wraps around."""
    order = jax.ShapeDtypeStruct((1, 2**31), jnp.int32)
    with pytest.raises(ValueError, match=r"a row of 2147483648 places .* cut it into several"):
        jax.eval_shape(segments.sorted_order, order)
    order = jax.ShapeDtypeStruct((1, 2**31 - 2), jnp.int32)
    counts = jax.ShapeDtypeStruct((1, 2), jnp.int32)
    with pytest.raises(ValueError, match=r"a row of \d+ places"):
        jax.eval_shape(lambda o, c: bins.cut(o, o, c, 64), order, counts)
