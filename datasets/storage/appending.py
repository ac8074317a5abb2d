"""Samples written portion by portion, in the folder format of `datasets.samples`.

For what does not fit in memory: .npy files grow at their ends, and their headers are written last.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from datasets import samples as stored
from datasets.events import Samples
from datasets.storage.folders import replaced

_OFFSETS = {name: f"{name}.offsets" for name in stored.TABLES}


@contextmanager
def appended(
    folder: Path, empty: Samples, content: str = ""
) -> Iterator[Callable[[Samples], None]]:
    """Yields a function that appends samples; afterwards `samples.load(folder)` has them all.

    `empty` are no samples of the right elements, tables, shapes and types; `content` says of which
    dataset they are. The folder appears complete or not at all, and replaces an older one.
    """
    with replaced(folder) as partial, ExitStack() as stack:
        (partial / stored.ELEMENTS).write_text(empty.elements)
        if content:
            (partial / stored.CONTENT).write_text(content)
        np.save(partial / stored.FACE, np.array(empty.face, float))
        files = {
            name: stack.enter_context(_growing(partial / f"{name}.npy", values))
            for name, values in _arrays(empty, first=True).items()
        }
        ends = dict.fromkeys(("offsets", *_OFFSETS.values()), 0)

        def append(samples: Samples) -> None:
            if samples.elements != empty.elements:
                raise stored.SamplesError(f"cannot append {samples.elements} to {empty.elements}")
            if samples.face != empty.face:
                raise stored.SamplesError("cannot append samples of another calorimeter face")
            arrays = _arrays(samples, first=False)
            if set(arrays) != set(files):
                raise stored.SamplesError("samples with shares and without them do not go together")
            for name, values in arrays.items():
                shift = ends.get(name, 0)
                files[name](values + shift if name in ends else values)
                if name in ends and len(values):
                    ends[name] = shift + int(values[-1])

        yield append


def _arrays(samples: Samples, first: bool) -> dict[str, np.ndarray]:
    """What each file gets; the zero that offsets begin with only from the first samples."""
    start = 0 if first else 1
    arrays = {name: getattr(samples, name) for name in stored.ARRAYS}
    arrays["offsets"] = samples.offsets[start:]
    for name, table in stored.tables(samples).items():
        arrays[name] = stored.table_rows(table, stored.TABLES[name])
        arrays[_OFFSETS[name]] = table.offsets[start:]
    return arrays


@contextmanager
def _growing(path: Path, first: np.ndarray) -> Iterator[Callable[[np.ndarray], None]]:
    """A .npy file that begins with `first`; yields a function that appends rows to it."""
    rows, size = 0, 0
    with path.open("w+b") as file:
        size = _header(file, first, rows)

        def append(values: np.ndarray) -> None:
            nonlocal rows
            if values.dtype != first.dtype or values.shape[1:] != first.shape[1:]:
                raise stored.SamplesError(
                    f"cannot append {values.dtype}{values.shape} to {path.name} of "
                    f"{first.dtype}{first.shape}"
                )
            file.write(np.ascontiguousarray(values).data)
            rows += len(values)

        append(first)
        yield append
        file.seek(0)
        if _header(file, first, rows) != size:  # numpy leaves room for 21 digits
            raise stored.SamplesError(f"the header of {path} does not fit")


def _header(file: IO[bytes], like: np.ndarray, rows: int) -> int:
    shape = (rows, *like.shape[1:])
    description = {
        "descr": np.lib.format.dtype_to_descr(like.dtype),
        "fortran_order": False,
        "shape": shape,
    }
    np.lib.format.write_array_header_1_0(file, description)
    return file.tell()
