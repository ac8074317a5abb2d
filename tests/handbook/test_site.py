"""The handbook as it is built: without a warning, and complete where nothing can be fetched."""

import re
import shutil
import subprocess
import sys

import pytest

from handbook.sources import ROOT

pytestmark = pytest.mark.soak


def built(root, output):
    return subprocess.run(
        [sys.executable, "-m", "handbook", f"--output={output}"],
        cwd=root, capture_output=True, text=True, timeout=900,
    )  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("sphinx", reason="the handbook needs the extra `docs`")
    folder = tmp_path_factory.mktemp("site")
    done = built(ROOT, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "html"


def test_nothing_is_fetched_by_who_reads_it(site):
    tags = r"<(?:script|img|link|iframe)[^>]*(?:src|href)="
    sources = re.compile(rf"(?:{tags}|url\(|@import\s*)[\"']?(\S+)")
    for path in [*site.rglob("*.html"), *site.rglob("*.css")]:
        found = sources.findall(path.read_text())
        assert not [link for link in found if re.match(r"(https?:)?//", link)], path


def test_every_page_is_there_and_can_be_searched(site):
    assert {p.stem for p in (ROOT / "docs").glob("*.md")} <= {p.stem for p in site.glob("*.html")}
    index = (site / "searchindex.js").read_text()
    assert all(word in index for word in ("hyperband", "reference/hpo", "swift_improv"))
    text = (site / "reference" / "hpo.html").read_text()
    assert 'id="hpo.swift_hyperband"' in text
    assert 'id="hpo.Study.page"' in text


def test_a_link_that_leads_nowhere_ends_it(tmp_path):
    """An anchor that there is not is a warning, and a warning is an error."""
    pytest.importorskip("sphinx", reason="the handbook needs the extra `docs`")
    tree = tmp_path / "tree"
    folders = ("benchmarks", "configs", "datasets", "docs", "handbook", "hpo", "launch")
    for name in (*folders, "mlpf_install", "mlpf_jax", "qsvr"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in [*ROOT.glob("*.md"), ROOT / "pyproject.toml"]:
        shutil.copy(path, tree)
    page = tree / "docs" / "limits.md"
    page.write_text(page.read_text() + "\n[there](hpo.md#no-such-thing)\n")
    done = built(tree, tmp_path / "out")
    assert done.returncode != 0
    assert "no-such-thing" in done.stdout + done.stderr


def test_pictures_are_those_that_the_code_makes():
    from handbook.pictures import pictures

    for name, svg in pictures().items():
        assert (ROOT / "docs" / "schedulers" / f"{name}.svg").read_text() == svg, name
