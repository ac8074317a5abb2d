"""Collections whose objects are of another one, as if the objects were theirs.

Podio writes of such a collection only references to its objects, `X_objIdx`. They are read from the
collection that has them, and references to them become references to places in the chosen ones.
"""

from collections.abc import Collection, Mapping

import numpy as np

from datasets.edm4hep.chunk import Chunk, Jagged
from datasets.edm4hep.errors import EDM4HEPError, refuse
from datasets.edm4hep.layout import reference_leaves
from datasets.edm4hep.reading.versions import subset
from datasets.events import offsets_of

LOOKED_AT = 1000  # events, for the collection that has the objects


def origins(tree, wanted: Collection[str], names: Mapping[int, str]) -> dict[str, str]:
    """The collections that have the objects of those that are only references, by their names.

    Raises EDM4HEPError where they are of several collections, or of one that is not in the file.
    """
    import awkward as ak

    keys = {key.rsplit("/", 1)[-1]: key for key in tree.keys()}  # noqa: SIM118, not a dict
    found = {}
    for name in wanted:
        leaf = keys[reference_leaves(subset(name))[1]]
        found_in = tree[leaf].array(entry_stop=LOOKED_AT, library="ak")
        numbers = np.unique(ak.to_numpy(ak.flatten(found_in)))
        of = sorted({names.get(int(number), f"number {number}") for number in numbers})
        if len(of) > 1:
            raise EDM4HEPError(f"{name} is chosen from several collections: {', '.join(of)}")
        if of and not any(key.startswith(f"{of[0]}.") for key in keys):
            raise EDM4HEPError(f"{name} is chosen from {of[0]}, which is not in the file")
        found[name] = of[0] if of else name
    return found


def source_of(leaf: str, chosen: Mapping[str, str], leaves: Collection[str]) -> str:
    """Which of the leaves is read for one, which may be of a collection that is only references."""
    if leaf in leaves:
        return leaf
    for name, of in chosen.items():
        for own, theirs in ((f"{name}.", f"{of}."), (f"_{name}_", f"_{of}_")):
            if leaf.startswith(own):
                return theirs + leaf[len(own) :]
    return leaf


def subset_leaves(chosen: Mapping[str, str]) -> tuple[str, ...]:
    """The references that such collections are."""
    return tuple(leaf for name in chosen for leaf in reference_leaves(subset(name)))


def as_own(chunk: Chunk, chosen: Mapping[str, str]) -> Chunk:
    """The chunk with the objects that are chosen as the objects of the collections that chose."""
    for name, of in chosen.items():
        chunk = _as_own(chunk, name, of)
    return chunk


def _as_own(chunk: Chunk, name: str, of: str) -> Chunk:
    index, _ = (chunk.columns[leaf] for leaf in reference_leaves(subset(name)))
    members = [leaf for leaf in chunk.columns if leaf.startswith(f"{name}.")]
    there = chunk.columns[members[0]].counts if members else index.counts
    event = np.repeat(np.arange(chunk.events), index.counts)
    chosen = index.values.astype(np.int64)
    outside = (chosen < 0) | (chosen >= there[event])

    def say(row: int) -> str:
        return f"{name} has entry {chosen[row]} of {of}, which has {there[event[row]]}"

    refuse(chunk.first_event, event, outside, say)
    rows = offsets_of(there)[event] + chosen
    columns = dict(chunk.columns)
    for leaf in members:
        columns[leaf] = Jagged(index.counts, columns[leaf].values[rows])
    place = np.full(there.sum(), -1)
    place[rows] = np.arange(len(rows)) - offsets_of(index.counts)[event]
    theirs = [n for n, known in chunk.collections.items() if known == of]
    own = next(n for n, known in chunk.collections.items() if known == name)
    for leaf in [leaf for leaf in columns if leaf.endswith(".collectionID")]:
        if leaf != reference_leaves(subset(name))[1]:
            _redirect(columns, leaf.removesuffix(".collectionID"), theirs, own, place, there)
    return chunk._replace(columns=columns)


def _redirect(columns: dict, branch: str, theirs, own: int, place, there) -> None:
    """References to objects of the collection that has them lead to those that were chosen."""
    leaves = reference_leaves(branch)
    index, number = (columns[leaf] for leaf in leaves)
    if not np.array_equal(index.counts, number.counts):
        return  # refused where it is read
    event = np.repeat(np.arange(len(there)), index.counts)
    here = np.isin(number.values, theirs) & (index.values >= 0) & (index.values < there[event])
    target = index.values.astype(np.int64)
    target[here] = place[offsets_of(there)[event[here]] + target[here]]
    numbers = number.values.astype(np.int64)
    numbers[here] = own
    columns[leaves[0]] = Jagged(index.counts, target)
    columns[leaves[1]] = Jagged(number.counts, numbers)
