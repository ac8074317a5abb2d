"""Seeds of simulated events: no two of one use are one."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets import seeds
from tests.soaked import soaked

USES = (seeds.COLLISIONS, seeds.OVERLAY)
any_seed = st.integers(0, 2**40)


@pytest.mark.parametrize("seed", [*soaked(0, 1), 2**32 + 1])
def test_shards_of_a_dataset_never_share_events(seed):
    """200,000 of them, in three splits: so many draws of 29 bits, made once, hold some 37 twice."""
    shards = [(split, index) for split in range(3) for index in range(70_000)]
    own = seeds.of_shards(seed, 6, shards)
    assert len(own) == len(shards)
    assert len({seeds.of_pythia(s, use) for s in own for use in USES}) == 2 * len(own)


@settings(max_examples=30, deadline=None)
@given(any_seed, st.integers(0, 6), st.integers(1, 40))
def test_more_shards_begin_with_the_same_ones(seed, process, n):
    shards = [(0, index) for index in range(40)]
    assert seeds.of_shards(seed, process, shards)[:n] == seeds.of_shards(seed, process, shards[:n])


@given(st.integers(0, seeds.PYTHIA - 1), st.integers(0, seeds.PYTHIA - 1))
def test_pythia_has_a_seed_for_each(one, other):
    for use in USES:
        ours, theirs = (seeds.of_pythia(seed, use) for seed in (one, other))
        assert (ours == theirs) == (one == other)
        assert 1 <= ours <= 900_000_000  # what Pythia takes for a seed


@pytest.mark.parametrize("first", [0, seeds.PYTHIA // 2 - 500, seeds.PYTHIA - 1000])
def test_neighbours_have_seeds_of_their_own(first):
    for use in USES:
        assert len({seeds.of_pythia(first + i, use) for i in range(1000)}) == 1000


@given(st.lists(any_seed, max_size=5), st.lists(any_seed, max_size=5))
def test_shared_are_the_seeds_whose_random_numbers_others_use(ours, others):
    def pythia(seed):
        return {seeds.of_pythia(seed, use) for use in USES}

    mixed = [*ours, *others[:2]]
    expected = [s for s in mixed if any(pythia(s) & pythia(other) for other in others)]
    assert seeds.shared(mixed, others) == expected


def test_a_seed_is_shared_with_one_whose_overlay_is_its_collision():
    assert seeds.shared([3], [3 + seeds.PYTHIA // 2]) == [3]
    assert seeds.shared([3], [4]) == []


@given(any_seed)
def test_the_two_uses_of_a_seed_are_two(seed):
    assert seeds.of_pythia(seed, seeds.COLLISIONS) != seeds.of_pythia(seed, seeds.OVERLAY)


def test_random_numbers_of_other_seeds_uses_and_portions_are_others():
    """Also where a seed has more than 32 bits, whose words are no numbers of a portion."""
    large = [0, 1, 5, 2**32, 2**32 + 1, 5 + 2**32, 5 + 2**33, 2**64, 2**64 + 5]
    first = [
        int(seeds.generator(seed, use, portion).integers(2**63))
        for seed, use, portion in product(large, (seeds.COUNTS, seeds.DETECTOR), range(4))
    ]
    assert len(set(first)) == len(first)
    again = seeds.generator(5, seeds.DETECTOR, 1).random(3)
    np.testing.assert_array_equal(again, seeds.generator(5, seeds.DETECTOR, 1).random(3))
