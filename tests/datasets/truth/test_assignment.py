"""Serial choice found in rounds equals serial choice made in turn, ties included."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.events import Links
from datasets.truth.assignment import assign, chain, combine, inherit, reaches


def links_between(rng, sources, targets, count) -> Links:
    """Links of small whole weights, so that ties are common."""
    ends = rng.integers(0, (sources, targets), (count, 2))
    weight = rng.integers(1, 4, count).astype(float)
    return combine(Links(ends[:, 0], ends[:, 1], weight), (sources, targets))


def serial(energy, to_track, to_cluster):
    holders = {}
    held = {}
    for i in sorted(range(len(energy)), key=lambda i: (-energy[i], i)):
        for kind, links in (("track", to_track), ("cluster", to_cluster)):
            wishes = sorted(
                (-w, e)
                for s, e, w in zip(links.source, links.target, links.weight, strict=True)
                if s == i and (kind, e) not in holders
            )
            if wishes:
                holders[kind, wishes[0][1]] = i
                held[i] = (kind, wishes[0][1])
                break
    merged = {}
    for i in set(range(len(energy))) - set(held):
        wishes = sorted(
            (-w, e)
            for s, e, w in zip(to_cluster.source, to_cluster.target, to_cluster.weight, strict=True)
            if s == i
        )
        if wishes:
            merged[i] = holders["cluster", wishes[0][1]]
    return held, merged


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_assignment_is_serial_choice(seed):
    rng = np.random.default_rng(seed)
    owners, tracks, clusters = rng.integers(1, 9, 3)
    energy = rng.integers(0, 4, owners).astype(float)
    to_track = links_between(rng, owners, tracks, rng.integers(0, 14))
    to_cluster = links_between(rng, owners, clusters, rng.integers(0, 14))
    found = assign(energy, to_track, to_cluster, tracks, clusters)
    held, merged = serial(energy, to_track, to_cluster)
    for i in range(owners):
        assert found.track[i] == (held[i][1] if held.get(i, " ")[0] == "track" else -1)
        assert found.cluster[i] == (held[i][1] if held.get(i, " ")[0] == "cluster" else -1)
        assert found.merged_into[i] == merged.get(i, -1)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_chain_is_the_matrix_product(seed):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 6, 3).tolist())
    first = links_between(rng, *shape[:2], 8)
    second = links_between(rng, *shape[1:], 8)

    def dense(links, size):
        matrix = np.zeros(size)
        np.add.at(matrix, (links.source, links.target), links.weight)
        return matrix

    product = dense(first, shape[:2]) @ dense(second, shape[1:])
    np.testing.assert_array_equal(dense(chain(first, second, shape), product.shape), product)


def test_decay_loops_end():
    loop = Links(np.array([0, 1, 2]), np.array([1, 2, 0]), np.ones(3))
    assert inherit(np.array([0, -1, -1]), loop).tolist() == [0, 0, 0]
    assert reaches(np.array([True, False, False]), loop, 10).all()


def test_generations_are_counted():
    line = Links(np.arange(4), np.arange(1, 5), np.ones(4))
    flag = np.arange(5) == 4
    assert reaches(flag, line, 2).tolist() == [False, False, True, True, False]
