"""Row numbers turned into podio's references: `references` the other way round."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from datasets.edm4hep.chunk import Jagged
from datasets.edm4hep.layout import PodioLayout, reference_leaves
from datasets.events import Links, Table, offsets_of

Leaves = dict[str, Jagged]


class Address(NamedTuple):
    """Where the rows of a table are in a file."""

    events: int
    event: Int[np.ndarray, " rows"]
    index: Int[np.ndarray, " rows"]  # in the collection, by event
    collection: Int[np.ndarray, " rows"]  # podio's number


def address(table: Table, number: int) -> Address:
    """Of the rows of a table that is one collection."""
    event = table.event
    index = np.arange(len(table)) - table.offsets[event]
    return Address(len(table.counts), event, index, np.full(len(table), number))


def hit_address(
    hits: Table, collection: Int[np.ndarray, " hits"], numbers: Sequence[int]
) -> Address:
    """Of hits in the order of the file: they count from 0 in each event and collection."""
    event = hits.event
    run = event * len(numbers) + collection
    index = np.arange(len(run)) - np.searchsorted(run, run)
    return Address(len(hits.counts), event, index, np.array(numbers, np.int64)[collection])


def references(layout: PodioLayout, collection: str, relation: str, goal: Address, rows) -> Leaves:
    """References to these rows, which stand event by event."""
    index, number = reference_leaves(layout.branch(collection, relation))
    counts = np.bincount(goal.event[rows], minlength=goal.events)
    return {
        index: Jagged(counts, goal.index[rows].astype(np.int32)),
        number: Jagged(counts, goal.collection[rows].astype(layout.collection_id)),
    }


def ranges(collection: str, relation: str, table: Table, lengths) -> Leaves:
    """[begin, end) in each event of what the rows of a table own, one behind the other."""
    before = offsets_of(lengths)
    begin = before[:-1] - before[table.offsets[:-1]][table.event]
    return {
        f"{collection}.{relation}_{bound}": Jagged(table.counts, values.astype(np.uint32))
        for bound, values in (("begin", begin), ("end", begin + lengths))
    }


def related(
    layout: PodioLayout, collection: str, relation: str, table: Table, links: Links, goal: Address
) -> Leaves:
    """A relation of the rows of a table, one to many."""
    order = np.argsort(links.source, kind="stable")
    lengths = np.bincount(links.source, minlength=len(table))
    return {
        **ranges(collection, relation, table, lengths),
        **references(layout, collection, relation, goal, links.target[order]),
    }


def linked(
    layout: PodioLayout, name: str, links: Links, source: Address, target: Address
) -> Leaves:
    """A collection of weighted links."""
    order = np.argsort(source.event[links.source], kind="stable")
    counts = np.bincount(source.event[links.source], minlength=source.events)
    return {
        f"{name}.weight": Jagged(counts, links.weight[order].astype(np.float32)),
        **references(layout, name, "from", source, links.source[order]),
        **references(layout, name, "to", target, links.target[order]),
    }
