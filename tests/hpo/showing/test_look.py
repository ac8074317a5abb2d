"""What all pages share: colours that can be told apart, marks that are where they should be, and
files that hold the numbers."""

import csv
import io
import itertools
import math
import re
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.showing.look import marks, numbers, palette, scales, sheet
from hpo.showing.look.picture import Plot
from hpo.showing.look.style import STYLE

# What each kind of colour blindness leaves of linear RGB (Machado et al., IEEE TVCG 15 (2009)).
EYES = {
    "all cones": np.eye(3),
    "no long ones": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                     [-0.003882, -0.048116, 1.051998]],
    "no middle ones": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                       [-0.011820, 0.042940, 0.968881]],
    "no short ones": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                      [0.004733, 0.691367, 0.303900]],
}  # fmt: skip
TOLD_APART = 10  # in CIELAB; a difference of 2 is just seen


def linear(colour: str) -> np.ndarray:
    value = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of linear sRGB, white at D65."""
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = to_xyz @ np.clip(rgb, 0, 1) / [0.9505, 1, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's ratio."""
    low, high = sorted(linear(c) @ [0.2126, 0.7152, 0.0722] for c in (one, other))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("paper", ["light", "dark"])
def test_every_colour_is_seen_and_every_text_is_read(paper):
    below = getattr(palette.PAPER["paper"], paper)
    for name, colour in palette.MARKS.items():
        assert contrast(getattr(colour, paper), below) >= 3, name
    for text in ("faint", "accent"):
        for ground in ("paper", "soft"):
            shown = (palette.PAPER[text], palette.PAPER[ground])
            assert contrast(*(getattr(c, paper) for c in shown)) >= 4.5, text


@pytest.mark.parametrize("paper", ["light", "dark"])
@pytest.mark.parametrize("eye", list(EYES))
def test_any_two_colours_are_told_apart_by_every_eye(paper, eye):
    seen = {n: lab(EYES[eye] @ linear(getattr(c, paper))) for n, c in palette.MARKS.items()}
    for (one, a), (other, b) in itertools.combinations(seen.items(), 2):
        assert np.linalg.norm(a - b) > TOLD_APART, (one, other)


def test_the_stylesheet_has_every_colour_for_both_papers_and_none_beside():
    for name in (*palette.MARKS, *palette.PAPER):
        assert STYLE.count(f"--{name}: ") == 2
    used = set(re.findall(r"var\(--([a-z]+)\)", STYLE)) - {"mark", "least"}
    assert used <= {*palette.MARKS, *palette.PAPER}


CELLS = st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=8), st.booleans())


@given(st.lists(st.tuples(CELLS, CELLS), max_size=6), st.text(max_size=9))
def test_a_file_of_numbers_holds_them(rows, name):
    html = numbers.link(numbers.Numbers(name, ("a", 'b"<,'), rows))
    address = re.fullmatch(r'<a class="numbers" download="[^"<>]*" href="([^"<>]*)">.*', html)[1]
    head, text = address.split(",", 1)
    assert head == "data:text/csv;charset=utf-8"
    first, *found = csv.reader(io.StringIO(unquote(text), newline=""))
    assert first == ["a", 'b"<,']
    assert len(found) == len(rows)
    for cell, value in zip(itertools.chain(*found), itertools.chain(*rows), strict=True):
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            assert cell == ""
        elif isinstance(value, float):
            assert float(cell) == pytest.approx(value, rel=1e-6)
        else:
            assert cell == str(value)


PLOT = Plot(scales.between(0, 10, "x"), scales.between(0, 5, "y"), 220, 152)  # 150 by 100 inside


def points(mark: str) -> list[list[float]]:
    path = re.search(r' d="([^"]*)"', mark)[1]
    return [[float(v) for v in pair.split()] for pair in re.findall(r"[-\d.]+ [-\d.]+", path)]


def test_steps_go_along_the_counts_and_a_band_around_them():
    outline = points(marks.steps(PLOT, [0, 5, 10], [5, 2.5], "blue"))
    assert outline == [[58, 110], [58, 10], [133, 10], [133, 60], [208, 60], [208, 110]]
    band = points(marks.band(PLOT, [0, 5, 10], [4, 2], [5, 3], "blue"))
    assert band[:4] == [[58, 10], [133, 10], [133, 50], [208, 50]]
    assert band[4:] == [[208, 70], [133, 70], [133, 30], [58, 30]]


@given(st.lists(st.tuples(*[st.floats(-1, 11)] * 2, st.floats(0, 9)), max_size=30))
def test_a_cloud_has_every_point_once_and_large_ones_first(found):
    cloud = marks.cloud(PLOT, *zip(*found, strict=True), "blue") if found else ""
    assert cloud.count("h0") == len(found)
    widths = [float(w) for w in re.findall(r'stroke-width="([\d.]+)"', cloud)]
    assert widths == sorted(widths, reverse=True)
    lost = ([np.nan, 1, 1, 2], [1, np.inf, 1, 2], [1, 1, np.nan, 1])
    assert marks.cloud(PLOT, *lost, "blue").count("h0") == 1


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.floats(1e-3, 10), st.floats(0, 1))
def test_an_axis_with_a_core_keeps_order_and_names_what_is_on_it(low, length, core, share):
    axis = scales.between(low, low + length, "x", core=core)
    inside = low + share * length
    assert -1e-9 <= axis.at(inside) <= 1 + 1e-9
    assert axis.at(low) <= axis.at(inside) + 1e-9
    assert all(low <= value <= low + length for value, _ in axis.named)
    assert scales.between(low, low, "x").low < scales.between(low, low, "x").high


def test_a_figure_says_what_it_shows_how_it_was_made_and_gives_its_numbers():
    figure = sheet.Figure("<svg></svg>", "a < b", numbers=numbers.Numbers("n", ("x",), [(1,)]))
    text = sheet.render("t", [], [sheet.Section("s", "", [], [figure])], "Made by hand.")
    caption = re.search("<figcaption>(.*?)</figcaption>", text)[1]
    assert caption.startswith("a &lt; b Made by hand. <a ")


def test_the_example_of_the_guide_makes_a_page():
    guide = (Path(__file__).parents[3] / "docs" / "pages.md").read_text()
    (example,) = re.findall("```python\n(.*?)```", guide, re.S)
    made = {}
    exec(example, made)
    assert made["html"].count("<figure>") == made["html"].count("numbers (CSV)") == 1


def test_words_stand_on_the_left_and_numbers_on_the_right():
    text = sheet.table(
        ("", "n", "who", "why"), [("a", "1.5 ± 1", "he", "w" * 30), ("b", "-", "", "")]
    )
    assert re.findall("<th(.*?)>", text)[1:] == [
        ' scope="col" class="name"', ' scope="col"', ' scope="col" class="name"',
        ' scope="col" class="words"',
    ]  # fmt: skip
