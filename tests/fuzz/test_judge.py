"""What counts as a finding: whatever is not one line of the project's own that names the file."""

import pytest

from tests.fuzz.reader import ROOT, Reader, judged

OURS, TESTS, ELSEWHERE = ROOT / "hpo" / "made_up.py", ROOT / "tests" / "a.py", ROOT.parent / "b.py"
INSTALLED = ROOT / ".venv" / "lib" / "c.py"


class Refused(ValueError):
    """A line of the project's own."""


def reader(message, *files, error=Refused, names=True):
    """Its error is raised in the last of the files, each of which calls the next."""
    calls = {"raised": None, "error": error, "message": message}
    for at, file in enumerate(reversed(files)):
        body = "raised(folder)" if at else "raise error(message.format(folder=folder))"
        code = compile(f"def made(folder):\n    {body}\n", str(file), "exec")
        scope = dict(calls)
        exec(code, scope)
        calls["raised"] = scope["made"]
    last = calls["raised"]
    return Reader("r", lambda: [b""], lambda data, folder: last(folder), (Refused,), names)


@pytest.mark.parametrize(
    ("message", "files", "more"),
    [
        ("{folder}/x is empty", [OURS], {}),
        ("{folder}/x is empty", [ELSEWHERE, OURS], {}),
        ("it is empty", [OURS], {"names": False}),
        ("{folder}" + "x" * 1000, [OURS], {}),
    ],
)
def test_a_line_of_our_own_is_no_finding(message, files, more, tmp_path):
    assert judged(reader(message, *files, **more), b"", tmp_path) is None


@pytest.mark.parametrize(
    ("message", "files", "more", "why"),
    [
        ("{folder}/x", [OURS], {"error": ValueError}, "not the project's own"),
        ("{folder}/x", [OURS], {"error": KeyError}, "not the project's own"),
        ("{folder}/x", [OURS, ELSEWHERE], {}, "not raised by the project"),
        ("{folder}/x", [OURS, INSTALLED], {}, "not raised by the project"),
        ("{folder}/x", [TESTS], {}, "not raised by the project"),
        ("", [OURS], {"names": False}, "not one line"),
        (" ", [OURS], {"names": False}, "not one line"),
        ("{folder}/x\nis empty", [OURS], {}, "not one line"),
        ("{folder}" + "x" * 1501, [OURS], {}, "not one line"),
        ("it is empty", [OURS], {}, "does not name the file"),
    ],
)
def test_all_else_is_one(message, files, more, why, tmp_path):
    found = judged(reader(message, *files, **more), b"", tmp_path)
    assert found.what.endswith(f"({why})")


def test_a_finding_is_where_the_project_was_last_and_one_whatever_the_values(tmp_path):
    def found(*files, message="{folder}/x", error=KeyError):
        return judged(reader(message, *files, error=error), b"", tmp_path)

    here = found(OURS, ELSEWHERE)
    assert here.where == "hpo/made_up.py:2"
    assert found(ELSEWHERE).where == str(ELSEWHERE)
    assert here.key == found(OURS, ELSEWHERE, message="{folder}/y").key
    others = (found(OURS.with_name("other.py")), found(OURS, error=IndexError), found(ELSEWHERE))
    assert len({here.key, *(each.key for each in others)}) == 4


def test_what_is_read_is_no_finding(tmp_path):
    assert judged(Reader("r", lambda: [], lambda data, folder: None, ()), b"", tmp_path) is None
