"""Items dealt out to the processes of a group, and what they make of them as files."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from launch.parts.meeting import Group

Item = TypeVar("Item")
Made = TypeVar("Made")

Columns = Mapping[str, Mapping[str, np.ndarray]]
"""Columns by name, in groups that have names."""


class Store(NamedTuple, Generic[Made]):
    """How what was made is written to a file and read."""

    write: Callable[[Path, Made], None]
    read: Callable[[Path], Made]


def dealt(
    group: Group, name: str, items: Iterable[Item], make: Callable[[Item], Made], store: Store[Made]
) -> Iterator[Made]:
    """In the first process, `make` of every item, in order; each process makes every `size`-th, and
    the others yield nothing. A process alone makes them all.

    The items must be the same in all processes, and `name` tells them from others that the group
    deals. Raises RunError where a process of the group is gone.
    """
    for number, item in enumerate(items):
        mine, part = number % group.size == group.number, f"{name}.{number}"
        if mine and group.first:
            yield make(item)
        elif mine:
            group.check()  # or it would work for nobody
            _put(group, group.folder / part, make(item), store)
        elif group.first:
            yield _taken(group, group.folder / part, store)


def own(group: Group, items: list[Item]) -> list[Item]:
    """The items that `dealt` has this process make."""
    return items[group.number :: group.size]


def _put(group: Group, path: Path, made: Made, store: Store[Made]) -> None:
    partial = path.with_name(f".{path.name}.partial")
    try:
        store.write(partial, made)
        partial.rename(path)
    except FileNotFoundError:
        group.check()  # the first process has left, and the folder with it
        raise


def _taken(group: Group, path: Path, store: Store[Made]) -> Made:
    group.wait_for(path)
    made = store.read(path)
    path.unlink()
    return made


def _write_array(path: Path, array: np.ndarray) -> None:
    with path.open("wb") as file:
        np.save(file, array, allow_pickle=False)


def _write_groups(path: Path, groups: Columns) -> None:
    names = [(group, name) for group, columns in groups.items() for name in columns]
    arrays = {str(number): groups[group][name] for number, (group, name) in enumerate(names)}
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, names=json.dumps(names), **arrays)


def _read_groups(path: Path) -> dict[str, dict[str, np.ndarray]]:
    groups: dict[str, dict[str, np.ndarray]] = {}
    with np.load(path, allow_pickle=False) as arrays:
        for number, (group, name) in enumerate(json.loads(str(arrays["names"]))):
            groups.setdefault(group, {})[name] = arrays[str(number)]
    return groups


ARRAY: Store[np.ndarray] = Store(_write_array, lambda path: np.load(path, allow_pickle=False))
GROUPS: Store[Columns] = Store(_write_groups, _read_groups)
