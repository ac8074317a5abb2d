"""Random events as EDM4HEP files can hold them, and their columns."""

from dataclasses import fields, replace

import awkward as ak
import numpy as np
import pytest
import uproot

from datasets import edm4hep
from datasets.detectors import CLD, Detector
from datasets.edm4hep import EDM4HEPError
from datasets.edm4hep.chunk import Chunk, Jagged
from datasets.edm4hep.layout import PodioLayout
from datasets.edm4hep.podio import PODIO_2025
from datasets.edm4hep.writing.columns import in_file_order, to_columns
from datasets.events import ENDS, EventData, Links, Table
from tests.datasets.random_events import random_events


def held(events: EventData, layout: PodioLayout, detector: Detector) -> EventData:
    """The events with values that fit the types of a file: radii positive, some numbers whole."""
    tables = {"hits": events.hits, "tracks": events.tracks}
    rounded = {
        **dict.fromkeys((*events.hits.columns, *events.tracks.columns), np.float32),
        **dict.fromkeys(("type", "ndf", "subdetector"), int),
    }
    tables = {
        name: Table(
            table.offsets,
            {key: values.astype(rounded[key]) for key, values in table.columns.items()},
        )
        for name, table in tables.items()
    }
    radius = np.abs(tables["tracks"]["radiusOfInnermostHit"])
    tables["tracks"] = replace(
        tables["tracks"], columns={**tables["tracks"].columns, "radiusOfInnermostHit": radius}
    )
    for objects, name in (
        (layout.particles, "particles"),
        (layout.clusters, "clusters"),
        (layout.candidates, "candidates"),
    ):
        table = getattr(events, name)
        columns = {key: table[key].astype(leaf.type) for key, leaf in objects.columns.items()}
        tables[name] = Table(table.offsets, columns)
    links = {
        name: replace(getattr(events, name), weight=getattr(events, name).weight.astype(np.float32))
        for name in ENDS
    }
    return replace(events, field=detector.field, **tables, **links)


def some_events(seed: int, count: int) -> EventData:
    """Events that files of 2025 from CLD hold."""
    return held(random_events(seed, count), PODIO_2025, CLD)


def random_chunk(
    seed: int, layout: PodioLayout, detector: Detector, events: int = 4
) -> tuple[EventData, Chunk]:
    """Random events with hits in random collections, as they are to be read, and their columns."""
    made = held(random_events(seed, events), layout, detector)
    rng = np.random.default_rng(seed)
    codes = np.array([detector.code(name) for name in detector.hits])
    choices = [np.flatnonzero(codes == code) for code in range(4)]
    placement = np.array([rng.choice(choices[c]) for c in made.hits["subdetector"]], int)
    chunk = to_columns(made, placement, layout, detector)
    return in_file_order(made, placement)[0], chunk


def write_ttree(path, chunk: Chunk, metadata: dict, tree: str = "podio_metadata") -> None:
    """The columns as the branches of a TTree, and the metadata in a place of that name."""
    arrays = {leaf: ak.unflatten(*column[::-1]) for leaf, column in chunk.columns.items()}
    with uproot.recreate(path) as file:
        types = {leaf: ak.type(array).content for leaf, array in arrays.items()}
        file.mktree("events", types).extend(arrays)
        file.mkrntuple(tree, ak.Array(metadata))


def write_rntuple(path, chunk: Chunk, metadata: dict) -> None:
    """The columns as RNTuples in the form of podio: collections are vectors of structures."""
    with uproot.recreate(path) as file:
        file.mkrntuple("events", ak.Array(_nested(chunk)))
        file.mkrntuple("podio_metadata", ak.Array(metadata))


def _nested(chunk: Chunk) -> dict:
    tree: dict = {}
    for leaf, (counts, values) in chunk.columns.items():
        collection, *path = leaf.split(".")
        members = tree.setdefault(collection, {})
        for step in path[:-1]:
            members = members.setdefault(step, {})
        members[path[-1]] = ak.unflatten(values, counts)
    return {collection: _zipped(members) for collection, members in tree.items()}


def _zipped(members: dict):
    return ak.zip({k: _zipped(v) if isinstance(v, dict) else v for k, v in members.items()})


def metadata_of(chunk: Chunk) -> dict[str, dict]:
    """The numbers of the collections, as RNTuples have them."""
    numbers, names = [list(chunk.collections)], [list(chunk.collections.values())]
    return {
        "podio 1": {
            "events___CollectionTypeInfo": ak.zip({"collectionID": numbers, "name": names})
        },
        "before": {"events_collectionNames": names, "events___idTable": numbers},
    }


def assert_same(ours: EventData, theirs: EventData) -> None:
    assert ours.field == theirs.field
    for field in fields(EventData):
        a, b = getattr(ours, field.name), getattr(theirs, field.name)
        if field.type is Table:
            np.testing.assert_array_equal(a.offsets, b.offsets)
            assert set(a.columns) == set(b.columns)
            for name in a.columns:
                np.testing.assert_array_equal(a[name], b[name], err_msg=name)
        elif field.type is Links:
            for one, other in zip(by_ends(a), by_ends(b), strict=True):
                np.testing.assert_array_equal(one, other, err_msg=field.name)


def by_ends(links: Links):
    order = np.lexsort((links.weight, links.target, links.source))
    return links.source[order], links.target[order], links.weight[order]


def spoiled(chunk: Chunk, leaf: str, entry: int, value) -> Chunk:
    column = chunk.columns[leaf]
    values = column.values.copy()
    values[entry] = value
    return chunk._replace(columns={**chunk.columns, leaf: Jagged(column.counts, values)})


def written(layout=PODIO_2025, detector=CLD) -> tuple[EventData, Chunk]:
    return random_chunk(5, layout, detector, events=8)


def refusal(path, **options) -> str:
    """What is said about the file: one line that names it."""
    with pytest.raises(EDM4HEPError) as caught:
        list(edm4hep.read(path, **options))
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")
    return message
