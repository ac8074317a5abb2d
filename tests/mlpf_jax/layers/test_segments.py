"""Orders, moves and bins of events that share rows, against loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mlpf_jax.layers import bins, segments, tiles

ROWS = ([0, 1, 1, 2, 1, 0, 3, 2, 2, 1], [1, 1, 1, 1, 1, 1, 1, 1, 1, 1], [0] * 10)


@pytest.fixture(scope="module")
def packed():
    segment = jnp.array(ROWS)
    key = jax.random.uniform(jax.random.key(0), segment.shape)
    return segment, key, segments.counts(segment, 3)


def test_counts_and_starts(packed):
    segment, _, counts = packed
    assert counts.tolist() == [[4, 3, 1], [10, 0, 0], [0, 0, 0]]
    assert segments.starts(counts).tolist() == [[0, 4, 7], [0, 10, 10], [0, 0, 0]]
    own = segments.of_own(counts, segment)
    for row, event in zip(own.tolist(), segment.tolist(), strict=True):
        assert all(n == event.count(e) for n, e in zip(row, event, strict=True) if e)


def test_order_is_by_event_then_key_with_padding_last(packed):
    segment, key, _ = packed
    order, inverse = segments.sorted_order(segment, key)
    event = np.where(segment > 0, segment, 99)
    for row in range(3):
        expected = sorted(
            range(10), key=lambda i: (event[row, i], key[row, i] * (event[row, i] < 99), i)
        )
        assert order[row].tolist() == expected
        assert inverse[row][order[row]].tolist() == list(range(10))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 16])
def test_bins_hold_one_event_each_and_give_everything_back(packed, size):
    segment, key, counts = packed
    order, inverse = segments.sorted_order(segment, key)
    found = bins.cut(order, inverse, counts, size)
    x = jax.random.normal(jax.random.key(1), (3, 10, 2)) * (segment > 0)[..., None]
    in_bins, events = bins.into(found, x), bins.into(found, segment)
    assert in_bins.shape[2] == size
    for row in range(3):
        for members in events[row].tolist():
            assert len({event for event in members if event}) <= 1
        for event in range(1, 4):
            used = sum(event in members for members in events[row].tolist())
            assert used == -(-int(counts[row, event - 1]) // size)
    np.testing.assert_array_equal(bins.out_of(found, in_bins), x)


def test_gradient_of_a_move_is_that_of_a_gather(packed):
    segment, key, counts = packed
    order, inverse = segments.sorted_order(segment, key)
    found = bins.cut(order, inverse, counts, 4)
    x = jax.random.normal(jax.random.key(2), (3, 10, 2))
    weight = jax.random.normal(jax.random.key(3), bins.into(found, x).shape)
    got = jax.grad(lambda x: (weight * bins.into(found, x)).sum())(x)

    def gathered(x):
        padded = jnp.concatenate([x, jnp.zeros((3, 1, 2))], 1)
        return jnp.take_along_axis(padded, found.source[..., None], 1).reshape(weight.shape)

    np.testing.assert_allclose(got, jax.grad(lambda x: (weight * gathered(x)).sum())(x))


@pytest.fixture(scope="module")
def tile_places(quick):
    """Places in the order by tiles, for one event a row or several."""

    def places(direction, segment, tile, round, events):
        counts = segments.counts(segment, events)
        return tiles.tile_order(direction, segment, counts, tile, round)[1]

    program = quick(places, static_argnums=(2, 4))
    return lambda *values, events=1: np.asarray(program(*values, events))


def sphere(key, shape):
    points = jax.random.normal(key, (*shape, 3))
    return points / jnp.linalg.norm(points, axis=-1, keepdims=True)


@pytest.mark.parametrize("round", range(4))
def test_tiles_hold_neighbours(tile_places, round):
    direction = sphere(jax.random.key(4), (2, 512))
    segment = (jnp.arange(512) < jnp.array([[512], [300]])).astype(jnp.int32)
    inverse = tile_places(direction, segment, 32, round)
    for row, n in enumerate((512, 300)):
        tile = inverse[row, :n] // 32
        u = np.asarray(direction)[row, :n]
        distance = np.linalg.norm(u[:, None] - u, axis=-1) + 9 * np.eye(n)
        together = (tile == tile[distance.argmin(1)]).mean()
        assert together > 0.6  # chance: 31 / 511
        assert np.bincount(tile).tolist() == [32] * (n // 32) + [n % 32] * (n % 32 > 0)


def test_no_neighbourhood_is_cut_in_every_round(tile_places):
    direction = sphere(jax.random.key(5), (1, 512))
    segment = jnp.ones((1, 512), jnp.int32)
    u = np.asarray(direction)[0]
    nearest = (np.linalg.norm(u[:, None] - u, axis=-1) + 9 * np.eye(512)).argmin(1)
    met = np.zeros(512, bool)
    for round in range(4):
        tile = tile_places(direction, segment, 32, round)[0] // 32
        met |= tile == tile[nearest]
    assert met.mean() > 0.95


def test_tiles_follow_the_own_event_alone(tile_places):
    """Packed beside others, an event has the tiles that it has alone."""
    direction = sphere(jax.random.key(6), (1, 100))
    segment = jnp.array([[1] * 30 + [2] * 70])
    alone = jnp.concatenate([direction[:, 30:], jnp.zeros((1, 30, 3))], 1)
    only = jnp.array([[1] * 70 + [0] * 30])
    for round in range(3):
        packed = tile_places(direction, segment, 16, round, events=2)
        single = tile_places(alone, only, 16, round)
        np.testing.assert_array_equal(packed[0, 30:] - 30, single[0, :70])
