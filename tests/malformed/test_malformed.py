"""Every malformed input ends in the one line that the table says, and docs/malformed.md has it."""

import pytest

from tests.malformed.document import PAGE, rendered
from tests.malformed.table import KINDS, Row, agrees, rows, said
from tests.malformed.text_rows import TYPED

ROWS = list(rows())
DAILY = {(kind.reader, how) for kind in KINDS for how in kind.rows if kind.daily(how)}


def named(row: Row):
    """As a parameter; rows that need a model, a dataset or a ROOT file are left to make soak, but
    for one of each kind."""
    marks = () if (row.reader, row.how) in DAILY else (pytest.mark.soak,)
    return pytest.param(row, id=f"{row.reader}: {row.how}", marks=marks)


@pytest.mark.parametrize("row", [named(row) for row in ROWS])
def test_a_malformed_input_gives_its_line(row, tmp_path):
    folder = tmp_path / "input"
    folder.mkdir()
    assert agrees(row.line, found := said(row, folder)), found


@pytest.mark.soak
@pytest.mark.parametrize("how", TYPED)
def test_a_malformed_command_line_gives_its_line(how, launch, tmp_path):
    typed, line = TYPED[how]
    done = launch("tune", "--config=tiny", f"--run={tmp_path / 'r'}", typed)
    assert done.returncode == 1
    assert agrees(line, done.stderr.rstrip("\n")), done.stderr
    assert not (tmp_path / "r").exists()


def test_the_page_is_of_these_rows():
    assert PAGE.read_text() == rendered(), "renew it: python -m tests.malformed"
    assert len(ROWS) >= 60


def test_every_kind_has_a_row_of_every_day():
    assert {reader for reader, _ in DAILY} == {kind.reader for kind in KINDS}


def test_a_line_agrees_with_what_is_said_and_with_nothing_else():
    assert agrees("a (...) b", "a (x|y) b")
    assert not agrees("a (...) b", "a () b c")
    assert not agrees("no rows", "no rows at all")
