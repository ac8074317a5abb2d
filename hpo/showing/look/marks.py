"""Marks of measurements: steps of a histogram, bands and bars of errors, clouds of points."""

from collections.abc import Iterable, Sequence

import numpy as np

from hpo.showing.look.picture import Plot

_SIZES = 9  # of the points of a cloud, that are told apart


def steps(
    plot: Plot, edges: Sequence[float], heights: Sequence[float], look: str, title: str = ""
) -> str:
    """The outline of a histogram, from the ground to the ground."""
    xs = np.repeat(np.asarray(edges, float), 2)
    ys = np.concatenate([[0.0], np.repeat(np.asarray(heights, float), 2), [0.0]])
    return plot.line(xs, ys, look, title=title)


def band(
    plot: Plot, edges: Sequence[float], low: Sequence[float], high: Sequence[float], look: str
) -> str:
    """Between two histograms: the errors of one."""
    xs = np.repeat(np.asarray(edges, float), 2)[1:-1]
    there = [plot.point(x, y) for x, y in zip(xs, np.repeat(high, 2), strict=True)]
    back = [plot.point(x, y) for x, y in zip(xs[::-1], np.repeat(low, 2)[::-1], strict=True)]
    return f'<path class="band {look}" d="M{"L".join([*there, *back])}Z"></path>'


def error(
    plot: Plot, x: float | tuple[float, float], y: float | tuple[float, float], look: str
) -> str:
    """A bar of an error: one of the two is a range."""
    xs, ys = (v if isinstance(v, tuple) else (v, v) for v in (x, y))
    return plot.line(xs, ys, f"{look} error")


def lines(plot: Plot, several: Iterable[tuple[Sequence[float], Sequence[float]]], look: str) -> str:
    """Many lines of one look as one path; each has as many x as y, of which those that are not
    finite are left out."""
    path = []
    for xs, ys in several:
        known = [(x, y) for x, y in zip(xs, ys, strict=True) if np.isfinite(x) and np.isfinite(y)]
        if len(known) > 1:
            path.append("M" + "L".join(plot.point(x, y) for x, y in known))
    return f'<path class="line {look}" d="{"".join(path)}"></path>' if path else ""


def cloud(
    plot: Plot, x: Iterable[float], y: Iterable[float], radius: Iterable[float], look: str
) -> str:
    """Many points, those of nearly one size as one path: a stroke of no length each, whose round
    (`squares`: square) ends make a point. Small ones lie above large ones; what is not finite is
    left out. `radius` in points of the picture."""
    x, y, radius = (np.asarray([*values], float) for values in (x, y, radius))
    drawn = np.isfinite(x) & np.isfinite(y) & np.isfinite(radius)
    if not drawn.any():
        return ""
    widths = np.maximum(2 * radius, 0.2)
    ends = np.geomspace(widths[drawn].min(), widths[drawn].max(), _SIZES)
    nearest = np.abs(np.log(widths[:, None] / ends)).argmin(1)
    paths = []
    for size in reversed(range(_SIZES)):
        chosen = np.flatnonzero(drawn & (nearest == size))
        if len(chosen):
            path = "".join(f"M{plot.point(x[i], y[i])}h0" for i in chosen)
            paths.append(
                f'<path class="cloud {look}" stroke-width="{ends[size]:.1f}" d="{path}"></path>'
            )
    return "".join(paths)
