"""Pictures of responses show the numbers of their files, and say what they do not show."""

import csv
import io
import re

import numpy as np
import pytest

from hpo.showing.look import numbers
from launch.pages import responses
from launch.pages.looks import RECONSTRUCTIONS


def heights_of(svg: str, look: str, top: float, height: int = 330) -> np.ndarray:
    """Of the steps of one look, read off the picture: its ground is 42 points above its lower end,
    its upper end 10 points below the upper one."""
    path = re.search(rf'class="line {look}" d="M([^"]*)"', svg)[1]
    ys = np.array([float(point.split()[1]) for point in path.split("L")])[1:-1:2]
    return (height - 42 - ys) / (height - 52) * top


@pytest.fixture(scope="module")
def drawn():
    random = np.random.default_rng(1)
    values = {
        "baseline": np.append(random.normal(1, 0.1, 900), [np.nan, 5.0]),
        "mlpf": random.normal(1, 0.07, 900),
        "target": random.normal(1, 0.001, 900),
    }
    figure = responses.histogram("jets", values, "response", (0.0, 2.0), 40)
    rows = list(csv.DictReader(io.StringIO(numbers.text(figure.numbers))))
    return values, figure, rows


def test_the_picture_shows_the_numbers_of_its_file_and_these_are_the_shares(drawn):
    values, figure, rows = drawn
    top = 1.08 * max(
        float(row[n]) + float(row[f"{n} error"]) for row in rows for n in ("baseline", "mlpf")
    )
    for name, own in values.items():
        told = np.array([float(row[name]) for row in rows])
        finite = own[np.isfinite(own)]
        inside = ((finite >= 0) & (finite <= 2)).mean()
        assert told.sum() == pytest.approx(inside)
        share = (np.abs(finite - 1.075) < 0.025).mean()  # the bin from 1.05 to 1.1
        assert told[21] == pytest.approx(share, abs=2 / len(finite))
        seen = heights_of(figure.picture, RECONSTRUCTIONS[name].line, top)
        np.testing.assert_allclose(seen, np.minimum(told, 2 * top), atol=top / 2500)


def test_what_goes_on_beyond_and_what_lies_outside_is_said(drawn):
    values, figure, rows = drawn
    highest = max(float(row["target"]) for row in rows)
    assert f"truth, one particle an element goes on to {highest:.2g}" in figure.caption
    assert f"to {highest:.2g}</text>" in figure.picture
    assert "Beyond its ends: rule-based 0.1%." in figure.caption
    alone = responses.histogram("jets", {"mlpf": values["mlpf"]}, "response")
    assert "goes on" not in alone.caption
    assert "Beyond" not in alone.caption


def test_nothing_to_show_is_drawn_as_nothing():
    figure = responses.histogram("jets", {"mlpf": np.full(3, np.nan)}, "response")
    assert "nan" not in figure.picture
    assert "line strong" not in figure.picture


def test_a_share_has_a_binomial_error():
    bins = {"mlpf": [{"pt": [1.0, 2.0], "matched": 0.9, "entries": 100}]}
    figure = responses.binned("m", bins, "pt", ("pt", "matched"), "matched")
    assert numbers.text(figure.numbers).splitlines()[1] == "1,2,0.9,0.03"
    assert "The axis begins at 0.77." in figure.caption
