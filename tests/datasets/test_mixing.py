"""Events of an epoch by the weights of their processes."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.batches import Sampler, _epoch, make_packed_plan, make_plan
from datasets.mixing import Mix, check_weights, draw, shares

mixes = st.lists(
    st.tuples(st.integers(1, 40), st.floats(0, 9)), min_size=1, max_size=4
).filter(lambda parts: sum(w for _, w in parts) > 0.1)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(mixes, st.integers(0, 5))
def test_processes_have_their_shares_and_no_event_more_than_another(parts, seed):
    mix = Mix(*zip(*parts, strict=True))
    drawn = draw(mix, np.random.default_rng(seed))
    total, weight = sum(mix.events), sum(mix.weights)
    assert len(drawn) == total
    first = 0
    for events, own, taken in zip(*mix, shares(mix), strict=True):
        here = drawn[(drawn >= first) & (drawn < first + events)] - first
        assert len(here) == taken
        assert abs(taken - total * own / weight) < 1
        times = Counter(here.tolist())
        assert max(times[e] for e in range(events)) - min(times[e] for e in range(events)) <= 1
        first += events


def test_even_weights_take_every_event_once():
    drawn = draw(Mix((7, 7), (2.0, 2.0)), np.random.default_rng(0))
    assert sorted(drawn) == list(range(14))


def epochs(samples, plan, mix, count=3, **options):
    sampler = Sampler(samples, plan, 3, mix=mix, **options)
    per = sampler.steps_per_epoch
    return [[sampler(epoch * per + i) for i in range(per)] for epoch in range(count)]


@pytest.mark.parametrize("make", [make_plan, make_packed_plan])
def test_a_sampler_draws_by_weight_and_alike_each_time(make_samples, make):
    """Long events of one process and short ones of another, so that epochs need unequal steps."""
    counts = np.concatenate([np.arange(40, 80), np.arange(2, 42)])
    samples = make_samples(counts)
    plan, mix = make(counts, 4), Mix((40, 40), (1.0, 3.0))
    first, again = (epochs(samples, plan, mix) for _ in "ab")
    for one, other in zip(first, again, strict=True):
        assert all(np.array_equal(a.X, b.X) for a, b in zip(one, other, strict=True))
    events = [np.concatenate([b.event[b.event >= 0] for b in batches]) for batches in first]
    assert np.mean(events[0] >= 40) == pytest.approx(0.75)
    assert all(np.mean(e >= 40) == pytest.approx(0.75, abs=0.1) for e in events)
    assert not np.array_equal(events[0], events[1])
    plain = np.concatenate([b.event[b.event >= 0] for b in epochs(samples, plan, None, 1)[0]])
    assert sorted(plain) == list(range(80))


def test_any_epoch_is_made_alone(make_samples):
    """A training that goes on there sees what it would have seen."""
    counts = np.concatenate([np.full(30, 100), np.full(30, 3)])
    samples, mix = make_samples(counts), Mix((30, 30), (1.0, 2.0))
    plan = make_packed_plan(counts, 8)
    whole = epochs(samples, plan, mix)
    late = Sampler(samples, plan, 3, mix=mix)
    per = late.steps_per_epoch
    for epoch in (2, 1):
        assert np.array_equal(late(epoch * per).X, whole[epoch][0].X)


@pytest.mark.parametrize("make", [make_plan, make_packed_plan])
def test_processes_of_a_machine_take_as_many_steps(make_samples, make):
    counts = np.concatenate([np.arange(40, 80), np.arange(2, 42)])
    samples, mix = make_samples(counts), Mix((40, 40), (1.0, 3.0))
    shards = [
        epochs(samples, make(counts, 4), mix, process_index=i, process_count=2) for i in range(2)
    ]
    for one, other in zip(*shards, strict=True):
        assert [b.X.shape for b in one] == [b.X.shape for b in other]


@pytest.mark.parametrize(
    ("weights", "word"),
    [((1.0,), "1 value for 2"), ((1.0, -1.0), "at least 0"), ((0.0, 0.0), "one above"),
     ((1.0, float("nan")), "at least 0")],
)  # fmt: skip
def test_weights_without_sense_are_refused(weights, word):
    with pytest.raises(ValueError, match=word):
        check_weights(weights, 2)
    check_weights((0.0, 2.0), 2)


def test_a_weight_needs_events():
    with pytest.raises(ValueError, match="process 1 has a weight"):
        draw(Mix((4, 0), (1.0, 1.0)), np.random.default_rng(0))


@pytest.mark.parametrize("packed", [False, True])
def test_epochs_that_need_unequal_batches_have_as_many_steps(make_samples, packed):
    """The longest events of a process are drawn or are not: with them more batches are needed."""
    counts = np.concatenate([np.arange(1, 161, 2), np.full(20, 4)])
    samples, mix = make_samples(counts), Mix((80, 20), (1.0, 4.0))
    plan = make_packed_plan(counts, 2, 8) if packed else make_plan(counts, 4, 4, 8)
    needed = {len(_epoch(Sampler(samples, plan, 3, mix=mix), epoch)) for epoch in range(12)}
    assert len(needed) > 1
    sampler = Sampler(samples, plan, 3, mix=mix)
    per = sampler.steps_per_epoch
    assert min(needed) <= per <= max(needed)
    for step in range(12 * per):
        assert (sampler(step).event >= 0).any()
