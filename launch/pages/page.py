"""The pages of programs: sheets of the same look as those of a study (`hpo.page`)."""

from hpo.showing.look.numbers import Numbers
from hpo.showing.look.sheet import (
    Figure,
    Section,
    drawn,
    folded,
    key,
    render,
    small,
    source,
    table,
)

__all__ = [
    "Figure", "Numbers", "Section", "drawn", "folded", "key", "render", "small", "source", "table",
]  # fmt: skip
