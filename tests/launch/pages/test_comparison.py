"""The comparison on the screen and as a picture, of losses of every kind."""

import math
from dataclasses import replace

import pytest

from hpo.simulation.comparison import MethodSummary
from launch.pages.comparison import draw, show


def summary(loss, change, error=0.0):
    return MethodSummary(
        loss, 0.0, 28.0, 0.0, 1.0, 1.0, change, error, 28.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 9.0, 0, 2
    )


@pytest.mark.parametrize(
    ("change", "error", "shown"),
    [
        (0.0, 0.0, "+0.00%±0.00%"),
        (-0.012, 0.005, "-1.20%±0.50%"),
        (0.012, math.nan, "+1.20% "),
        (math.nan, math.nan, "not defined"),
        (math.inf, math.nan, "not defined"),
    ],
)
def test_a_change_of_loss_is_shown_or_said_not_to_be_defined(change, error, shown, capsys):
    show("title", {"hyperband": summary(0.5, change, error)})
    row = next(row for row in capsys.readouterr().out.splitlines() if "hyperband" in row)
    assert shown in row
    assert "nan" not in row


@pytest.mark.parametrize("losses", [(0.0, 0.0), (math.nan, 0.5), (math.nan, math.nan), (0.5,)])
def test_any_losses_are_drawn(losses, tmp_path):
    methods = {f"method_{n}": summary(loss, 0.0) for n, loss in enumerate(losses)}
    draw({"one": methods, "another": methods}, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_a_best_is_shown_with_its_epoch_or_said_not_to_be(capsys):
    known = summary(0.5, 0.0)
    none = replace(known, best_loss_mean=math.nan, best_epoch=math.nan, without_best=2)
    half = replace(known, best_loss_mean=math.nan, without_best=1)
    show("title", {"known": known, "none": none, "half": half})
    rows = {row.split()[1]: row for row in capsys.readouterr().out.splitlines() if "│" in row}
    assert [cell.strip() for cell in rows["known"].split("│")[2:4]] == ["0.5±0", "9"]
    assert [cell.strip() for cell in rows["none"].split("│")[2:4]] == ["all diverged", "-"]
    assert "none in 1 of 2" in rows["half"]
    assert "nan" not in "".join(rows.values())
