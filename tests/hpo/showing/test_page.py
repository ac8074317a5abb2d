"""The page of a study: every figure is there, whatever the study, and nothing is loaded."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import hpo
from hpo.showing.drawing.page import render, title_of
from hpo.showing.look import scales
from hpo.showing.recorded import of_log, view_of
from hpo.showing.view import Seen
from hpo.study.journal import read_journal

ALWAYS = {"curves", "best-so-far", "budgets", "savings"}
RICH = ALWAYS | {"workers", "parallel", "importance", "map", "slice-0", "slice-3", "predicted"}


def pictures(page: str) -> dict[str, ElementTree.Element]:
    """Every picture of a page by its name; that each can be parsed is a law of its own."""
    found = [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", page, re.S)]
    return {svg.attrib["id"]: svg for svg in found if "id" in svg.attrib}


@pytest.fixture(scope="module")
def swift(study):
    return view_of(study("swift")[0])


@pytest.fixture(scope="module")
def page_of_swift(swift):
    return render(swift, "A <study>")


def test_every_figure_is_there(page_of_swift, swift):
    drawn = pictures(page_of_swift)
    assert set(drawn) >= RICH
    jobs = [mark for mark in drawn["budgets"].iter("rect") if "data-trial" in mark.attrib]
    assert len(jobs) == len(swift.spans)
    lines = [mark for mark in drawn["curves"].iter("path") if "data-trial" in mark.attrib]
    assert {int(mark.attrib["data-trial"]) for mark in lines} == {
        t.number for t in swift.trials if t.curve
    }


def test_nothing_is_loaded_and_nothing_is_markup_that_was_text(page_of_swift):
    elsewhere = r"(?:src|href)\s*=(?!.data:text/csv)|@import|url\((?!#)"
    assert not re.findall(elsewhere, page_of_swift)
    assert "<title>A &lt;study&gt;</title>" in page_of_swift
    assert "it &lt;b&gt;diverged&lt;/b&gt; &amp; ended" in page_of_swift
    assert "<b>diverged" not in page_of_swift
    assert "http-equiv" not in page_of_swift  # it is over


def test_the_best_is_shown_with_its_epoch(page_of_swift, swift):
    best = swift.best
    assert f"trial {best.number}, epoch {best.epochs} of 27" in page_of_swift


def test_fates_are_told_apart(page_of_swift):
    drawn = pictures(page_of_swift)["curves"]
    looks = {mark.attrib["class"] for mark in drawn.iter() if "data-trial" in mark.attrib}
    for look in ("square completed", "dot out", "triangle failed", "line failed", "square best"):
        assert look in looks


@pytest.mark.parametrize("share", [0, 0.01, 0.4])
def test_a_study_is_drawn_however_far_it_is(study, share):
    header, entries = read_journal(study("improved")[0])
    view = of_log(header, entries[: int(share * len(entries))])
    page = render(view, "so far", 5.0)
    assert 'http-equiv="refresh" content="5"' in page
    assert set(pictures(page)) >= (ALWAYS if view.trials else set())
    assert "nan" not in re.sub(r"<script.*", "", page).lower().split("settings")[0]


@pytest.mark.parametrize("name", ["asha", "full"])
def test_a_state_is_drawn_without_times(study, name):
    page = render(view_of(study(name)[1]), "a state")
    assert set(pictures(page)) >= ALWAYS
    assert "workers" not in pictures(page)
    assert "knows no times" in page


@pytest.mark.parametrize(
    "curves", [[()], [(1.0,)], [(0.0, 0.0)], [(1e300,), (-1e300,)], [(5e-324,), (1e308,)]]
)
@pytest.mark.parametrize("configuration", [{}, {"x": 1}, {"x": "<&>", "y": None}])
def test_any_losses_and_hyperparameters_are_drawn(swift, curves, configuration):
    trials = [Seen(i, None, configuration, c, "completed", None) for i, c in enumerate(curves)]
    bare = replace(
        swift, trials=tuple(trials), reports=(), spans=(), foreseen=(), settings={}, begun=None,
        last=None,
    )  # fmt: skip
    assert set(pictures(render(bare, "bare"))) >= ALWAYS
    failed = replace(bare, trials=tuple(t._replace(status="failed", error="x") for t in trials))
    assert "all that began have failed" in render(failed, "failed")


def test_a_page_is_written_whole_and_named_by_its_study(study, tmp_path):
    path, state = study("full")
    assert hpo.page(path, tmp_path / "page.html") == tmp_path / "page.html"
    assert "<h1>Study full</h1>" in (tmp_path / "page.html").read_text()
    hpo.page(state, tmp_path / "page.html")
    assert "<h1>A study</h1>" in (tmp_path / "page.html").read_text()
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]
    assert title_of("runs/mlp/study.db") == "Study mlp"


def test_a_notebook_gets_a_figure(study):
    for source in study("maximise"):
        figure = hpo.plot(source)
        left, right = figure.axes
        begun = [t for t in view_of(source).trials if t.curve]
        assert len(left.lines) == 2 * len(begun)
        best = view_of(source).best
        assert f"trial {best.number}, epoch {best.epochs}" in left.get_title()
        assert right.get_title().startswith("best so far")
        figure.savefig("/dev/null", format="svg")


@example([5e-324], True, False)
@example([5e-324, 1e-323], True, False)
@example([5e-324, 1e-323], False, True)
@given(st.lists(st.floats(allow_nan=True), max_size=8), st.booleans(), st.booleans())
def test_any_values_have_an_axis(values, log, zero):
    axis = scales.numbers(values, "what", log=log, zero=zero)
    assert axis.low < axis.high
    places = [axis.at(value) for value, _ in axis.named]
    assert places == sorted(places)
    assert all(-0.01 <= place <= 1.01 for place in places)
    assert all(-1 <= axis.at(value) <= 2 for value in values if value == value)


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=40), st.sampled_from([1, -1]))
def test_the_better_losses_can_be_told_apart(values, sign):
    axis = scales.of_losses(values, sign, "loss")
    inside = [v for v in values if -1e-6 <= axis.at(v) <= 1 + 1e-6]
    assert len(inside) >= 0.95 * len(values)
    assert (min(values) if sign > 0 else max(values)) in inside
