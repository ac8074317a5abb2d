import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mlpf_jax import lsh


def directions(key, shape):
    points = jax.random.normal(key, shape)
    return points / jnp.linalg.norm(points, axis=-1, keepdims=True)


@pytest.fixture(scope="module")
def hashed():
    points = directions(jax.random.key(0), (3, 256, 3))
    mask = jnp.arange(256) < jnp.array([[256], [200], [70]])
    codebook = lsh.random_codebook(jax.random.key(1), 3, 20)
    return points, mask, lsh.buckets(points, mask, codebook, 32)


def test_all_buckets_are_used(hashed):
    _, mask, bucket = hashed
    for event, columns in enumerate((4, 4, 2)):  # 8, 7 and 3 bins
        assert int(lsh.columns_used(mask, 32)[event]) == columns
        assert len(np.unique(bucket[event][mask[event]])) == 2 * columns


def test_neighbours_share_a_bin_more_often_than_chance(hashed):
    points, mask, bucket = hashed
    _, inverse = lsh.bin_order(bucket, mask)
    bin_of = np.asarray(inverse)[0] // 32
    distance = np.linalg.norm(points[0][:, None] - points[0][None], axis=-1) + 9 * np.eye(256)
    together = (bin_of == bin_of[distance.argmin(1)]).mean()
    assert together > 3 * (31 / 255)
    assert (np.bincount(bin_of) == 32).all()


def test_order_is_a_sort_by_bucket_with_padding_last(hashed):
    _, mask, bucket = hashed
    order, inverse = lsh.bin_order(bucket, mask)
    key = np.where(mask, bucket, 10**6)
    np.testing.assert_array_equal(order, np.argsort(key, axis=1, kind="stable"))
    np.testing.assert_array_equal(
        np.take_along_axis(order, inverse, 1), np.arange(256)[None] + 0 * order
    )


def test_gradient_of_permute_is_that_of_a_gather(hashed):
    _, mask, bucket = hashed
    order, inverse = lsh.bin_order(bucket, mask)
    x, weight = jax.random.normal(jax.random.key(2), (2, 3, 256, 4))
    got = jax.grad(lambda x: (weight * lsh.permute(x, order, inverse)).sum())(x)
    expected = jax.grad(lambda x: (weight * jnp.take_along_axis(x, order[..., None], 1)).sum())(x)
    np.testing.assert_array_equal(got, expected)


def test_too_many_elements_for_the_codebook():
    with pytest.raises(ValueError, match="raise max_bins or bin_size"):
        lsh.buckets(jnp.zeros((1, 64, 3)), jnp.ones((1, 64), bool), jnp.zeros((3, 1)), 16)
