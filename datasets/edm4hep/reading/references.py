"""Podio's references turned into row numbers."""

from collections.abc import Container, Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from datasets.edm4hep.chunk import Chunk, Jagged
from datasets.edm4hep.errors import EDM4HEPError, refuse
from datasets.edm4hep.layout import reference_leaves
from datasets.events import Links, Table, offsets_of

UNSET = (-1, -2)  # index of a podio reference to nothing


class Place(NamedTuple):
    """Where the objects of a collection stand in a table, by event."""

    starts: Int[np.ndarray, " events"]
    counts: Int[np.ndarray, " events"]


class References(NamedTuple):
    """Some entries of a branch of podio references."""

    branch: str
    event: Int[np.ndarray, " references"]
    index: Int[np.ndarray, " references"]
    collection: Int[np.ndarray, " references"]


def place_of(table: Table) -> Place:
    return Place(table.offsets[:-1], table.counts)


def aligned(chunk: Chunk, leaves: tuple[str, ...]) -> list[Jagged]:
    """These leaves, which describe the same objects.

    Raises:
        EDM4HEPError: an event has more of one than of another.
    """
    first, *others = leaves
    counts = chunk.columns[first].counts
    for leaf in others:
        found = chunk.columns[leaf].counts

        def say(event: int, leaf=leaf, found=found) -> str:
            return (
                f"{leaf} has {found[event]} entries and {first} {counts[event]}, where they belong "
                "together"
            )

        refuse(chunk.first_event, np.arange(len(counts)), counts != found, say)
    return [chunk.columns[leaf] for leaf in leaves]


def all_of(chunk: Chunk, branch: str) -> References:
    """All entries of a branch of references."""
    index, collection = aligned(chunk, reference_leaves(branch))
    event = np.repeat(np.arange(len(index.counts)), index.counts)
    return References(branch, event, index.values.astype(np.int64), collection.values)


def members(
    chunk: Chunk, table: Table, collection: str, relation: str, branch: str
) -> tuple[Int[np.ndarray, " members"], References]:
    """Row of the owner, and the reference, of every member in a one-to-many relation."""
    references = all_of(chunk, branch)
    counts = chunk.columns[reference_leaves(branch)[0]].counts
    owner, position = ranges(chunk, table, collection, relation, counts)
    return owner, References(
        branch,
        references.event[position],
        references.index[position],
        references.collection[position],
    )


def ranges(chunk: Chunk, table: Table, collection: str, relation: str, available):
    """Owner and position of every entry in the ranges [begin, end) of the objects of a table."""
    begin, end = (
        column.values.astype(np.int64)
        for column in aligned(
            chunk, (f"{collection}.{relation}_begin", f"{collection}.{relation}_end")
        )
    )
    event = table.event

    def say(row: int) -> str:
        return (
            f"{collection}.{relation} asks for entries {begin[row]} to {end[row]} of "
            f"{available[event[row]]}"
        )

    wrong = (begin < 0) | (begin > end) | (end > available[event])
    refuse(chunk.first_event, event, wrong, say)
    lengths = end - begin
    owner = np.repeat(np.arange(len(table)), lengths)
    within = np.arange(len(owner)) - np.repeat(offsets_of(lengths)[:-1], lengths)
    return owner, offsets_of(available)[event[owner]] + begin[owner] + within


def rows_of(
    chunk: Chunk,
    references: References,
    places: Mapping[str, Place],
    unread: Container[str] = (),
) -> Int[np.ndarray, " references"]:
    """Table rows that references point to; -1 for references to nothing, or into `unread`."""
    branch, event, index, collection = references
    rows = np.full(len(index), -1)
    unread_numbers = [number for number, name in chunk.collections.items() if name in unread]
    pending = ~np.isin(index, UNSET) & ~np.isin(collection, unread_numbers)
    for name, place in places.items():
        numbers = [number for number, known in chunk.collections.items() if known == name]
        here = pending & np.isin(collection, numbers)
        pending &= ~here

        def say(row: int, name=name, place=place) -> str:
            there = place.counts[event[row]]
            return f"{branch} points to entry {index[row]} of {name}, which has {there}"

        outside = here & ((index < 0) | (index >= place.counts[event]))
        refuse(chunk.first_event, event, outside, say)
        rows[here] = place.starts[event[here]] + index[here]
    _check_all_found(chunk, references, pending, places)
    return rows


def _check_all_found(
    chunk: Chunk, references: References, pending: Bool[np.ndarray, " references"], places
) -> None:
    """A collection that has no name is damage; one that has a name is another detector's."""
    branch, event, _, collection = references

    def say(row: int) -> str:
        return f"{branch} points to collection number {collection[row]}, which there is not"

    named = np.isin(collection, list(chunk.collections))
    refuse(chunk.first_event, event, pending & ~named, say)
    if pending.any():
        first = np.flatnonzero(pending)[0]
        raise EDM4HEPError(
            f"{branch} points to collection {chunk.collections[int(collection[first])]} in event "
            f"{chunk.first_event + event[first]}, where one of {', '.join(places)} is "
            "expected (hit collections of a detector are listed in datasets/detectors.py)"
        )


def links_between(source: np.ndarray, target: np.ndarray, weight: np.ndarray) -> Links:
    """Links whose both ends exist."""
    kept = (source >= 0) & (target >= 0)
    return Links(source[kept], target[kept], weight[kept].astype(np.float64))


def join_links(parts: list[Links]) -> Links:
    """All links of several lists."""
    ends = ("source", "target", "weight")
    return Links(*(np.concatenate([getattr(part, end) for part in parts]) for end in ends))
