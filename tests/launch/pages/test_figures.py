"""Every figure of every page has its picture, its caption and its numbers, without a browser to ask
(`test_browser` looks at what is drawn; pages of studies are in tests/hpo/showing)."""

import re

import pytest

from launch.pages.report import sections
from tests.launch.pages import drawn

pytest.importorskip("fastjet", reason="jets need the extra 'physics'")
DRAWN = (
    drawn.claims_page, drawn.dataset, drawn.two_datasets, drawn.evaluated, drawn.annealed,
    drawn.run,
)  # fmt: skip


@pytest.mark.parametrize("draw", DRAWN, ids=lambda draw: draw.__name__)
def test_a_figure_is_a_named_picture_with_marks_a_caption_and_numbers(draw, tmp_path, monkeypatch):
    monkeypatch.setattr(sections, "predictions", lambda run, study: [])  # of an annealer: slow
    page = draw(tmp_path).read_text()
    figures = re.findall(r"<figure\b.*?</figure>", page, re.S)
    assert len(figures) == page.count("<figure") > 2
    names = []
    for figure in figures:
        caption = re.search(r"<figcaption>(.*?)</figcaption>", figure, re.S)
        assert "Made" in caption[1], figure[:300]
        assert "data:text/csv" in figure, caption[1]
        pictures = re.findall(r'<svg id="([^"]+)" [^>]*aria-label="[^"]+".*?</svg>', figure, re.S)
        turned = re.findall(r'<canvas [^>]*aria-label="[^"]+"', figure)
        assert pictures or turned, caption[1]
        assert len(pictures) == figure.count("<svg id="), caption[1]
        for svg in re.findall(r"<svg id=.*?</svg>", figure, re.S):
            inside = svg.partition('<g clip-path="')[2]
            assert re.search(r"<(path|circle|rect|text)\b", inside), caption[1]
        names += pictures
    assert len(set(names)) == len(names)
