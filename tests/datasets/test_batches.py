import itertools
import weakref
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets import samples as stored
from datasets.batches import (
    LINKS_PER_ELEMENT,
    Plan,
    Sampler,
    links_without_room,
    make_packed_plan,
    make_plan,
    rows_of,
    sequential,
)

sizes = st.lists(st.integers(0, 40), min_size=1, max_size=30)


@settings(max_examples=30, deadline=None)
@given(sizes, st.integers(1, 7), st.integers(1, 4), st.integers(0, 3))
def test_an_epoch_holds_every_element_once(make_samples, counts, batch_size, buckets, seed):
    samples = make_samples(counts)
    plan = make_plan(np.array(counts), batch_size, buckets, multiple=8)
    sampler = Sampler(samples, plan, seed)
    for epoch in range(2):
        batches = [
            sampler(epoch * sampler.steps_per_epoch + i) for i in range(sampler.steps_per_epoch)
        ]
        seen = np.concatenate([b.X[b.mask][:, 5] for b in batches])
        assert np.array_equal(np.sort(seen), np.arange(sum(counts)))
        events = np.concatenate([b.event for b in batches])
        assert np.array_equal(np.sort(events[events >= 0]), np.arange(len(counts)))
        for b in batches:
            assert not b.X[~b.mask].any()
            assert not b.ytarget[~b.mask].any()
            assert b.X.shape[:2] in {(batch_size, length) for length in plan.lengths}


def test_a_step_alone_gives_its_batch(make_samples):
    samples = make_samples(np.arange(1, 40))
    plan = make_plan(np.diff(samples.offsets), 4, 3, 8)
    one, other = Sampler(samples, plan, 3), Sampler(samples, plan, 3)
    for step in range(25):
        one(step)
    assert all(np.array_equal(a, b) for a, b in zip(one(25), other(25), strict=True))
    assert not np.array_equal(one(0).event, Sampler(samples, plan, 4)(0).event)


@pytest.mark.parametrize("make", [make_plan, make_packed_plan])
def test_a_dropped_sampler_frees_its_samples(make_samples, make):
    samples = make_samples(np.arange(1, 40))
    sampler = Sampler(samples, make(np.diff(samples.offsets), 4), 3)
    for epoch in range(3):
        sampler(epoch * sampler.steps_per_epoch)
    held = [weakref.ref(samples), weakref.ref(sampler)]
    del samples, sampler
    assert [ref() for ref in held] == [None, None]


def test_processes_share_the_events(make_samples):
    samples = make_samples(np.arange(1, 40))
    plan = make_plan(np.diff(samples.offsets), 4, 1)
    seen = [
        e
        for p in range(3)
        for sampler in [Sampler(samples, plan, 0, p, 3)]
        for step in range(sampler.steps_per_epoch)
        for e in sampler(step).event
        if e >= 0
    ]
    assert sorted(seen) == list(range(39))


def test_sequential_reads_everything_once(make_samples):
    samples = make_samples([3, 0, 5, 9, 2])
    plan = make_plan(np.diff(samples.offsets), 2, 2, 4)
    seen = np.concatenate([b.X[b.mask][:, 5] for b in sequential(samples, plan)])
    assert sorted(seen) == list(range(19))


def test_an_event_too_long_is_refused(make_samples):
    with pytest.raises(ValueError, match="9 elements does not fit"):
        sequential(make_samples([3, 9]), Plan((4, 8), 2))


def test_samples_survive_the_disk(make_samples, same_samples, tmp_path):
    samples = make_samples([3, 0, 5])
    stored.save(tmp_path / "a", samples)
    assert same_samples(stored.load(tmp_path / "a"), samples)
    assert not list(tmp_path.glob(".*"))
    (tmp_path / "a" / "X.npy").write_bytes(b"half")
    with pytest.raises(stored.SamplesError, match="build it again"):
        stored.load(tmp_path / "a")


@settings(max_examples=20, deadline=None)
@given(sizes, st.randoms())
def test_take_undoes_join(make_samples, same_samples, counts, random):
    parts = [make_samples(counts, 1), make_samples(counts[::-1], 2)]
    joined = stored.join(parts)
    n = len(counts)
    assert same_samples(stored.take(joined, np.arange(n)), parts[0])
    assert same_samples(stored.take(joined, np.arange(n, 2 * n)), parts[1])
    order = list(range(2 * n))
    random.shuffle(order)
    taken = stored.take(joined, np.array(order))
    for place, event in enumerate(order):
        rows = slice(joined.offsets[event], joined.offsets[event + 1])
        mine = slice(taken.offsets[place], taken.offsets[place + 1])
        assert np.array_equal(taken.X[mine], joined.X[rows])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=20), st.integers(1, 3))
def test_the_plan_wastes_least(counts, buckets):
    def cost(lengths):
        return sum(min(length for length in lengths if length >= count) for count in counts)

    plan = make_plan(np.array(counts), 4, buckets, multiple=8)
    top = -(-max(max(counts), 1) // 8) * 8
    choices = [
        (*lower, top)
        for size in range(buckets)
        for lower in itertools.combinations(range(8, top, 8), size)
    ]
    assert len(plan.lengths) <= buckets
    assert plan.lengths[-1] == top
    assert cost(plan.lengths) == min(map(cost, choices))


def test_a_plan_needs_sense():
    with pytest.raises(ValueError, match="no events"):
        make_plan(np.array([], int), 4)
    with pytest.raises(ValueError, match="at least 1"):
        make_plan(np.array([3]), 4, buckets=0)


@pytest.mark.parametrize(("index", "count"), [(-1, 2), (2, 2), (0, 0)])
def test_there_is_no_such_process(make_samples, index, count):
    samples = make_samples([3])
    with pytest.raises(ValueError, match="count from 0"):
        Sampler(samples, make_plan(np.array([3]), 1), 1, index, count)


@pytest.mark.parametrize("count", [2, 3])
def test_processes_take_the_same_steps_of_the_same_lengths(make_samples, count):
    sizes = np.random.default_rng(0).integers(1, 400, 31)
    samples = make_samples(sizes)
    plan = make_plan(sizes, batch_size=2, buckets=3)
    shards = [Sampler(samples, plan, 5, i, count) for i in range(count)]
    assert len({shard.steps_per_epoch for shard in shards}) == 1
    seen = []
    for step in range(shards[0].steps_per_epoch):
        parts = [shard(step) for shard in shards]
        assert len({part.X.shape for part in parts}) == 1
        seen += [n for part in parts for n in np.ravel(part.event) if n >= 0]
    assert sorted(seen) == list(range(31))


@settings(max_examples=30, deadline=None)
@given(sizes, st.booleans())
def test_rows_of_a_batch_are_found_again(make_samples, counts, packed):
    samples = make_samples(counts)
    make = make_packed_plan if packed else make_plan
    for b in sequential(samples, make(np.array(counts), 4)):
        rows = rows_of(b, samples.offsets)
        assert np.array_equal(samples.X[rows], b.X[b.mask])
        assert np.array_equal(samples.ytarget[rows], b.ytarget[b.mask])


@settings(max_examples=30, deadline=None)
@given(sizes, st.integers(1, 7), st.booleans(), st.sampled_from([1, 3]))
def test_shares_name_the_same_elements_in_a_batch(make_samples, counts, batch_size, packed, links):
    """Column 5 of X numbers the elements: links are found again, the largest where room ends."""
    samples = make_samples(counts, links=links)
    plan = (make_packed_plan if packed else make_plan)(np.array(counts), batch_size)
    first, table = samples.offsets[samples.shares.event], samples.shares
    ends = [(first + table[name]).astype(int) for name in ("track", "cluster")]
    known = {e: pair for e, *pair in zip(table["energy"], *ends, strict=True)}
    found = {}
    for batch in sequential(samples, plan):
        for row in range(len(batch.X)):
            here = batch.shares.energy[row] > 0
            pairs = (batch.X[row, p[row][here], 5].astype(int) for p in batch.shares[:2])
            energies = batch.shares.energy[row][here]
            found |= {e: pair for e, *pair in zip(energies, *pairs, strict=True)}
            of_row = np.isin(ends[0], batch.X[row, batch.mask[row], 5])
            most = sorted(table["energy"][of_row])[-LINKS_PER_ELEMENT * batch.X.shape[1] :]
            assert sorted(energies) == most
    assert all(known[energy] == pair for energy, pair in found.items())
    assert len(known) - len(found) <= links_without_room(samples)
    assert links_without_room(samples) == max(0, links - LINKS_PER_ELEMENT) * sum(counts)
    if links < LINKS_PER_ELEMENT:
        assert found.keys() == known.keys()


def test_samples_without_shares_make_batches_without(make_samples):
    samples = replace(make_samples([3, 5]), shares=None)
    (batch,) = sequential(samples, make_plan(np.diff(samples.offsets), 2))
    assert batch.shares is None
    assert stored.join([samples, make_samples([2])]).shares is None
