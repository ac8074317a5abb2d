"""Collections in the form of podio 1.3: RNTuples whose fields have their classes of C++.

What podio's readers ask for (its source, `RNTupleReader`, 2026): the events with the objects, the
relations and eight fields of parameters, and a table of collections beside the version in
`podio_metadata`. A field that has another class, or none, is refused there. Classes have no version
here, 0; a rule of schema evolution of these classes in a later EDM4hep would ask for one.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import numpy as np

from datasets.edm4hep.errors import EDM4HEPError

PODIO = (1, 3, 0)  # the first that has the table of collections as it is written here
EDM4HEP = (0, 99, 1)
PARAMETERS = {"Int": np.int32, "Float": np.float32, "Double": np.float64, "String": str}
OBJECT_ID = "podio::ObjectID"
NOWHERE = -2  # index of an object that is not there
_NAMING = Lock()


class Collection(NamedTuple):
    """One collection as podio's table has it."""

    name: str
    number: int
    type: str  # of an object, as edm4hep::Track
    schema: int  # version of the data model


def record(fields: dict[str, Any], name: str):
    """An array of objects of the class of C++ that is called so, from arrays of its members."""
    import awkward as ak

    return ak.zip(fields, depth_limit=1, with_name=name)


def references(index: np.ndarray, collection: np.ndarray):
    """Podio's references to objects."""
    return record(
        {"index": index.astype(np.int32), "collectionID": collection.astype(np.uint32)}, OBJECT_ID
    )


def write_frames(path: Path, collection: Collection, portions: Iterable[dict[str, Any]]) -> int:
    """Writes consecutive events, a portion in memory at a time; how many there were.

    A portion has one jagged array a field, of a length; those of no events are left out, for ROOT
    reads no file with an empty cluster. Raises EDM4HEPError where there are no events at all.
    """
    import uproot

    written, events = 0, None
    with path.open("w+b") as raw, uproot.recreate(raw) as file:
        for fields in portions:
            if not len(frames := _frames(fields)):
                continue
            if events is None:
                with _classes():
                    events = file.mkrntuple("events", frames.layout.form)
            events.extend(frames)
            written += len(frames)
        if not written:
            raise EDM4HEPError("no events to write")
        with _classes():
            file.mkrntuple("podio_metadata", _metadata(collection))
    return written


def _frames(fields: dict[str, Any]):
    """Those of a portion, with the parameters of each event, of which there are none."""
    import awkward as ak

    events = len(next(iter(fields.values())))
    parameters = {}
    for kind, type in PARAMETERS.items():
        parameters[f"GP{kind}Keys"] = _none(events, _values(str))
        parameters[f"GP{kind}Values"] = _none(events, _none(0, _values(type)))
    return ak.zip(fields | parameters, depth_limit=1)


def _values(type):
    """No values of that type, as an array."""
    import awkward as ak

    return ak.Array(["x"])[:0] if type is str else ak.Array(np.zeros(0, type))


def _none(lists: int, content):
    """So many empty lists of what is in `content`."""
    import awkward as ak

    offsets = ak.index.Index64(np.zeros(lists + 1, np.int64))
    return ak.Array(ak.contents.ListOffsetArray(offsets, content.layout))


def _metadata(collection: Collection):
    """Of one entry. The definitions of the data model are left to who has it."""
    import awkward as ak

    stored = f"std::vector<{collection.type}Data>"
    table = record(
        {
            "collectionID": np.array([collection.number], np.uint32),
            "dataType": ak.Array([f"{collection.type}Collection"]),
            "isSubset": np.zeros(1, bool),
            "schemaVersion": np.array([collection.schema], np.uint32),
            "name": ak.Array([collection.name]),
            "storageType": ak.Array([stored]),
        },
        "podio::root_utils::CollectionWriteInfo",
    )
    text = _values(str)
    once = {
        "PodioBuildVersion": ak.unflatten(np.array(PODIO, np.uint16), [3]),
        "edm4hep___Version": ak.unflatten(np.array(EDM4HEP, np.uint16), [3]),
        "EDMDefinitions": _none(1, ak.zip((text, text), depth_limit=1)),
        "availableCategories": ak.Array([["events"]]),
        "events___CollectionTypeInfo": ak.unflatten(table, [1]),
    }
    return ak.zip(once, depth_limit=1)


@contextmanager
def _classes() -> Iterator[None]:
    """Records of RNTuples that are made meanwhile have their names as classes of C++.

    uproot (5.7) makes records without a class and has no way to name one: what it calls a type is
    this function of it, for one thread at a time. A test holds the classes that are in the file.
    """
    from uproot.writing import _cascadentuple as tuples

    with _NAMING:
        unnamed = tuples._cpp_typename

        def named(form, subcall: bool = False) -> str:
            return form.parameters.get("__record__") or unnamed(form, subcall)

        tuples._cpp_typename = named
        try:
            yield
        finally:
            tuples._cpp_typename = unnamed
