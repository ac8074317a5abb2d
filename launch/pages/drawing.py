"""Pictures that are files of their own: SVG of matplotlib in one style. Pages draw by
`hpo.showing.look`."""

import io
from collections.abc import Callable, Mapping
from typing import Any

# Told apart by colour-blind people too (Okabe and Ito, 2008).
CLASS_COLOURS = ("#bbbbbb", "#0072b2", "#009e73", "#e69f00", "#d55e00", "#cc79a7")
_STYLE = {
    "font.family": "sans-serif",
    "font.size": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#ececec",
    "axes.axisbelow": True,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "mlpf-jax",
    "savefig.dpi": 144,  # of what is rasterised: clouds of many points
}


def draw(
    size: tuple[float, float],
    paint: Callable[[Any], None],
    columns: int = 1,
    rows: int = 1,
    spacing: Mapping[str, float] | None = None,
) -> str:
    """SVG of a figure (inches) whose axes `paint` fills; several come as an array.

    `spacing`: margins and gaps as in matplotlib's GridSpec; else they are made to fit.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        figure = Figure(figsize=size, layout=None if spacing else "constrained")
        axes = figure.subplots(rows, columns, gridspec_kw=spacing)
        paint(axes)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()[text.getvalue().index("<svg") :]
