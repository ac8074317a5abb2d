"""step -> padded batch, a pure function: a training resumes by its step number alone.

Events are grouped by length into buckets, so that a batch costs what its own events cost, and
there are as many padded shapes (and compilations) as buckets. Or events are packed, several in a
row: next to no padding, and one shape.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import cycle, islice
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from datasets import schema
from datasets.events import Samples, Table, offsets_of, ragged_rows
from datasets.mixing import Mix, draw
from datasets.packing import Places, pack
from datasets.schema import Batch, Shares

LINKS_PER_ELEMENT = 2  # of tracks to clusters: room for 1.7, the most seen in 64 events of qq


@dataclass(frozen=True)
class Plan:
    """How events become batches: `lengths` are the padded sizes, increasing.

    Packed plans have one length, and several `segments` in a row, laid out for models whose bins
    hold `bin_size` elements.
    """

    lengths: tuple[int, ...]
    batch_size: int  # rows
    segments: int = 1  # most events in a row
    bin_size: int = 64

    @property
    def packed(self) -> bool:
        return self.segments > 1


class Chunk(NamedTuple):
    """What a batch is made of."""

    length: int
    events: Int[np.ndarray, " events"]
    places: Places | None = None  # None: one event a row


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


def make_packed_plan(
    counts: Int[np.ndarray, " events"], batch_size: int, bin_size: int = 64, devices: int = 1
) -> Plan:
    """Rows as long as the longest event, and so many that about `batch_size` events fit in them.

    A power of two, so that pieces can share them, or the next multiple of `devices`. A row takes up
    to twice as many events as have room there on average.
    """
    (length,) = make_plan(counts, batch_size, 1, bin_size).lengths
    mean = max(1.0, float(np.mean(counts)))
    rows = 2 ** max(0, round(np.log2(batch_size * mean / length)))
    rows = -(-rows // devices) * devices
    return Plan((length,), rows, int(2 * length / mean) + 1, bin_size)


def batch_of(samples: Samples, plan: Plan, chunk: Chunk) -> Batch:
    """The events of a chunk in their places; everything else is zero, and event number -1."""
    length, events, places = chunk
    first = samples.offsets[events]
    counts = samples.offsets[events + 1] - first
    own = counts // plan.bin_size * plan.bin_size  # elements in bins of their own
    if places is None:
        number = np.arange(len(events))
        places = Places(number, np.ones_like(number), np.zeros_like(number), own)
    source = ragged_rows(samples.offsets, events)
    which = np.repeat(np.arange(len(events)), counts)
    index = source - first[which]
    before = np.where(index < own[which], places.first[which], (places.rest - own)[which])
    row, place = places.row[which], before + index
    X = np.zeros((plan.batch_size, length, samples.X.shape[1]), np.float32)
    ytarget = np.zeros((plan.batch_size, length, schema.TARGET_WIDTH), np.float32)
    segment = np.zeros((plan.batch_size, length), np.int32)
    X[row, place], ytarget[row, place], segment[row, place] = (
        samples.X[source],
        samples.ytarget[source],
        places.segment[which],
    )
    number = np.full((plan.batch_size, plan.segments), -1, np.int32)
    number[places.row, places.segment - 1] = events
    shares = _shares(samples.shares, events, row, place, offsets_of(counts), plan, length)
    face = np.tile(np.array(samples.face, np.float32), (plan.batch_size, 1))
    return Batch(X, ytarget, segment, number, shares, face)


def links_without_room(samples: Samples) -> int:
    """At most so many links of tracks to clusters, the smallest of their events, find no slot in a
    batch: those beyond what the elements of their event bring, where no other event lends some."""
    if samples.shares is None:
        return 0
    links, elements = (np.diff(offsets) for offsets in (samples.shares.offsets, samples.offsets))
    return int(np.maximum(links - LINKS_PER_ELEMENT * elements, 0).sum())


def _shares(
    table: Table | None,
    events: np.ndarray,
    row: np.ndarray,
    place: np.ndarray,
    first: np.ndarray,
    plan: Plan,
    length: int,
) -> Shares | None:
    """The links of the chosen events; `row` and `place` are of their elements, from `first` on.

    A row has as many slots as its elements fill twice; where there are more links, the largest.
    """
    if table is None:
        return None
    chosen = ragged_rows(table.offsets, events)
    begin = np.repeat(first[:-1], np.diff(table.offsets)[events])
    energy = table["energy"][chosen]
    track, cluster = (begin + table[n][chosen].astype(int) for n in ("track", "cluster"))
    order = np.lexsort((-energy, row[track]))
    of_row = row[track[order]]
    slot = np.arange(len(order)) - np.searchsorted(of_row, of_row)
    order, of_row, slot = (x[slot < LINKS_PER_ELEMENT * length] for x in (order, of_row, slot))
    shape = plan.batch_size, LINKS_PER_ELEMENT * length
    found = Shares(np.zeros(shape, np.int32), np.zeros(shape, np.int32), np.zeros(shape, "f4"))
    for to, values in zip(found, (place[track], place[cluster], energy), strict=True):
        to[of_row, slot] = values[order]
    return found


def rows_of(batch: Batch, offsets: Int[np.ndarray, " events_plus_1"]) -> Int[np.ndarray, " rows"]:
    """For every real element of a batch, row by row, its row in the samples."""
    row = np.arange(len(batch.segment))[:, None]
    by_event = np.argsort((row * batch.segments + batch.segment)[batch.mask], kind="stable")
    rows = np.empty(len(by_event), int)
    rows[by_event] = ragged_rows(offsets, batch.event[batch.event >= 0])
    return rows


def sequential(samples: Samples, plan: Plan) -> list[Batch]:
    """Every event once, grouped by length or packed: what validation and prediction read."""
    chunks = (_packed if plan.packed else _bucketed)(samples, plan, np.arange(samples.events))
    return [batch_of(samples, plan, chunk) for chunk in chunks]


@dataclass(frozen=True, eq=False)
class Sampler:
    """Random batches of a training split; every event once an epoch, in an order of the epoch's,
    or the events that a mix of processes draws.

    Several processes share the events of a step, or its packed rows: shards are disjoint, and all
    processes have as many steps, of the same lengths.

    The plan of the epoch that was asked for last is kept, and goes with the sampler.
    """

    samples: Samples
    plan: Plan
    seed: int
    process_index: int = 0
    process_count: int = 1
    mix: Mix | None = None
    _kept: dict[int, list[Chunk]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 <= self.process_index < self.process_count:
            raise ValueError(f"process {self.process_index} of {self.process_count}: count from 0")

    @cached_property
    def steps_per_epoch(self) -> int:
        """Of every epoch. With a mix, whose events need more batches in one epoch than in another,
        as many as in the first: the last ones are left out, or the first ones taken again."""
        return len(self._chunks(0) if self.mix is None else _epoch(self, 0))

    def __call__(self, step: int) -> Batch:
        """The batch of a step: steps count from 0 over all epochs."""
        epoch, position = divmod(step, self.steps_per_epoch)
        return batch_of(self.samples, self.plan, self._chunks(epoch)[position])

    def _chunks(self, epoch: int) -> list[Chunk]:
        chunks = self._kept.get(epoch)
        if chunks is None:
            chunks = _epoch(self, epoch)
            if self.mix is not None:
                chunks = list(islice(cycle(chunks), self.steps_per_epoch))
            self._kept.clear()
            self._kept[epoch] = chunks
        return chunks


def _epoch(sampler: Sampler, epoch: int) -> list[Chunk]:
    samples, plan = sampler.samples, sampler.plan
    index, count = sampler.process_index, sampler.process_count
    rng = np.random.default_rng((sampler.seed, epoch))
    events = np.arange(samples.events) if sampler.mix is None else draw(sampler.mix, rng)
    order = rng.permutation(events)
    if plan.packed:
        return _packed(samples, plan, order, rng.permutation, index, count)
    # Batches of all processes together, so that each takes as many steps, of the same lengths.
    together = replace(plan, batch_size=plan.batch_size * count)
    chunks = _bucketed(samples, together, order)
    return [
        chunks[i]._replace(events=chunks[i].events[index::count])
        for i in rng.permutation(len(chunks))
    ]


def _bucketed(samples: Samples, plan: Plan, events: np.ndarray) -> list[Chunk]:
    """Batches of events of about the same length, one in a row."""
    bucket = np.searchsorted(plan.lengths, _counts(samples, plan, events))
    return [
        Chunk(length, chosen[i : i + plan.batch_size])
        for b, length in enumerate(plan.lengths)
        for chosen in [events[bucket == b]]
        for i in range(0, len(chosen), plan.batch_size)
    ]


def _packed(
    samples: Samples,
    plan: Plan,
    events: np.ndarray,
    permute=np.arange,
    index: int = 0,
    count: int = 1,
) -> list[Chunk]:
    """Batches of packed rows in an order that `permute` decides; each process has its share.

    All processes pack all events, so that they have equally many batches.
    """
    places = pack(_counts(samples, plan, events), plan.lengths[0], plan.segments, plan.bin_size)
    rows = places.row.max(initial=-1) + 1
    batches = -(-rows // (plan.batch_size * count)) * count  # of all processes together
    batch, row = np.divmod(permute(rows)[places.row], plan.batch_size)
    places = places._replace(row=row)
    by_batch = np.argsort(batch, kind="stable")
    first = np.searchsorted(batch[by_batch], np.arange(batches + 1))
    return [
        Chunk(plan.lengths[0], events[here], Places(*(column[here] for column in places)))
        for number in range(index, batches, count)
        for here in [by_batch[first[number] : first[number + 1]]]
    ]


def _counts(samples: Samples, plan: Plan, events: np.ndarray) -> np.ndarray:
    """Elements of each event; events longer than every row are refused."""
    counts = np.diff(samples.offsets)[events]
    if len(counts) and counts.max() > plan.lengths[-1]:
        raise ValueError(
            f"an event of {counts.max()} elements does not fit the longest batch "
            f"({plan.lengths[-1]}); make the plan from these events too"
        )
    return counts
