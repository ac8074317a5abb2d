"""Podio's numbers of the collections of a file: what its references are written in."""

from collections.abc import Mapping

from datasets.detectors import Detector
from datasets.edm4hep.errors import EDM4HEPError
from datasets.edm4hep.layout import PodioLayout, pointed_at
from datasets.edm4hep.podio import ID_TABLES, IdTable


def collection_names(file, layout: PodioLayout, detector: Detector) -> Mapping[int, str]:
    """The collections of an open ROOT file by their numbers, aliases under their proper names.

    Raises:
        EDM4HEPError: the file has no table of them that can be read, or it lacks some.
    """
    trees = {table.tree for table in ID_TABLES}
    if not any(tree in file for tree in trees):
        raise EDM4HEPError("lacks the tree 'podio_metadata', which names the collections")
    found = next(filter(None, (_read(file, table) for table in ID_TABLES)), None)
    if found is None:
        raise EDM4HEPError("the names of its collections cannot be read from 'podio_metadata'")
    known = {number: layout.aliases.get(name, name) for number, name in found.items()}
    unnamed = sorted(set(pointed_at(layout, detector)) - set(known.values()))
    if unnamed:
        raise EDM4HEPError(f"its table of collections lacks {', '.join(unnamed)}")
    return known


def _read(file, table: IdTable) -> dict[int, str] | None:
    """That table, or None where the file has none in this place."""
    if table.tree not in file:
        return None
    metadata = file[table.tree]
    keys = metadata.keys()
    # A TTree may spell the way to a leaf, and a class with members has only that.
    spelled = {key.rsplit("/", 1)[-1]: key for key in keys}
    spelled |= {key.replace("/", "."): key for key in keys}
    if not {table.names, table.numbers} <= spelled.keys():
        return None
    branches = [metadata[spelled[leaf]] for leaf in (table.numbers, table.names)]
    if not metadata.num_entries or not all(map(_readable, branches)):
        return None
    numbers, names = (branch.array(library="ak")[0].to_list() for branch in branches)
    return dict(zip(numbers, names, strict=True))


def _readable(branch) -> bool:
    from uproot.interpretation.identify import UnknownInterpretation

    return not isinstance(getattr(branch, "interpretation", None), UnknownInterpretation)
