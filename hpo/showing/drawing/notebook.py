"""A study as a figure of matplotlib."""

from typing import Any

import numpy as np

from hpo.showing import figures
from hpo.showing.recorded import view_of
from mlpf_install import extras

_COLOURS = {
    "completed": "#0072b2", "running": "#009e73", "paused": "#56b4e9", "waiting": "#56b4e9",
    "not promoted": "#9a9fa6", "stopped": "#d55e00", "failed": "#000000",
}  # fmt: skip
_STYLES = {"stopped": "--", "failed": ":", "paused": "-."}


def plot(source: Any) -> Any:
    """Curves of all trials, and the best value so far, as a `matplotlib.figure.Figure`, which a
    notebook shows by itself. Takes what `hpo.page` takes; raises as that does, and ImportError
    without matplotlib."""
    extras.require("plot", "plot")
    from matplotlib.figure import Figure

    view = view_of(source)
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    _curves(left, view)
    best = figures.best_so_far(view)
    if len(best.value):
        right.step(best.epochs, best.value, where="post", color="#cc79a7", linewidth=2)
        last = f"{best.value[-1]:.5g}: trial {best.trial[-1]}, epoch {best.epoch[-1]}"
        right.set_title(f"best so far: {last}", fontsize=9)
    right.set(xlabel="epochs trained by the study", ylabel=f"best {view.metric} so far")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#ececec")
        axes.set_axisbelow(True)
    return figure


def _curves(axes: Any, view: Any) -> None:
    named = set()
    for trial in view.trials:
        if not trial.curve:
            continue
        label = None if trial.status in named else trial.status
        named.add(trial.status)
        epochs, style = np.arange(1, trial.epochs + 1), _STYLES.get(trial.status, "-")
        colour = _COLOURS[trial.status]
        axes.plot(epochs, trial.curve, style, color=colour, linewidth=0.9, label=label)
        axes.plot(epochs[-1:], trial.curve[-1:], ".", color=colour)
    values = view.sign * np.array([r.value for r in view.reports], float)
    if len(values):
        low, high = values.min(), np.quantile(values, 0.95)
        room = 0.05 * (high - low) or 0.05 * abs(low) or 1.0
        axes.set_ylim(*sorted((view.sign * (low - room), view.sign * (high + room))))
        axes.legend(frameon=False)
    best = view.best
    if best is not None:
        where = f"{best.curve[-1]:.5g}, trial {best.number}, epoch {best.epochs}"
        axes.set_title(f"best: {where}", fontsize=9)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
    axes.set(xlabel="epoch", ylabel=view.metric)
