"""The numbers behind a picture, as a file that the page itself holds."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote


class Numbers(NamedTuple):
    """A table; `name` is that of the file, without an ending. What is not known is None."""

    name: str
    columns: Sequence[str]
    rows: Iterable[Sequence[Any]]


def link(numbers: Numbers) -> str:
    """HTML of a link that saves the table as CSV: nothing is loaded, and no program is run."""
    address = "data:text/csv;charset=utf-8," + quote(text(numbers), safe=" ,.;:-+_/()|=")
    return (
        f'<a class="numbers" download="{quote(numbers.name, safe=" -_.,")}.csv" '
        f'href="{address}">numbers (CSV)</a>'
    )


def text(numbers: Numbers) -> str:
    """CSV with a header; numbers have seven digits, what is None or not finite stays empty.
    Values of hyperparameters may be tuples."""
    file = io.StringIO()
    writer = csv.writer(file)  # its lines end as RFC 4180 has it, so that both ends are quoted
    writer.writerow(numbers.columns)
    writer.writerows([_cell(value) for value in row] for row in numbers.rows)
    return file.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str | bool | int | tuple):
        return str(value)
    number = float(value)
    finite = number - number == 0
    return f"{number:.7g}" if finite else ""
