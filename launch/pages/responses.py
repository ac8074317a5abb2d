"""Pictures of responses: their histograms, and figures of them in bins, with errors."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hpo.showing.look import marks, scales
from hpo.showing.look.picture import Plot
from launch.pages import looks, page
from launch.pages.looks import Look

SPIKE = "target"  # hardly spreads: its height would flatten what is compared
Bin = Mapping[str, Any]


def histogram(
    name: str,
    responses: Mapping[str, np.ndarray],
    label: str,
    span: tuple[float, float] = (0.0, 2.0),
    bins: int = 80,
) -> page.Figure:
    """Responses by reconstruction as fractions, with a band of one standard deviation each.

    The axis ends above the highest that is compared; what goes on beyond says how far.
    """
    edges = np.linspace(*span, bins + 1)
    finite = {n: v[np.isfinite(v)] for n, v in responses.items()}
    counts = {n: np.histogram(v, edges)[0] for n, v in finite.items() if len(v)}
    heights = {n: c / len(finite[n]) for n, c in counts.items()}
    errors = {n: np.sqrt(c) / len(finite[n]) for n, c in counts.items()}
    compared = [(heights[n] + errors[n]).max() for n in heights if n != SPIKE]
    top = 1.08 * max(compared, default=0.0) or 1.0
    plot = Plot(
        scales.between(*span, label), scales.between(0, top, "fraction of entries"), 500, 330
    )
    known = {n: looks.RECONSTRUCTIONS[n] for n in heights}
    drawn = [
        mark
        for n, look in known.items()
        for mark in (
            marks.band(plot, edges, heights[n] - errors[n], heights[n] + errors[n], look.colour),
            marks.steps(plot, edges, heights[n], look.line, look.label),
        )
    ]
    beyond = {n: h.max() for n, h in heights.items() if h.max() > top}
    notes = [
        plot.words(edges[heights[n].argmax() + 1], 0.96 * top, f"↑ to {high:.2g}", "note")
        for n, high in beyond.items()
    ]
    return page.Figure(
        plot.svg(name, drawn, "".join(notes)),
        _words(label, finite, span, {known[n].label: high for n, high in beyond.items()}, top),
        looks.line_keys(known),
        page.Numbers(
            name,
            ("from", "to", *(f"{n}{what}" for n in heights for what in ("", " error"))),
            [
                (edges[i], edges[i + 1], *(v[n][i] for n in heights for v in (heights, errors)))
                for i in range(bins)
            ],
        ),
    )


def _words(
    label: str, finite: Mapping[str, np.ndarray], span: tuple[float, float],
    beyond: Mapping[str, float], top: float,
) -> str:  # fmt: skip
    """What a histogram shows, and what it leaves out."""
    said = f"{label}, normalised to the entries; bands: one standard deviation of the counts."
    for who, high in beyond.items():
        said += f" The axis ends at {top:.2g}; {who} goes on to {high:.2g}."
    outside = {
        n: float(np.mean((v < span[0]) | (v > span[1]))) for n, v in finite.items() if len(v)
    }
    lost = [
        f"{looks.RECONSTRUCTIONS[n].label} {share:.1%}" for n, share in outside.items() if share
    ]
    return said + (f" Beyond its ends: {', '.join(lost)}." if lost else "")


def binned(
    name: str,
    bins: Mapping[str, Sequence[Bin]],
    edges: str,
    labels: tuple[str, str],
    what: str = "width",
    known: Mapping[str, Look] = looks.RECONSTRUCTIONS,
) -> page.Figure:
    """What each bin has of `what`, with its error, by reconstruction; those without are left out.
    `edges`: what a bin calls its own. A last one without an end is drawn as wide as the one before.
    """
    closed = _closed([b[edges] for b in next(iter(bins.values()))])
    found = {n: [_of(b, what) for b in of] for n, of in bins.items()}
    ends = [
        v + k * (e or 0.0) for of in found.values() for v, e in of for k in (-1, 1) if v is not None
    ]
    top = 1.08 * max(ends, default=1.0) or 1.0
    # Shares are near 1: what tells them apart lies between the least of them and there.
    ground = max(min(ends, default=0.0) - 0.1, 0.0) if what == "matched" else 0.0
    top = min(top, 1.02) if what == "matched" else top
    low, high = closed[0][0], closed[-1][1]
    is_open = next(iter(bins.values()))[-1][edges][1] is None
    x = scales.between(low, high, labels[0], log=low > 0 and high > 10 * low)
    plot = Plot(x, scales.between(ground, top, labels[1]), 500, 330)
    drawn, shown = [], {n: known[n] for n in bins}
    for number, (n, look) in enumerate(shown.items()):
        drawn += _series(plot, closed, found[n], look, (number + 1) / (len(shown) + 1))
    rows = [
        (*b[edges], *(v for n in shown for v in found[n][i]))
        for i, b in enumerate(next(iter(bins.values())))
    ]
    said = f"{labels[1]} in bins, each point within its bin; lines: one standard deviation."
    said += f" The axis begins at {ground:.2g}." if ground else ""
    return page.Figure(
        plot.svg(name, drawn),
        said + (" The last bin: all above." if is_open else ""),
        looks.sign_keys(shown),
        page.Numbers(
            name, ("from", "to", *(f"{n}{e}" for n in shown for e in ("", " error"))), rows
        ),
    )


def _of(found: Bin, what: str) -> tuple[float | None, float | None]:
    """The figure of a bin, and its error: that of a share is binomial."""
    value = found[what]
    if value is None or not math.isfinite(value):
        return None, None
    if what == "matched":
        entries = found.get("entries") or found.get("jets")
        return value, math.sqrt(max(value * (1 - value), 0.0) / entries) if entries else None
    return value, found.get(f"{what}_error")


def _series(
    plot: Plot, edges: Sequence[tuple[float, float]], values: Sequence[tuple], look: Look, at: float
) -> list[str]:
    """Points beside those of others, each in its bin, and a thin line through them."""
    places = [
        math.exp((1 - at) * math.log(a) + at * math.log(b)) if plot.x.log else a + at * (b - a)
        for a, b in edges
    ]
    some = [(x, v, e) for x, (v, e) in zip(places, values, strict=True) if v is not None]
    line = plot.line([x for x, *_ in some], [v for _, v, _ in some], f"{look.colour} {look.dash}")
    bars = [marks.error(plot, x, (v - e, v + e), look.colour) for x, v, e in some if e]
    points = [
        plot.sign(
            x,
            v,
            look.sign,
            look.colour,
            None,
            f"{look.label}: {v:.4g}" + (f" ± {e:.2g}" if e else ""),
        )
        for x, v, e in some
    ]
    return [line, *bars, *points]


def _closed(edges: Sequence[Sequence[float | None]]) -> list[tuple[float, float]]:
    """Edges to draw: where the last bin has no end, one as far away as in the bin before."""
    *closed, (low, high) = edges
    step = np.ptp(closed[-1]) if high is None else high - low
    return [*map(tuple, closed), (low, low + step)]
