"""Podio's table of the collections of a file: what its references are written in."""

from collections.abc import Mapping
from typing import NamedTuple

from datasets.edm4hep.errors import EDM4HEPError
from datasets.edm4hep.podio import ID_TABLES, WRITTEN_VERSION, IdTable


class Metadata(NamedTuple):
    """What a file says of its collections, and of the EDM4hep that wrote it."""

    names: Mapping[int, str]  # of the collections by their numbers; empty: it does not say
    types: Mapping[str, str]  # by name; empty: it does not say
    version: tuple[int, ...] | None
    has_table: bool  # whether there is a tree of them, readable or not


def metadata_of(file) -> Metadata:
    """What an open ROOT file says of itself; what it does not say is left empty."""
    trees = {table.tree for table in ID_TABLES}
    found = next(filter(None, (_read(file, table) for table in ID_TABLES)), None)
    names, types = found or ({}, {})
    return Metadata(names, types, _version(file), any(tree in file for tree in trees))


def numbers_of(metadata: Metadata, aliases: Mapping[str, str], needed) -> Mapping[int, str]:
    """The collections by their numbers, aliases under their proper names.

    Raises:
        EDM4HEPError: the file has no table of them that can be read, or it lacks `needed` ones.
    """
    if not metadata.has_table:
        raise EDM4HEPError("lacks the tree 'podio_metadata', which names the collections")
    if not metadata.names:
        raise EDM4HEPError("the names of its collections cannot be read from 'podio_metadata'")
    known = {number: aliases.get(name, name) for number, name in metadata.names.items()}
    if unnamed := sorted(set(needed) - set(known.values())):
        raise EDM4HEPError(f"its table of collections lacks {', '.join(unnamed)}")
    return known


def _read(file, table: IdTable) -> tuple[dict[int, str], dict[str, str]] | None:
    """Names and types of that table, or None where the file has none in this place."""
    if table.tree not in file:
        return None
    metadata = file[table.tree]
    spelled = _spelled(metadata)
    if not {table.names, table.numbers} <= spelled.keys() or not metadata.num_entries:
        return None
    numbers, names = (_list(metadata[spelled[leaf]]) for leaf in (table.numbers, table.names))
    if numbers is None or names is None:
        return None
    types = _list(metadata[spelled[table.types]]) if table.types in spelled else None
    by_name = {} if types is None else dict(zip(names, map(str, types), strict=False))
    return dict(zip(numbers, names, strict=True)), by_name


def _spelled(metadata) -> dict[str, str]:
    """Keys by leaf: a TTree may spell the way to one, and a class with members has only that."""
    keys = metadata.keys()
    spelled = {key.rsplit("/", 1)[-1]: key for key in keys}
    return spelled | {key.replace("/", "."): key for key in keys}


def _list(branch) -> list | None:
    """The first entry of a branch; None where it cannot be read."""
    from uproot.interpretation.identify import UnknownInterpretation

    if isinstance(getattr(branch, "interpretation", None), UnknownInterpretation):
        return None
    return branch.array(library="ak")[0].to_list()


def _version(file) -> tuple[int, ...] | None:
    if "podio_metadata" not in file or not (metadata := file["podio_metadata"]).num_entries:
        return None
    spelled = _spelled(metadata)
    told = _list(metadata[spelled[WRITTEN_VERSION]]) if WRITTEN_VERSION in spelled else None
    if isinstance(told, list):  # of an RNTuple; in a TTree it is a class of three members
        return tuple(told) if [*map(type, told)] == [int] * 3 else None
    parts = [f"{WRITTEN_VERSION}.{part}" for part in ("major", "minor", "patch")]
    if not spelled.keys() >= set(parts):
        return None
    return tuple(int(metadata[spelled[part]].array(library="ak")[0]) for part in parts)
