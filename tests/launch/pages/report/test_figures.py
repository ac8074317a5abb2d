"""Drawings of the report: bins of pt, of evaluations made now and before the last bin was open."""

import pytest

from launch.pages.report import figures

CLOSED = [[10.0, 20.0], [20.0, 40.0], [40.0, 60.0]]
OPEN = [[5.0, 10.0], [10.0, 20.0], [20.0, None]]


def bins(edges):
    widths = (0.2, float("nan"), 0.1)
    return {
        name: [{"pt": pt, "width": w} for pt, w in zip(edges, widths, strict=True)]
        for name in ("baseline", "mlpf")
    }


@pytest.mark.parametrize(("edges", "said"), [(CLOSED, False), (OPEN, True)])
def test_bins_with_and_without_an_end_are_drawn(edges, said):
    drawing = figures.width_by_pt(bins(edges))
    assert drawing.startswith("<svg")
    assert ("last bin: all above" in drawing) == said


def test_a_bin_without_an_end_is_drawn_as_wide_as_the_one_before():
    assert figures._closed(OPEN) == [(5, 10), (10, 20), (20, 30)]
    assert figures._closed(CLOSED) == [(10, 20), (20, 40), (40, 60)]
