"""Histograms and bars of a dataset page: measured values in, figures out."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from datasets import schema
from datasets.inspection.measures import Axis, Histogram, Measured
from datasets.inspection.quantities import ClassCounts
from hpo.showing.look import marks, scales
from hpo.showing.look.picture import Plot
from launch.pages import page

_SIZE = (264, 150)  # of a small picture, points


class Series(NamedTuple):
    """One dataset, or its targets or candidates, in every picture."""

    label: str
    colour: str
    dash: str = ""


def histograms(name: str, measured: Sequence[Measured], series: Sequence[Series]) -> page.Figure:
    """A small histogram for each quantity, normalised to its entries. `name`: of the figure."""
    pictures = {m.title: _picture(f"{name}-{_slug(m.name)}", m, series) for m in measured}
    keys = "".join(page.key("line", f"{s.colour} {s.dash}", s.label) for s in series)
    return page.small(
        pictures,
        "Shares of the entries per width on the axis, which is logarithmic, or so beyond a linear "
        "core, where values span decades; bands: one standard deviation, as if entries were "
        "independent.",
        page.Numbers(
            name,
            ("quantity", "from", "to", *(f"entries {s.label}".strip() for s in series)),
            _rows(measured),
        ),
        keys if len(series) > 1 else "",
    )


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _rows(measured: Sequence[Measured]) -> list[tuple]:
    return [
        (m.title, m.axis.edges[i], m.axis.edges[i + 1], *(int(h.counts[i]) for h in m.histograms))
        for m in measured
        if m.axis is not None
        for i in range(len(m.axis.edges) - 1)
    ]


def _picture(name: str, quantity: Measured, series: Sequence[Series]) -> str:
    if quantity.axis is None:
        plot = Plot(scales.bare(0, 1), scales.bare(0, 1), *_SIZE, left=8, bottom=24)
        return plot.svg(name, [plot.words(0.5, 0.5, "no entries", "note", "middle")])
    edges, notes = quantity.axis.edges, _notes(quantity)
    drawn = list(zip(quantity.histograms, series, strict=False))
    scaled = [1 / max(h.entries, 1) / quantity.axis.widths for h, _ in drawn]
    heights = [h.counts * s for (h, _), s in zip(drawn, scaled, strict=True)]
    errors = [np.sqrt(h.counts) * s for (h, _), s in zip(drawn, scaled, strict=True)]
    tallest = max((h + e).max(initial=0) for h, e in zip(heights, errors, strict=True)) or 1
    top = (1.08 + 0.16 * len(notes)) * tallest
    plot = Plot(_axis(quantity.axis), scales.bare(0, top), *_SIZE, left=8, bottom=24)
    found = [
        mark
        for (_, own), high, error in zip(drawn, heights, errors, strict=True)
        for mark in (
            marks.band(plot, edges, high - error, high + error, own.colour),
            marks.steps(plot, edges, high, f"strong {own.colour} {own.dash}".strip(), own.label),
        )
    ]
    words = [
        plot.words(plot.x.high, top * (1 - 0.1 - 0.16 * i), note, "note", "end")
        for i, note in enumerate(notes)
    ]
    return plot.svg(name, found, "".join(words), f"histogram of {quantity.title}")


def _axis(axis: Axis) -> scales.Axis:
    low, high = (float(edge) for edge in axis.edges[[0, -1]])
    core = axis.core if axis.scale == "asinh" else 0.0
    found = scales.between(low, high, "", log=axis.scale == "log", core=core)
    every = -(-len(found.named) // 5)
    return found._replace(named=found.named[::every])


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


def class_bars(
    counts: Sequence[ClassCounts], series: Sequence[Series], events: Sequence[int]
) -> list[page.Figure]:
    """Particles per event, and energy per event, by class; one bar for each of the series."""
    particles = [(c.particles, np.sqrt(c.particles)) for c in counts]
    energy = [(c.energy, c.energy_error) for c in counts]
    return [
        _bars("class-particles", "particles per event", particles, series, events),
        _bars("class-energy", "energy per event [GeV]", energy, series, events),
    ]


def _bars(
    name: str,
    label: str,
    sums: Sequence[tuple[np.ndarray, np.ndarray]],
    series: Sequence[Series],
    events: Sequence[int],
) -> page.Figure:
    """A group of bars a class. `sums`: over all events, and their errors."""
    kinds = schema.CLASSES[1:]
    means = [[np.nan_to_num(v[1:] / n) for v in of] for of, n in zip(sums, events, strict=True)]
    top = 1.05 * max((mean + error).max(initial=0) for mean, error in means) or 1.0
    x = scales.categories((kind.replace(" hadron", " had.") for kind in kinds), "")
    plot = Plot(x, scales.between(0, top, label), 500, 280, bottom=26)
    width, drawn = 0.8 / len(means) / len(kinds), []
    for number, (own, (mean, error)) in enumerate(zip(series, means, strict=True)):
        for k, (value, off) in enumerate(zip(mean, error, strict=True)):
            left = (k + 0.1) / len(kinds) + number * width
            words = f"{own.label}, {kinds[k]}: {value:.4g} ± {off:.2g} per event"
            look = f"{own.colour} half" if own.dash else own.colour
            drawn.append(plot.bar((left, left + 0.94 * width), (0, value), look, None, words))
            ends = (value - off, value + off)
            drawn.append(marks.error(plot, left + width / 2, ends, "ink"))
    rows = [(kind, *(v[k] for of in means for v in of)) for k, kind in enumerate(kinds)]
    keys = "".join(
        page.key("bar", f"{s.colour} half" if s.dash else s.colour, s.label) for s in series
    )
    columns = ("class", *(f"{s.label}{what}" for s in series for what in ("", " error")))
    return page.Figure(
        plot.svg(name, drawn),
        f"{label}, by class; lines: one standard deviation, if particles come by chance.",
        keys,
        page.Numbers(name, columns, rows),
    )
