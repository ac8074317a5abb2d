"""The lock: hashed, of no place, and under the licences that README names."""

import json
import re
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import pytest

from tests.security.audit import verdict

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text()
ENTRY = re.compile(r"^([a-z0-9._-]+)==([^ ;\\]+)(?: ; ([^\\]+?))? \\$", re.MULTILINE)
PERMISSIVE = re.compile(
    r"MIT( License|-0|-CMU)?|Apache([- ]Software[- ]License|[- ]?2\.0)?|BSD(-\d-Clause| License)?|"
    r"\d-Clause BSD License|0BSD|Zlib|CC0-1\.0|PSF-2\.0|Python Software Foundation License|AFL-2\.1"
    r"|ISC( License \(ISCL\))?|Unlicense"
)
MOZILLA = re.compile(r"MPL-2\.0|Mozilla Public License 2\.0 \(MPL 2\.0\)")
GPL = {"pythia8mc"}  # FastJet's package is BSD, and holds FastJet, which is GPL: README says so
MPL = {"certifi", "orjson", "tqdm"}  # as README says
# These come with no extra that a user installs.
DEVELOPERS_MPL = {"hypothesis", "pathspec"}
DEVELOPERS_GPL = {"docutils"}  # of which a mode for an editor is under the GPL
SAYS_NOTHING = {"minorminer": "Apache-2.0, in its repository"}


def entries() -> dict[str, str]:
    """What each package's line says, by its name."""
    return {found[1]: found[0] for found in ENTRY.finditer(LOCK)}


def licence_of(name: str) -> str | None:
    """What its metadata says; None where it is not installed here."""
    try:
        about = metadata(name)
    except PackageNotFoundError:
        return None
    told = [c.split(" :: ")[-1] for c in about.get_all("Classifier", []) if "License ::" in c]
    spelled = (about.get("License") or "").split("\n")[0]
    return about.get("License-Expression") or "; ".join(told) or spelled


def parts(licence: str) -> list[str]:
    return [part.strip() for part in re.split(r" AND | OR |; |[()]", licence) if part.strip()]


def test_every_package_is_pinned_and_hashed():
    blocks = re.split(r"\n(?=[A-Za-z0-9])", LOCK.strip())
    assert len(blocks) == len(ENTRY.findall(LOCK)) > 100
    for block in blocks:
        assert ENTRY.match(block), block.splitlines()[0]
        rest = block.splitlines()[1:]
        assert rest
        assert all(re.fullmatch(r" {4}--hash=sha256:[0-9a-f]{64}( \\)?", line) for line in rest)


def test_the_lock_names_no_place():
    assert not re.search(r"://|@ |file:|--index|--find-links|--trusted|git\+", LOCK)


@pytest.mark.parametrize("name", sorted(entries()))
def test_the_licence_is_one_that_readme_names(name):
    licence = licence_of(name)
    if licence is None:
        pytest.skip("not for this platform")
    if name in GPL | DEVELOPERS_GPL:
        assert "GPL" in licence
    elif not licence:
        assert name in SAYS_NOTHING
    elif name in MPL | DEVELOPERS_MPL:
        assert MOZILLA.search(licence)
    else:
        assert all(PERMISSIVE.fullmatch(part) for part in parts(licence)), licence


def test_readme_names_them():
    text = (ROOT / "README.md").read_text().split("Licence: ")[1]
    assert all(name in text for name in MPL)
    assert "FastJet" in text


def package(name, *advisories):
    known = [{"id": each, "fix_versions": ["2.0"]} for each in advisories]
    return {"name": name, "version": "1.0", "vulns": known}


SKIPPED = {"name": "b", "skip_reason": "Dependency not found on PyPI"}


@pytest.mark.parametrize(
    ("packages", "line", "status"),
    [
        ([package("a")], "1 of 1 packages looked up, 0 with advisories", 0),
        ([package("a", "X-1"), SKIPPED], "a 1.0: X-1, mended in 2.0", 1),
        ([package("a"), SKIPPED], "not known to the database: b", 0),
        ([SKIPPED], "the advisory database cannot be asked, nothing was looked up: Depend", 2),
        (None, "the advisory database cannot be asked, nothing was looked up: no name", 2),
    ],
)
def test_what_an_audit_comes_to(packages, line, status):
    report = "" if packages is None else json.dumps({"dependencies": packages})
    found = verdict(report, "trace\nno name resolved\n")
    assert found.lines[0].startswith(line)
    assert found.status == status
