"""A sequence that never changes and is cheap to change a copy of: O(log n) for one item.

A study of 100,000 trials that kept them in a tuple would copy 100,000 pointers for every report.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

Item = TypeVar("Item")

_BITS = 5
_WIDTH = 1 << _BITS


class Vector(Sequence[Item], Generic[Item]):
    """A tree of tuples, 32 wide. `Vector(items)`; `put` and `extend` give a new one."""

    __slots__ = ("_root", "_shift", "_size")

    def __init__(self, items: Iterable[Item] = ()):
        level: list[Any] = list(items)
        self._size, self._shift = len(level), 0
        while len(level) > _WIDTH:
            level = [tuple(level[i : i + _WIDTH]) for i in range(0, len(level), _WIDTH)]
            self._shift += _BITS
        self._root = tuple(level)

    def put(self, index: int, item: Item) -> "Vector[Item]":
        """With `item` at `index`, which is at most the length: there it is appended."""
        if not 0 <= index <= self._size:
            raise IndexError(f"no place {index} in a vector of {self._size}")
        root, shift = self._root, self._shift
        if index == _WIDTH << shift:
            root, shift = (root,), shift + _BITS
        return _made(_put(root, shift, index, item), shift, max(self._size, index + 1))

    def extend(self, items: Iterable[Item]) -> "Vector[Item]":
        """With `items` appended."""
        if not self._size:
            return Vector(items)
        vector = self
        for item in items:
            vector = vector.put(vector._size, item)
        return vector

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return tuple(self)[index]
        if index < 0:
            index += self._size
        if not 0 <= index < self._size:
            raise IndexError(f"no item {index} in a vector of {self._size}")
        node, shift = self._root, self._shift
        while shift:
            node = node[index >> shift & _WIDTH - 1]
            shift -= _BITS
        return node[index & _WIDTH - 1]

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Item]:
        return _leaves(self._root, self._shift)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vector) and len(self) == len(other) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"Vector({list(self)!r})"


def _made(root: tuple, shift: int, size: int) -> Vector:
    vector = object.__new__(Vector)
    vector._root, vector._shift, vector._size = root, shift, size
    return vector


def _put(node: tuple, shift: int, index: int, item: Any) -> tuple:
    place = index >> shift & _WIDTH - 1
    if shift:
        child = node[place] if place < len(node) else ()
        item = _put(child, shift - _BITS, index, item)
    return (*node[:place], item, *node[place + 1 :])


def _leaves(node: tuple, shift: int) -> Iterator[Any]:
    if not shift:
        return iter(node)
    return (item for child in node for item in _leaves(child, shift - _BITS))
