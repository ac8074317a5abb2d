"""The table of malformed inputs as a page."""

from collections.abc import Iterator
from pathlib import Path

from tests.malformed import text_rows
from tests.malformed.table import KINDS

PAGE = Path(__file__).parents[2] / "docs" / "malformed.md"
BEGIN = """# Malformed inputs, and what each gives

{count} ways in which a file or a command line can be wrong, and the one line that a person is
told. Programs print it behind `error: `, and end with the status 1; from Python it is the message
of a `ValueError`, a `RuntimeError` or a `FileNotFoundError`. `...` is what a library says, a
number, or a list that goes on. Names of files come with their folders.

`python -m tests.malformed` makes this page of the rows that `tests/malformed` tests: each row is a
file that is made, read, and asked what it says. What fuzzing found is in [testing.md](testing.md).

Nothing that comes from outside is unpickled or executed, but for configurations:
`--config=file.py` is a program, and is run with the rights of who starts it, as is the objective
that `tune.objective` names. A journal, a model, a checkpoint, a dataset, a table, a detector and a
ROOT file are data. The pickles of the first paper's dataset are read instruction by instruction,
and only numbers are taken (`datasets.storage.pickles`).
"""


def rendered() -> str:
    """The page."""
    sections = [(kind.reader, kind.rows) for kind in KINDS]
    sections.append(("command lines", text_rows.TYPED))
    count = sum(len(rows) for _, rows in sections)
    lines = [BEGIN.format(count=count)]
    for reader, rows in sections:
        lines += [f"## {reader[0].upper()}{reader[1:]}", "", "| malformed | said |", "|---|---|"]
        lines += [*_rows(reader, rows), ""]
    return "\n".join(lines)


def _rows(reader: str, rows: dict) -> Iterator[str]:
    for how, (given, line) in rows.items():
        typed = f" (`{given}`)" if reader == "command lines" else ""
        yield f"| {how}{typed} | `` {line.replace('|', chr(92) + '|')} `` |"
