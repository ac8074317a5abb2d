"""step -> padded batch, a pure function: a training resumes by its step number alone.

Events are grouped by length into buckets, so that a batch costs what its own events cost, and
there are as many padded shapes (and compilations) as buckets.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Int

from datasets import schema
from datasets.events import Samples, ragged_rows
from datasets.schema import Batch


@dataclass(frozen=True)
class Plan:
    """How events become batches: `lengths` are the padded sizes, increasing."""

    lengths: tuple[int, ...]
    batch_size: int


def make_plan(
    counts: Int[np.ndarray, " events"], batch_size: int, buckets: int = 1, multiple: int = 64
) -> Plan:
    """The padded lengths (multiples, at most `buckets` of them) that waste the least.

    An event costs the length it is padded to; the longest event must fit. Models fill their hash
    bins, so lengths between multiples of a bin's size would save nothing.
    """
    if not len(counts):
        raise ValueError("no events to make batches of")
    if buckets < 1 or batch_size < 1 or multiple < 1:
        raise ValueError(
            f"buckets, batch_size and multiple must be at least 1, got {buckets}, {batch_size}, "
            f"{multiple}"
        )
    blocks = -(-np.maximum(counts, 1) // multiple)
    events_up_to = np.cumsum(np.bincount(blocks))  # events of at most so many blocks
    longest = len(events_up_to) - 1
    # cheapest[b] = (cost, lengths) of all events of at most b blocks, the last length being b
    cheapest = {b: (b * events_up_to[b], (b,)) for b in range(1, longest + 1)}
    for _ in range(buckets - 1):
        cheapest = {
            b: min(
                [cheapest[b]]
                + [
                    (cheapest[a][0] + b * (events_up_to[b] - events_up_to[a]), (*cheapest[a][1], b))
                    for a in range(1, b)
                ]
            )
            for b in cheapest
        }
    return Plan(tuple(int(b) * multiple for b in cheapest[longest][1]), batch_size)


def batch_of(samples: Samples, events: np.ndarray, length: int, batch_size: int) -> Batch:
    """The chosen events, zero-padded to (batch_size, length); missing events have number -1."""
    counts = np.diff(samples.offsets)[events]
    rows = ragged_rows(samples.offsets, events)
    slot = np.repeat(np.arange(len(events)), counts)
    place = rows - np.repeat(samples.offsets[:-1][events], counts)
    X = np.zeros((batch_size, length, samples.X.shape[1]), np.float32)
    ytarget = np.zeros((batch_size, length, schema.TARGET_WIDTH), np.float32)
    mask = np.zeros((batch_size, length), bool)
    X[slot, place], ytarget[slot, place], mask[slot, place] = (
        samples.X[rows],
        samples.ytarget[rows],
        True,
    )
    number = np.full(batch_size, -1, np.int32)
    number[: len(events)] = events
    return Batch(X, ytarget, mask, number)


def sequential(samples: Samples, plan: Plan) -> list[Batch]:
    """Every event once, grouped by length: what validation and prediction read."""
    return [
        batch_of(samples, events, length, plan.batch_size)
        for length, events in _chunks(samples, plan, np.arange(samples.events))
    ]


@dataclass(frozen=True, eq=False)
class Sampler:
    """Random batches of a training split; every event once an epoch, in an order of the epoch's.

    With several processes each holds every process_count-th event: shards are disjoint and, where
    the plan is made from all events, all processes agree on the number of steps.
    """

    samples: Samples
    plan: Plan
    seed: int
    process_index: int = 0
    process_count: int = 1

    @property
    def steps_per_epoch(self) -> int:
        return len(_epoch(self, 0))

    def __call__(self, step: int) -> Batch:
        """The batch of a step: steps count from 0 over all epochs."""
        epoch, position = divmod(step, self.steps_per_epoch)
        length, events = _epoch(self, epoch)[position]
        return batch_of(self.samples, events, length, self.plan.batch_size)


@lru_cache(maxsize=4)
def _epoch(sampler: Sampler, epoch: int) -> list[tuple[int, np.ndarray]]:
    rng = np.random.default_rng((sampler.seed, epoch))
    mine = np.arange(sampler.process_index, sampler.samples.events, sampler.process_count)
    chunks = _chunks(sampler.samples, sampler.plan, rng.permutation(mine))
    return [chunks[i] for i in rng.permutation(len(chunks))]


def _chunks(samples: Samples, plan: Plan, events: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """(padded length, events) of each batch; events longer than every bucket are refused."""
    counts = np.diff(samples.offsets)[events]
    if len(counts) and counts.max() > plan.lengths[-1]:
        raise ValueError(
            f"an event of {counts.max()} elements does not fit the longest batch "
            f"({plan.lengths[-1]}); make the plan from these events too"
        )
    bucket = np.searchsorted(plan.lengths, counts)
    return [
        (length, chosen[i : i + plan.batch_size])
        for b, length in enumerate(plan.lengths)
        for chosen in [events[bucket == b]]
        for i in range(0, len(chosen), plan.batch_size)
    ]
