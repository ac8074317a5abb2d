"""A collection whose objects are of another one is read as if they were its own."""

from dataclasses import replace

import numpy as np
import pytest

from datasets import edm4hep
from datasets.detectors import CLD
from datasets.edm4hep import EDM4HEPError
from datasets.edm4hep.chunk import Jagged
from datasets.edm4hep.podio import PODIO_2025
from datasets.edm4hep.reading.faults import readable_events
from datasets.events import ENDS, EventData, Links, Table, join_events, offsets_of
from tests.datasets.edm4hep.edm4hep_columns import (
    assert_same,
    metadata_of,
    random_chunk,
    write_ttree,
)

COLLECTIONS = {
    "tracks": "SiTracks_Refitted", "clusters": "PandoraClusters", "candidates": "PandoraPFOs"
}  # fmt: skip
OWN, ALL = 99, "AllOfThem"


def chosen_from(chunk, name: str, keep):
    """The chunk with a collection that is references to some objects of another one, `ALL`."""
    counts = (
        chunk.columns[f"{name}.{'chi2' if name.startswith('Si') else 'type'}"].counts
        if (name != "PandoraPFOs")
        else chunk.columns["PandoraPFOs.PDG"].counts
    )
    event = np.repeat(np.arange(len(counts)), counts)
    index = np.arange(len(event)) - offsets_of(counts)[event]
    rows = np.flatnonzero(keep(index))
    number = next((n for n, known in chunk.collections.items() if known == name), 77)
    of = np.bincount(event[rows], minlength=len(counts))
    references = {
        f"{name}_objIdx.index": Jagged(of, index[rows].astype(np.int32)),
        f"{name}_objIdx.collectionID": Jagged(of, np.full(len(rows), number, np.uint32)),
    }
    collections = {**chunk.collections, number: ALL, OWN: name}
    return chunk._replace(columns=chunk.columns | references, collections=collections), rows


def with_rows(events: EventData, table: str, rows) -> EventData:
    """The events with those rows of a table alone."""
    old = getattr(events, table)
    counts = np.bincount(old.event[rows], minlength=events.events)
    new = np.full(len(old), -1)
    new[rows] = np.arange(len(rows))
    changed = {table: Table(offsets_of(counts), {k: v[rows] for k, v in old.columns.items()})}
    for name, ends in ENDS.items():
        if table in ends:
            links = getattr(events, name)
            there = zip((links.source, links.target), ends, strict=True)
            both = [new[end] if of == table else end for end, of in there]
            kept = (both[0] >= 0) & (both[1] >= 0)
            changed[name] = Links(both[0][kept], both[1][kept], links.weight[kept])
    return replace(events, **changed)


@pytest.mark.parametrize("table", COLLECTIONS)
@pytest.mark.parametrize("every", [1, 2])
def test_the_chosen_are_all_there_is(table, every):
    made, chunk = random_chunk(11, PODIO_2025, CLD, events=6)
    name = COLLECTIONS[table]
    some, rows = chosen_from(chunk, name, lambda index: index % every == 0)
    found = readable_events(some, PODIO_2025, CLD, chosen={name: ALL})
    assert not found.origin.faults
    assert len(getattr(found, table)) == len(rows) > 0
    assert_same(found, with_rows(made, table, rows))


def test_one_that_is_not_there_costs_its_event():
    _, chunk = random_chunk(11, PODIO_2025, CLD, events=6)
    some, _ = chosen_from(chunk, "SiTracks_Refitted", lambda index: index >= 0)
    index = some.columns["SiTracks_Refitted_objIdx.index"]
    index.values[-1] = 1000
    found = readable_events(some, PODIO_2025, CLD, chosen={"SiTracks_Refitted": ALL})
    ((event, _, what),) = found.origin.faults
    assert event == np.flatnonzero(index.counts)[-1]
    assert f"entry 1000 of {ALL}, which has" in what


def test_a_file_with_a_choice_is_read(tmp_path):
    made, chunk = random_chunk(11, PODIO_2025, CLD, events=4)
    name = "SiTracks_Refitted"
    some, rows = chosen_from(chunk, name, lambda index: index == 0)
    columns = {
        leaf.replace(f"_{name}_", f"_{ALL}_").replace(f"{name}.", f"{ALL}.")
        if "dQdx" not in leaf else leaf: column
        for leaf, column in some.columns.items()
    }  # fmt: skip
    path = tmp_path / "chosen.root"
    write_ttree(path, some._replace(columns=columns), metadata_of(some)["podio 1"])
    assert edm4hep.inspect(path).notes == (f"{name} is chosen from {ALL}",)
    assert_same(join_events(list(edm4hep.read(path))), with_rows(made, "tracks", rows))
    del columns[f"{ALL}.chi2"]
    for leaf in [leaf for leaf in columns if leaf.startswith(f"{ALL}.")]:
        del columns[leaf]
    write_ttree(path, some._replace(columns=columns), metadata_of(some)["podio 1"])
    with pytest.raises(EDM4HEPError, match=f"{name} is chosen from {ALL}, which is not in the"):
        edm4hep.inspect(path)
