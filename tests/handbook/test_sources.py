"""Pages and their links: all lead somewhere, in the repository and in the handbook."""

from pathlib import Path

import pytest

from handbook import contents, sources
from handbook.sources import ROOT, LinkError, linked

HOMES = {"docs/hpo.md": "hpo", "WORKSPACE.md": "project/workspace", "docs/index.md": "index"}


def test_every_link_of_a_page_leads_to_a_page_or_picture():
    pages = sources.written()
    assert {"index", "hpo", "project/workspace"} <= set(pages)


def test_links_of_readme_lead_somewhere():
    path = ROOT / "README.md"
    homes = {str(p.relative_to(ROOT)): p.name for p in ROOT.glob("*.*")}
    linked(path.read_text(), path, "README", homes | sources.homes())


def test_every_page_is_in_one_chapter():
    found = {*sources.written(), *(p for p in contents.all_named() if p.startswith("reference/"))}
    placed = [page for pages in contents.chapters(found).values() for page in pages]
    assert sorted(placed) == sorted(found - {"index"})


def test_a_page_that_no_chapter_names_is_not_lost():
    placed = contents.chapters({"tutorial", "index", "of_tomorrow"})
    assert placed["Tutorial"] == ("tutorial",)
    assert placed[contents.LAST] == ("of_tomorrow",)


@pytest.mark.parametrize(
    ("file", "page", "link", "leads"),
    [
        ("docs/qsvr.md", "qsvr", "hpo.md", "hpo.md"),
        ("docs/qsvr.md", "qsvr", "hpo.md#schedulers", "hpo.md#schedulers"),
        ("docs/qsvr.md", "qsvr", "../WORKSPACE.md", "project/workspace.md"),
        ("docs/qsvr.md", "qsvr", "hpo.png", "hpo.png"),
        ("WORKSPACE.md", "project/workspace", "docs/hpo.md#above", "../hpo.md#above"),
        ("WORKSPACE.md", "project/workspace", "docs/zoo.png", "../zoo.png"),
        ("docs/qsvr.md", "qsvr", "reference/qsvr.md", "reference/qsvr.md"),
        ("docs/qsvr.md", "qsvr", "https://a.b/c.md", "https://a.b/c.md"),
        ("docs/qsvr.md", "qsvr", "#below", "#below"),
    ],
)  # fmt: skip
def test_a_link_leads_to_the_same_place_from_the_handbook(file, page, link, leads):
    text = f"See [it]({link}), not `[it]({link})`.\n\n```\n[it]({link})\n```\n"
    expected = text.replace(f"See [it]({link})", f"See [it]({leads})")
    assert linked(text, ROOT / file, page, HOMES) == expected


@pytest.mark.parametrize("link", ["nowhere.md", "../hpo/__init__.py", "../docs"])
def test_a_link_to_no_page_is_refused(link):
    with pytest.raises(LinkError, match=r"docs/qsvr\.md: \("):
        linked(f"[it]({link})", ROOT / "docs" / "qsvr.md", "qsvr", HOMES)


def test_pages_are_laid_out_as_files(tmp_path: Path):
    from handbook.__main__ import lay_out

    (tmp_path / "old.md").write_text("gone")
    lay_out(tmp_path, {"a/b": "text"}, {"c.svg": b"<svg/>"})
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.*")) == [
        "a/b.md",
        "c.svg",
    ]
