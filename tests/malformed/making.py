"""What makes malformed files of sound ones."""

import json
from collections.abc import Callable
from pathlib import Path

Make = Callable[[Path], None]  # in an empty folder
Rows = dict[str, tuple[Make, str]]


def bytes_of(name: str, data: bytes) -> Make:
    """A file of these bytes."""
    return lambda folder: (folder / name).write_bytes(data) and None


def edited(files: Callable[[], dict[str, bytes]], name: str, change: Callable) -> Make:
    """The files, of which one is changed; None: it is left out."""

    def make(folder: Path) -> None:
        for each, data in files().items():
            new = change(data) if each == name else data
            if new is not None:
                (folder / each).write_bytes(new)

    return make


def as_json(change: Callable[[dict], object]) -> Callable[[bytes], bytes]:
    """A change of what a text of JSON holds; what it returns, if anything, takes its place."""

    def changed(data: bytes) -> bytes:
        value = json.loads(data)
        return json.dumps(change(value) or value).encode()

    return changed


def with_item(*path_and_value: object) -> Callable[[bytes], bytes]:
    """JSON with another value at the end of a path."""
    *path, last, value = path_and_value

    def change(tree: dict) -> None:
        for key in path:
            tree = tree[key]
        tree[last] = value

    return as_json(change)


def half(data: bytes) -> bytes:
    """The file cut off in the middle."""
    return data[: len(data) // 2]


def gone(data: bytes) -> None:
    """No file."""
