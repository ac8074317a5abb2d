"""Several events in a row: where each lies, and what an epoch of such rows holds."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets import batches
from datasets.batches import Sampler, make_packed_plan, sequential
from datasets.packing import pack

sizes = st.lists(st.integers(0, 40), min_size=1, max_size=30)


def epoch_of(sampler, epoch):
    steps = sampler.steps_per_epoch
    return [sampler(epoch * steps + i) for i in range(steps)]


@settings(max_examples=30, deadline=None)
@given(sizes, st.integers(1, 7), st.integers(0, 3), st.integers(1, 3))
def test_packed_epochs_hold_everything_once(make_samples, counts, batch_size, seed, processes):
    samples = make_samples(counts)
    plan = make_packed_plan(np.array(counts), batch_size, bin_size=8)
    samplers = [Sampler(samples, plan, seed, p, processes) for p in range(processes)]
    assert len({sampler.steps_per_epoch for sampler in samplers}) == 1
    for epoch in range(2):
        batches = [b for sampler in samplers for b in epoch_of(sampler, epoch)]
        events = np.concatenate([b.event.ravel() for b in batches])
        assert np.array_equal(np.sort(events[events >= 0]), np.arange(len(counts)))
        for b in batches:
            assert b.segment.shape == (plan.batch_size, plan.lengths[0])
            assert b.event.shape == (plan.batch_size, plan.segments)
            assert not b.X[~b.mask].any()
            assert not b.ytarget[~b.mask].any()
        seen = np.concatenate([b.X[b.mask][:, 5] for b in batches])
        assert np.array_equal(np.sort(seen), np.arange(sum(counts)))


@settings(max_examples=30, deadline=None)
@given(sizes, st.integers(1, 9))
def test_packed_events_have_the_bins_that_they_have_alone(make_samples, counts, bin_size):
    samples = make_samples(counts)
    plan = make_packed_plan(np.array(counts), 4, bin_size)
    for b in sequential(samples, plan):
        for segments, events in zip(b.segment, b.event, strict=True):
            for number, event in enumerate(events, 1):
                (places,) = np.nonzero(segments == number)
                assert len(places) == (counts[event] if event >= 0 else 0)
                for i in range(0, len(places), bin_size):
                    assert len(set(places[i : i + bin_size] // bin_size)) == 1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 40), max_size=30), st.integers(2, 5))
def test_packing_is_first_fit_decreasing(counts, segments):
    """Event by event, where the rows are not filled one after the other."""
    rows = []  # of each: events, bins of its events, places left in the others
    for count in sorted(counts, reverse=True):
        whole, rest = divmod(count, 8)
        for row in [*rows, None]:
            if row is None:
                row = {"events": 0, "bins": 0, "left": []}
                rows.append(row)
            roomy = sorted(i for i in row["left"] if i >= rest)
            bins = whole + (1 if rest and not roomy else 0)
            if row["events"] < segments and row["bins"] + bins <= 5:
                break
        row["events"], row["bins"] = row["events"] + 1, row["bins"] + bins
        if rest:
            room = roomy[0] if roomy else 8
            row["left"] = [*row["left"]]
            if roomy:
                row["left"].remove(room)
            row["left"].append(room - rest)
    found = pack(np.array(counts, int), 40, segments, 8)
    assert np.bincount(found.row).tolist() == [row["events"] for row in rows]


def test_an_event_too_long_is_not_packed(make_samples):
    plan = make_packed_plan(np.array([3, 8]), 4, bin_size=4)
    with pytest.raises(ValueError, match="9 elements does not fit"):
        sequential(make_samples([3, 9]), plan)


@settings(max_examples=30, deadline=None)
@given(sizes, st.integers(1, 40), st.integers(0, 3), st.integers(1, 3))
def test_batches_are_those_of_a_search_for_each(make_samples, counts, batch_size, seed, processes):
    """The same events in the same rows, in the same order, as if every batch looked at all."""
    samples = make_samples(counts)
    plan = make_packed_plan(np.array(counts), batch_size, bin_size=8)
    steps = [Sampler(samples, plan, seed, p, processes) for p in range(processes)]
    for epoch in range(2):
        rng = np.random.default_rng((seed, epoch))
        events = rng.permutation(len(counts))
        places = pack(np.array(counts)[events], plan.lengths[0], plan.segments, plan.bin_size)
        row = rng.permutation(places.row.max() + 1)[places.row]
        for number in range(steps[0].steps_per_epoch * processes):
            expected = np.full((plan.batch_size, plan.segments), -1)
            for event, of_all, segment in zip(events, row, places.segment, strict=True):
                if of_all // plan.batch_size == number:
                    expected[of_all % plan.batch_size, segment - 1] = event
            step, process = divmod(number, processes)
            found = steps[process](epoch * steps[0].steps_per_epoch + step)
            np.testing.assert_array_equal(found.event, expected)


class Counted(np.ndarray):
    """Counts the elements that numpy's arithmetic reads of it, and of what is made of it."""

    read = 0

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        Counted.read += max(map(np.size, inputs))
        inputs = [x.view(np.ndarray) if isinstance(x, Counted) else x for x in inputs]
        found = getattr(ufunc, method)(*inputs, **options)
        found = found if isinstance(found, tuple) else (found,)
        found = tuple(x.view(Counted) if isinstance(x, np.ndarray) else x for x in found)
        return found if len(found) > 1 else found[0]


@pytest.mark.parametrize("events", [1000, 8000])
def test_a_plan_and_its_batches_are_linear_in_the_events(make_samples, events):
    """An epoch reads every event a few times, however many batches it has."""
    samples = make_samples(np.ones(events, int))
    samples = replace(samples, offsets=samples.offsets.view(Counted))
    plan = batches.Plan((8,), 1, segments=8, bin_size=8)
    Counted.read = 0
    chunks = batches._packed(
        samples, plan, np.arange(events), lambda rows: np.arange(rows).view(Counted)
    )
    for chunk in chunks:
        batches.batch_of(samples, plan, chunk)
    assert len(chunks) == events // 8
    assert events <= Counted.read < 30 * events
