"""Drawings of the report: bins of pt with and without an end, the epoch that was chosen."""

import re

import pytest

from hpo.showing.look import numbers
from launch.pages import responses
from launch.pages.report import figures

CLOSED = [[10.0, 20.0], [20.0, 40.0], [40.0, 60.0]]
OPEN = [[5.0, 10.0], [10.0, 20.0], [20.0, None]]


def bins(edges):
    widths = (0.2, float("nan"), 0.1)
    of_each = [
        {"pt": pt, "width": width, "width_error": 0.01}
        for pt, width in zip(edges, widths, strict=True)
    ]
    return {"baseline": of_each, "mlpf": of_each}


@pytest.mark.parametrize(("edges", "said"), [(CLOSED, False), (OPEN, True)])
def test_bins_with_and_without_an_end_are_drawn(edges, said):
    figure = responses.binned("widths", bins(edges), "pt", ("pt", "width"))
    assert figure.picture.startswith("<svg")
    assert figure.picture.count(' error"') == 4  # two of the three bins have a width
    assert ("The last bin: all above" in figure.caption) == said
    first, *rows = numbers.text(figure.numbers).splitlines()
    assert first == "from,to,baseline,baseline error,mlpf,mlpf error"
    assert rows[0] == f"{edges[0][0]:g},{edges[0][1]:g},0.2,0.01,0.2,0.01"
    assert rows[1].endswith(",,,,")
    assert rows[2].startswith("20,," if said else "40,60,")


def test_a_bin_without_an_end_is_drawn_as_wide_as_the_one_before():
    assert responses._closed(OPEN) == [(5, 10), (10, 20), (20, 30)]
    assert responses._closed(CLOSED) == [(10, 20), (20, 40), (40, 60)]


def test_the_epoch_that_was_chosen_is_marked():
    losses = (3.0, 1.0, 2.0)
    records = [{"epoch": e, "loss": v, "validation_loss": v} for e, v in enumerate(losses, 1)]
    figure = figures.training_curve(records, 2)
    assert figure.picture.count("diamond green") == 1
    (line,) = re.findall(r'class="line green guide" d="M([\d.]+) ', figure.picture)
    assert f'diamond green" d="M0 -4.4L4.4 0L0 4.4L-4.4 0Z" transform="translate({line} ' in (
        figure.picture
    )
    assert float(line) == (58 + 448) / 2  # the middle of three epochs
    assert "<title>epoch 2, validation loss 1</title>" in figure.picture
    assert numbers.text(figure.numbers).splitlines()[2] == "2,1,1,1"
