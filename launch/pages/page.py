"""The pages of programs: sheets of the same look as those of a study (`hpo.page`)."""

from hpo.showing.drawing.sheet import Section, folded, render, source, table

__all__ = ["Section", "folded", "render", "source", "table"]
