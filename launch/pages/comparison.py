"""The comparison as a table on the screen and as a picture."""

import math
from collections.abc import Mapping
from pathlib import Path

from hpo.simulation.comparison import MethodSummary

_LEGEND = (
    "at: the epoch that the best loss is of. of HB: epochs over Hyperband's. same+: share of seeds "
    "as good as Hyperband or better. loss change: against Hyperband, paired; not defined from 0 or "
    "where there is none. wall: virtual, in mean epochs; /least: over max(work / workers, longest "
    "trial). idle: of the workers' time, in all and until the last job was asked. wrong: trials "
    "given up that would have ended better. ±: standard error; with a bootstrap, of HB, same+ and "
    "loss change have theirs over configurations and seeds."
)
_BAR, _MARK, _BASE = "#9db8d2", "#b3402a", "#5a7fa3"


def show(title: str, methods: Mapping[str, MethodSummary]) -> None:
    """Prints one table, a row for each method."""
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if Console().is_terminal else 150)
    table = Table(title=title, title_justify="left", caption=_LEGEND, caption_justify="left")
    for name in (
        "method", "best loss", "at", "epochs", "of HB", "same+", "loss change", "wall", "/least",
        "idle", "wrong", "failed",
    ):  # fmt: skip
        table.add_column(name, justify="left" if name == "method" else "right", no_wrap=True)
    for name, m in methods.items():
        table.add_row(
            name,
            _best(m),
            f"{m.best_epoch:.3g}" if math.isfinite(m.best_epoch) else "-",
            f"{m.epochs_mean:.0f}±{m.epochs_sem:.1f}",
            f"{m.epochs_vs_hyperband:.1%}{_error(m.epochs_vs_hyperband_error, 1)}",
            f"{m.same_or_better:.1%}{_error(m.same_or_better_error, 1)}",
            _change(m),
            f"{m.wall_mean:.0f}",
            f"{m.wall_vs_least:.2f}",
            f"{m.idle_share:.0%}/{m.idle_while_asked:.0%}",
            f"{m.wrong_stops:.2f}",
            f"{m.failed:.1f}",
        )
    console.print(table)


def _best(m: MethodSummary) -> str:
    """The best loss, unless there is a seed in which every trial diverged."""
    if m.without_best == m.seeds:
        return "all diverged"
    if m.without_best:
        return f"none in {m.without_best} of {m.seeds}"
    error = f"±{m.best_loss_sem:.1g}" if math.isfinite(m.best_loss_sem) else ""
    return f"{m.best_loss_mean:.5g}{error}"


def _change(m: MethodSummary) -> str:
    """The relative change of the loss, if it is defined for every seed."""
    change, honest = m.loss_change_vs_hyperband, m.loss_change_error
    if not math.isfinite(change):
        return "not defined"
    return f"{change:+.2%}{_error(honest if math.isfinite(honest) else m.loss_change_sem, 2)}"


def _error(error: float, digits: int) -> str:
    return f"±{error:.{digits}%}" if math.isfinite(error) else ""


def draw(panels: Mapping[str, Mapping[str, MethodSummary]], path: Path) -> None:
    """One panel a table: bars are the best loss, marks the epochs; lower is better in both.

    No bar where some seed of a method came to no loss.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    count = len(panels)
    columns = min(count, 2)
    rows = -(-count // columns)
    figure = Figure(figsize=(6.4 * columns, 3.9 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis, (title, methods) in zip(axes, panels.items(), strict=False):
        _panel(axis, title, methods)
    for axis in axes[count:]:
        axis.set_axis_off()
    figure.savefig(path, dpi=130)


def _panel(axis, title: str, methods: Mapping[str, MethodSummary]) -> None:
    names, places = list(methods), range(len(methods))
    losses = [m.best_loss_mean for m in methods.values()]
    errors = [_zero(m.best_loss_sem) for m in methods.values()]
    known = [pair for pair in zip(losses, errors, strict=True) if math.isfinite(pair[0])]
    low = min((loss - error for loss, error in known), default=0.0)
    high = max((loss + error for loss, error in known), default=1.0)
    margin = max(high - low, 1e-3 * abs(high), 1e-12)
    colours = [_BASE if name == "hyperband" else _BAR for name in names]
    axis.bar(places, losses, yerr=errors, color=colours, width=0.62, capsize=2)
    axis.set_ylim(low - 0.6 * margin, high + 0.15 * margin)
    axis.set_ylabel("best loss (bars; axis is cut)")
    axis.set_xticks(places, [n.replace("_", "\n") for n in names], fontsize=7)
    axis.set_title(title, fontsize=10)
    axis.spines[["top"]].set_visible(False)
    right = axis.twinx()
    epochs = [m.epochs_mean for m in methods.values()]
    spread = [_zero(m.epochs_sem) for m in methods.values()]
    right.errorbar(places, epochs, yerr=spread, fmt="D", color=_MARK, markersize=6, capsize=2)
    right.set_ylim(0, 1.18 * max(epochs))
    right.set_ylabel("epochs (marks)", color=_MARK)
    right.tick_params(axis="y", labelcolor=_MARK)
    right.spines[["top"]].set_visible(False)


def _zero(error: float) -> float:
    """No bar where one seed leaves the standard error unknown."""
    return error if math.isfinite(error) else 0.0
