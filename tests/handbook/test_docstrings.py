"""Docstrings keep their words, and what their columns mean."""

import inspect

import pytest

from handbook import names, reference
from handbook.docstrings import listed, rendered

DOCSTRINGS = [
    pytest.param(inspect.getdoc(reference.found(page.package, name)), id=f"{page.package}.{name}")
    for page in names.PAGES.values()
    for part in page.parts.values()
    for name in part.split()
]


def words(text: str) -> str:
    """Without what only reStructuredText needs."""
    plain = text.replace(".. code-block:: text", "").replace("\\", "").replace("``", "")
    return " ".join(plain.split())


@pytest.mark.parametrize("text", DOCSTRINGS)
def test_no_word_of_a_docstring_is_lost(text):
    assert words("\n".join(rendered(text.splitlines()))) == words(text)


def test_names_in_a_column_become_a_list():
    block = ["cut     where it is made,", "        and how", "a long  another"]
    assert listed(block) == [("cut", "where it is made, and how"), ("a long", "another")]


def test_what_is_no_list_stays_as_it_stands():
    assert not listed(["one line  with a gap"])
    assert not listed(["x = 1  # one", "longer than that = 2"])
    kept = ["   code  = 1", "", "   more"]
    text = ["Text.", "", *kept, "", "End."]
    block = [".. code-block:: text", "", *(line and f"   {line}" for line in kept), ""]
    assert rendered(text) == ["Text.", "", *block, "End.", ""]


def test_signs_of_the_markup_are_no_markup():
    assert rendered(["a*b* and `a*b` |c|_"])[0] == r"a\*b\* and `a*b` \|c\|\_"
