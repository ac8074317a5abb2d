"""Text and JSON files that are written whole or not at all."""

import json
import os
from pathlib import Path
from typing import Any


class FileError(ValueError):
    """A file that cannot be read or written as asked."""


def read_json(path: Path) -> Any:
    """A JSON file. Raises FileError where it is damaged."""
    try:
        return json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise FileError(f"{path} is damaged ({error}); delete it to make it again") from None


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file whole or not at all. Raises FileError where the disk does not take it."""
    write_text(path, json.dumps(value, indent=1) + "\n")


def write_text(path: Path, text: str) -> None:
    """Writes a text file whole or not at all: what was there stays if the disk is full.

    Raises FileError where the disk does not take it.
    """
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """The same of bytes."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise FileError(
            f"cannot write {path}: {error.strerror}; what was computed is kept"
        ) from None


def may_write(path: Path) -> bool:
    """Whether a file or folder can be made, or replaced, there; folders above it may be missing."""
    above = next(parent for parent in path.absolute().parents if parent.exists())
    effective = os.access in os.supports_effective_ids
    return os.access(above, os.W_OK | os.X_OK, effective_ids=effective)
