"""Mutations that somebody thought of: what each room must not lose, by name."""

from pathlib import Path
from typing import NamedTuple

from tests.mutants.mutations import Mutation


class Known(NamedTuple):
    """`new` instead of `old`, which stands in the file exactly once."""

    name: str
    path: str
    old: str
    new: str


KNOWN: tuple[Known, ...] = ()


def known(root: Path) -> list[Mutation]:
    """The known mutations as the code is now. Raises ValueError where an old text has gone."""
    return [_placed(root, entry) for entry in KNOWN]


def _placed(root: Path, entry: Known) -> Mutation:
    source = (root / entry.path).read_text()
    times = source.count(entry.old)
    if times != 1:
        raise ValueError(
            f"known mutation {entry.name!r}: its old text stands {times} times in {entry.path}, "
            "not once; write it anew in tests/mutants/known.py"
        )
    start = len(source[: source.index(entry.old)].encode())
    line = source[: source.index(entry.old)].count("\n") + 1
    end = start + len(entry.old.encode())
    return Mutation(
        entry.path, line, "", 0, entry.old, entry.new, start, end, entry.new, entry.name
    )
