"""What versions of EDM4hep call otherwise: the names that a file has, and its version."""

import re
from collections.abc import Mapping, Set
from dataclasses import replace

from datasets.edm4hep.errors import EDM4HEPError
from datasets.edm4hep.layout import Columns, Leaf, Objects, PodioLayout
from datasets.edm4hep.podio import LINK_NAMES, LINK_TYPES, PODIO_2023, VERSION

TIME = "time"
IN_TRACKS = tuple(PODIO_2023.tracks.columns.keys() - PODIO_2023.states.columns.keys())


def resolved(layout: PodioLayout, leaves: Set[str], types: Mapping[str, str]) -> PodioLayout:
    """The layout with the names of these leaves. What has none of its names keeps the first.

    `types` of the collections are those of the file, where it tells them. Raises EDM4HEPError
    where several collections could be the links of hits, or of tracks.
    """
    found = collections_of(leaves)
    tables = ("particles", "tracks", "states", "clusters", "candidates")
    objects = {field: _resolved(getattr(layout, field), leaves, found) for field in tables}
    links = {field: _links(field, getattr(layout, field), found, types) for field in LINK_NAMES}
    renamed = _renamed(layout, found)
    return _with_tracks(replace(layout, **objects, **links, renamed=renamed), leaves, found)


def called(layout: PodioLayout, names: Mapping[str, str]) -> PodioLayout:
    """The layout with a detector's own names of collections."""
    links = {field: name for field, name in names.items() if field in LINK_NAMES}
    own = {
        field: getattr(layout, field)._replace(collection=name, also=())
        for field, name in names.items()
        if field not in LINK_NAMES
    }
    if name := names.get("tracks"):
        before = layout.tracks.collection
        for field in ("states", "dqdx"):
            if (objects := getattr(layout, field)) is not None:
                collection = objects.collection.replace(before, name)
                own[field] = objects._replace(collection=collection)
    return replace(layout, **own, **links)


def collections_of(leaves: Set[str]) -> Set[str]:
    """What leaves are members of."""
    return {leaf.split(".", 1)[0] for leaf in leaves}


def subset(collection: str) -> str:
    """Where podio writes a collection whose objects are of another one: references to them."""
    return f"{collection}_objIdx"


def _resolved(objects: Objects, leaves: Set[str], found: Set[str]) -> Objects:
    known = (objects.collection, *objects.also)
    there = (name for name in known if {name, subset(name)} & found)
    collection = next(there, objects.collection)
    return objects._replace(
        collection=collection, columns=_columns(objects.columns, collection, leaves)
    )


def _columns(columns: Columns, collection: str, leaves: Set[str]) -> Columns:
    def named(leaf: Leaf) -> Leaf:
        names = (leaf.name, *leaf.also)
        return leaf._replace(
            name=next((name for name in names if f"{collection}.{name}" in leaves), leaf.name)
        )

    return {column: named(leaf) for column, leaf in columns.items()}


def _links(field: str, preferred: str, found: Set[str], types: Mapping[str, str]) -> str:
    """The collection of links: under its name, of that type, or under a name that says the same."""
    if preferred in found:
        return preferred
    plain = {name: re.sub(r"[^a-z]", "", name.lower()) for name in found if name[0] != "_"}
    alike = {name for name, text in plain.items() if re.fullmatch(LINK_NAMES[field], text)}
    of_type = {
        name
        for name, type in types.items()
        if name in found and any(known in type for known in LINK_TYPES[field])
    }
    candidates = sorted(of_type or alike)
    if len(candidates) > 1:
        raise EDM4HEPError(
            f"has several collections that could be {preferred}: {', '.join(candidates)}; keep one"
        )
    return candidates[0] if candidates else preferred


def _renamed(layout: PodioLayout, found: Set[str]) -> dict[str, str]:
    """Branches of references by the names of the layout, which the file has under others."""
    renamed = {}
    for relation, others in layout.other_references.items():
        for before, after in (other.split("{}") for other in others):
            for name in found:
                if name.startswith(before) and name.endswith(after):
                    collection = name[len(before) : len(name) - len(after)]
                    ours = layout.references[relation].format(collection)
                    if ours not in found:
                        renamed[ours] = name
    return renamed


def _with_tracks(layout: PodioLayout, leaves: Set[str], found: Set[str]) -> PodioLayout:
    """dE/dx and the innermost radius, which were in the tracks before they were beside them; and
    without the time of a state, which the first versions had not."""
    if f"{layout.states.collection}.{TIME}" not in leaves:
        columns = {k: leaf for k, leaf in layout.states.columns.items() if k != TIME}
        layout = replace(layout, states=layout.states._replace(columns=columns))
    name = layout.tracks.collection
    if layout.dqdx is None or {layout.dqdx.collection, subset(name)} & found:
        return layout
    inside = {c: PODIO_2023.tracks.columns[c] for c in IN_TRACKS if f"{name}.{c}" in leaves}
    tracks = layout.tracks._replace(columns={**layout.tracks.columns, **inside})
    return replace(layout, tracks=tracks, dqdx=None)


def version_of(leaves: Set[str], written: tuple[int, ...] | None) -> str:
    """EDM4hep's version: what is written in the file, else what its names tell."""
    if written:
        return ".".join(map(str, written))
    found = collections_of(leaves)
    return next(text for text, tells in VERSION if tells(leaves, found))
