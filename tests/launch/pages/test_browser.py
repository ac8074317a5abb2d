"""Every page in a browser: nothing is complained of or asked for elsewhere, every figure is drawn,
a telephone shows all of it, and numbers can be taken along."""

import csv
import io
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests import browser
from tests.launch.pages import drawn

pytest.importorskip("fastjet", reason="jets need the extra 'physics'")
if browser.found() is None:
    pytest.skip("no chromium: pages are not looked at by a browser", allow_module_level=True)

PHONE = 360
FOUND = """
(() => {
  const lit = (canvas) => {
    const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    return data.some((value) => value);
  };
  const shown = (svg) => svg.getBoundingClientRect().width > 20 && svg.getBBox().width > 20;
  const names = [...document.querySelectorAll("[id]")].map((one) => one.id);
  const stops = [...document.querySelectorAll("a, button, select, [tabindex]")];
  return {
    figures: document.querySelectorAll("figure").length,
    empty: [...document.querySelectorAll("figure")].filter((one) =>
      !one.querySelector("svg[id], canvas")).length,
    unseen: [...document.querySelectorAll("svg[id]")].filter((one) => !shown(one))
      .map((one) => one.id),
    unlit: [...document.querySelectorAll("canvas")].filter((one) => !lit(one)).length,
    unsaid: [...document.querySelectorAll("figure")].filter((one) =>
      !one.querySelector("figcaption")?.textContent.includes("Made")).length,
    nameless: [...document.querySelectorAll("svg[id], canvas")].filter((one) =>
      !one.getAttribute("aria-label")).length,
    twice: names.filter((name, i) => names.indexOf(name) !== i),
    out_of_order: stops.filter((one) => one.tabIndex > 0).length,
    wide: document.documentElement.scrollWidth,
    text: getComputedStyle(document.body).color,
    paper: getComputedStyle(document.body).backgroundColor,
  };
})()
"""
SOUND = {
    "empty": 0, "unseen": [], "unlit": 0, "unsaid": 0, "nameless": 0, "twice": [],
    "out_of_order": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Path]:
    found = drawn.pages(tmp_path_factory.mktemp("pages"))
    return {path.parent.name: path for path in found}


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with browser.browsing(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def tables(page: str) -> list[list[list[str]]]:
    """Every file of numbers that a page holds."""
    links = re.findall(r'href="data:text/csv;charset=utf-8,([^"]*)"', page)
    return [list(csv.reader(io.StringIO(unquote(link), newline=""))) for link in links]


def test_every_page_on_a_telephone(pages, tab):
    assert len(pages) == 7
    for name, path in pages.items():
        tab.open(path, PHONE, still=True)
        found = tab.value(FOUND)
        assert {what: found[what] for what in SOUND} == SOUND, name
        assert found["wide"] == PHONE, name
        assert found["figures"] > 2, name
        assert tab.complaints == [], name


def test_every_figure_has_its_numbers(pages):
    for name, path in pages.items():
        text = path.read_text()
        found = tables(text)
        assert len(found) == text.count("<figure"), name
        for columns, *rows in found:
            assert rows or name == "study", (name, columns)
            assert all(len(row) == len(columns) for row in rows), (name, columns)


def test_an_event_is_turned_by_keys_and_by_hand_and_by_itself_where_one_likes(pages, tab):
    turn = "Number(document.querySelector('canvas').dataset.turn)"
    moving = "document.querySelector('.turning button').getAttribute('aria-pressed')"
    tab.open(pages["claims_page"], still=True)
    first = tab.value(turn)
    assert tab.value(moving) == "false"
    tab.value("document.querySelector('canvas').focus()")
    tab.press("ArrowRight")
    assert tab.value(turn) == pytest.approx(first + 0.1)
    tab.press("Home")
    assert tab.value(turn) == first
    x, y = tab.value(
        "(() => { const c = document.querySelector('canvas'); c.scrollIntoView();"
        "const r = c.getBoundingClientRect(); return [r.x + 99, r.y + 99]; })()"
    )
    tab.drag((x, y), (x + 75, y))
    assert tab.value(turn) == pytest.approx(first + 0.5)
    tab.open(pages["claims_page"])
    assert tab.value(moving) == "true"
    tab.value("document.querySelector('.turning button').click()")
    assert tab.value(moving) == "false"


def test_a_trial_that_is_pointed_at_is_lit_in_every_picture(pages, tab):
    tab.open(pages["study"])
    lit, marks = tab.value(
        """(() => {
          const mark = document.querySelector("#curves [data-trial]");
          mark.dispatchEvent(new MouseEvent("mouseover", {bubbles: true}));
          const own = document.querySelectorAll(`[data-trial="${mark.dataset.trial}"]`);
          return [[...own].filter((one) => one.classList.contains("on")).length, own.length];
        })()"""
    )
    assert lit == marks > 5
    assert tab.value("document.querySelectorAll('.on').length") == marks


def test_paper_is_dark_where_that_is_liked_and_white_in_print(pages, tab):
    tab.open(pages["claims_page"], dark=True)
    night = tab.value(FOUND)
    assert night["paper"] == "rgb(20, 24, 29)"
    assert night["text"] == "rgb(227, 233, 240)"
    tab.open(pages["claims_page"], dark=True, media="print")
    print_out = tab.value(FOUND)
    assert print_out["paper"] == "rgb(255, 255, 255)"
    assert print_out["text"] == "rgb(29, 39, 51)"


@pytest.mark.soak
@pytest.mark.parametrize(
    ("width", "look"),
    [
        *((width, {"dark": dark}) for width in (360, 768, 1280) for dark in (False, True)),
        (768, {"media": "print"}),
    ],
)
def test_every_page_in_every_place(pages, tab, tmp_path, width, look):
    for name, path in pages.items():
        tab.open(path, width, still=True, **look)
        found = tab.value(FOUND)
        assert {what: found[what] for what in SOUND} == SOUND, name
        assert found["wide"] <= width, name
        assert tab.complaints == [], name
        tab.picture(tmp_path / "page.png")
        assert (tmp_path / "page.png").stat().st_size > 20_000, name
    tab.printed(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
