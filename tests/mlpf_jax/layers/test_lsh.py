import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mlpf_jax.layers import lsh, segments


def directions(key, shape):
    points = jax.random.normal(key, shape)
    return points / jnp.linalg.norm(points, axis=-1, keepdims=True)


@pytest.fixture(scope="module")
def hashed():
    points = directions(jax.random.key(0), (3, 256, 3))
    sizes = jnp.array([[256], [200], [70]])
    segment = (jnp.arange(256) < sizes).astype(jnp.int32)
    codebook = lsh.random_codebook(jax.random.key(1), (3, 20))
    event_size = jnp.broadcast_to(sizes, segment.shape)
    return points, segment, lsh.buckets(points, event_size, codebook, 32)


def test_all_buckets_are_used(hashed):
    _, segment, bucket = hashed
    for event, columns in enumerate((4, 4, 2)):  # 8, 7 and 3 bins
        real = segment[event] > 0
        assert int(lsh.columns_used(real.sum(), 32)) == columns
        assert len(np.unique(bucket[event][real])) == 2 * columns


def test_neighbours_share_a_bin_more_often_than_chance(hashed):
    points, segment, bucket = hashed
    _, inverse = segments.sorted_order(segment, bucket)
    bin_of = np.asarray(inverse)[0] // 32
    distance = np.linalg.norm(points[0][:, None] - points[0][None], axis=-1) + 9 * np.eye(256)
    together = (bin_of == bin_of[distance.argmin(1)]).mean()
    assert together > 3 * (31 / 255)
    assert (np.bincount(bin_of) == 32).all()


def test_too_many_elements_for_the_codebook():
    points, sizes = jnp.zeros((1, 64, 3)), jnp.full((1, 64), 64)
    with pytest.raises(ValueError, match="raise max_bins or bin_size"):
        lsh.buckets(points, sizes, jnp.zeros((3, 1)), 16)
