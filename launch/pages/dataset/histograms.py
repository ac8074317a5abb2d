"""Histograms and bars of a dataset page: measured values in, SVG out."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from datasets import schema
from datasets.inspection.measures import Axis, Histogram, Measured
from datasets.inspection.quantities import ClassCounts
from launch.pages.drawing import CLASS_COLOURS, draw

FIRST, OTHER = "#0072b2", "#d55e00"
DATASET_COLOURS = (FIRST, OTHER)
_COLUMNS = 4  # panels in a row
_PITCH, _GAP = (2.72, 1.75), (0.26, 0.56)  # from panel to panel, and between them; inches


def histograms(
    measured: Sequence[Measured],
    labels: Sequence[str],
    colours: Sequence[str] = DATASET_COLOURS,
    styles: Sequence[Any] = ("-", "-"),
) -> str:
    """A grid of small histograms, normalised to their entries. `labels` names the datasets."""
    rows, columns = -(-len(measured) // _COLUMNS), min(_COLUMNS, len(measured))
    legend = 0.3 * (len(labels) > 1)  # inches
    size = (columns * _PITCH[0], rows * _PITCH[1] + legend)

    def paint(grid) -> None:
        panels = np.ravel(grid)
        for axes, quantity in zip(panels, measured, strict=False):
            axes.set_title(quantity.title, loc="left", fontsize=9)
            axes.grid(axis="y", visible=False)
            axes.set_yticks([])
            axes.spines["left"].set_visible(False)
            _steps(axes, quantity, colours, styles)
        for axes in panels[len(measured) :]:
            axes.set_axis_off()
        if legend:
            for label, colour, style in zip(labels, colours, styles, strict=False):
                panels[0].plot([], [], linestyle=style, color=colour, linewidth=1.5, label=label)
            handles = panels[0].get_legend_handles_labels()
            panels[0].figure.legend(*handles, loc="upper left", ncols=len(labels))

    return draw(size, paint, columns, rows, _spacing(size, legend))


def _spacing(size: tuple[float, float], legend: float) -> dict[str, float]:
    """The same distances in every grid, in inches: titles above, labels of ticks below."""
    width, height = size
    panel = (_PITCH[0] - _GAP[0], _PITCH[1] - _GAP[1])
    return {
        "left": 0.06 / width,
        "right": 1 - (_GAP[0] - 0.06) / width,
        "top": 1 - (0.24 + legend) / height,
        "bottom": (_GAP[1] - 0.24) / height,
        "wspace": _GAP[0] / panel[0],
        "hspace": _GAP[1] / panel[1],
    }


def _steps(axes, quantity: Measured, colours: Sequence[str], styles: Sequence[Any]) -> None:
    if quantity.axis is None:
        axes.text(0.5, 0.5, "no entries", transform=axes.transAxes, ha="center", color="#667")
        axes.set_xticks([])
        return
    edges, tallest = quantity.axis.edges, 0.0
    drawn = list(zip(quantity.histograms, colours, styles, strict=False))
    for number, (found, colour, style) in enumerate(drawn):
        heights = found.counts / max(found.entries, 1) / quantity.axis.widths
        tallest = max(tallest, heights.max(initial=0))
        if number == 0:
            axes.stairs(heights, edges, fill=True, color=colour, alpha=0.15, linewidth=0)
        axes.stairs(heights, edges, color=colour, linewidth=1.3, linestyle=style)
    notes = _notes(quantity)
    axes.set_ylim(0, (1.08 + 0.22 * len(notes)) * (tallest or 1))
    axes.text(
        0.99, 0.99, "\n".join(notes), transform=axes.transAxes, ha="right", va="top", fontsize=7.5,
        color="#556", linespacing=1.35,
    )  # fmt: skip
    _scale(axes, quantity.axis)


def _scale(axes, axis: Axis) -> None:
    low, high = axis.edges[[0, -1]]
    if axis.scale == "log":
        axes.set_xscale("log")
        axes.minorticks_off()
        if high / low < 300:  # a decade or two: more than one label
            axes.set_xticks(
                ticks_within([m * 10.0**k for k in range(-9, 10) for m in (1, 3)], axis)
            )
            axes.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
    elif axis.scale == "asinh":
        axes.set_xscale("asinh", linear_width=axis.core)
        reach = max(abs(low), abs(high))
        first, last = np.ceil(np.log10(3 * axis.core)), np.floor(np.log10(reach))
        powers = 10.0 ** np.arange(first, last + 1)
        shown = powers[:: -(-len(powers) // 2)] if len(powers) else powers
        axes.set_xticks(ticks_within([*-shown[::-1], 0.0, *shown], axis))
        axes.minorticks_off()
        axes.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
    else:
        axes.locator_params(axis="x", nbins=5)
        axes.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
    axes.set_xlim(low, high)


def ticks_within(ticks: Sequence[float], axis: Axis) -> list[float]:
    """Those of the ticks that are on the axis."""
    return [tick for tick in ticks if axis.edges[0] <= tick <= axis.edges[-1]]


def _notes(quantity: Measured) -> list[str]:
    """What the histogram does not show, of each dataset."""

    def each(what: str, counts: Sequence[int]) -> list[str]:
        if not any(counts):
            return []
        return [f"{what} " + " | ".join(_share(c, h) for c, h in zip(counts, found, strict=True))]

    found = quantity.histograms
    zeros = quantity.zeros if quantity.axis.scale == "log" else (0,) * len(found)
    outside = [h.below + h.above - z for h, z in zip(found, zeros, strict=True)]
    return [
        *each("zero", zeros),
        *each("outside", outside),
        *each("not finite", [h.not_finite for h in found]),
    ]


def _share(count: int, of: Histogram) -> str:
    share = count / max(of.entries, 1)
    return "0" if not count else f"{share:.1%}" if share >= 0.001 else "<0.1%"


def class_bars(counts: Sequence[ClassCounts], labels: Sequence[str], events: Sequence[int]) -> str:
    """Particles per event, and energy per event, by class; one bar for each label."""
    from matplotlib.patches import Patch

    names = schema.CLASSES[1:]
    place, width = np.arange(len(names)), 0.8 / len(counts)
    styles = [
        {"hatch": hatch, "alpha": alpha, "edgecolor": "white", "linewidth": 0}
        for hatch, alpha in (("", 1.0), ("////", 0.5), ("\\\\\\\\", 0.8), ("xx", 0.4))
    ]

    def paint(panels) -> None:
        for number, count in enumerate(counts):
            at = place + (number - (len(counts) - 1) / 2) * width
            for axes, values in zip(panels, (count.particles, count.energy), strict=True):
                heights = values[1:] / events[number]
                axes.bar(at, heights, 0.92 * width, color=CLASS_COLOURS[1:], **styles[number])
        for axes, what in zip(panels, ("particles", "energy [GeV]"), strict=True):
            axes.set_xticks(place, names, fontsize=8)
            axes.set(ylabel=f"{what} per event")
            axes.grid(axis="x", visible=False)
        keys = [
            Patch(facecolor="#666", label=label, **style)
            for label, style in zip(labels, styles, strict=False)
        ]
        panels[0].figure.legend(handles=keys, loc="outside upper left", ncols=len(keys))

    return draw((10.9, 3.0), paint, columns=2)
