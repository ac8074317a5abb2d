"""The page of the study of Q-SVR, and its pictures."""

from collections.abc import Mapping, Sequence

import numpy as np

from launch.pages import page
from launch.pages.drawing import draw
from qsvr.study.curves import Curves
from qsvr.study.measures import Cell

COLUMNS = (
    "solver", "known", "curves", "R\u00b2", "spread", "Spearman", "best tenth found",
    "best tenth stopped", "energy gap", "CPU s",
)  # fmt: skip
# Okabe and Ito: told apart by colour-blind people too
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442")
FIXED = {"classical": "#222222", "persistence": "#9a9a9a"}


def render(
    curves: Curves, results: Mapping[str, Sequence[Cell]], settings: str, splits: range
) -> str:
    """The page: summary, a table and pictures for each protocol of `results`, what was measured."""
    first = next(iter(results))
    solvers = list(dict.fromkeys(cell.solver for cell in results[first]))
    summary = [
        (f"{cell.mean('r2'):.3f}", f"R\u00b2 of {_name(cell)} at {cell.known:.0%} known")
        for cell in _reference_cells(results[first])
    ]
    sections = []
    for protocol, cells in results.items():
        sizes = sorted({cell.train_size for cell in cells})
        chosen = _reference_cells(cells)
        drawings = [true_against_predicted(chosen, _unit(settings, protocol))]
        if len({cell.known for cell in cells}) > 1:
            smallest = [cell for cell in cells if cell.train_size == sizes[0]]
            drawings.insert(0, against_known(smallest))
        rows = page.table(COLUMNS, [_row(cell) for cell in cells])
        title = f"{protocol.capitalize()} protocol"
        sections.append(
            page.Section(title, _words(protocol, settings, chosen[0]), [rows], drawings)
        )
    text = (
        f"{curves.losses.shape[0]} curves of {curves.losses.shape[1]} epochs; {curves.dropped} "
        f"rows that diverged or are not positive are left out. {len(splits)} splits, the same for "
        f"all solvers; settings: {settings}. R\u00b2, Spearman's correlation and the columns about "
        "the best tenth of the tested curves are means over the splits; spread is the standard "
        "deviation of R\u00b2. The energy gap is what the best sample misses of the box optimum of "
        "its QUBO (a quadratic program). CPU time is that of fit and predict."
    )
    sections.append(page.Section("What was measured", text, [], []))
    names = f"{len(solvers)} solvers"
    return page.render(f"Q-SVR on {curves.name}, {names}", summary, sections)


def _reference_cells(cells: Sequence[Cell]) -> list[Cell]:
    """Those of the known fraction nearest to a quarter, and of the smallest training set."""
    known = min({cell.known for cell in cells}, key=lambda value: abs(value - 0.25))
    size = min(cell.train_size for cell in cells)
    return [cell for cell in cells if (cell.known, cell.train_size) == (known, size)]


def _unit(settings: str, protocol: str) -> str:
    if protocol == "published":
        return "quantile of the last loss"
    return "log of the last loss" if settings == "ours" else "last loss"


def _words(protocol: str, settings: str, cell: Cell) -> str:
    drawn = f"Drawn: {cell.known:.0%} known and {cell.train_size} curves trained on, where not said"
    if protocol == "published":
        return (
            "As the public code of the study does it: the worst row left out, losses as quantiles "
            "among all rows, tested rows of configurations that were trained on, R\u00b2 with its "
            f"arguments swapped. {drawn}."
        )
    return (
        "Scaled by the training curves alone, tested on configurations that were not trained on, "
        f"R\u00b2 of the {_unit(settings, protocol)} with its arguments in order. {drawn}."
    )


def _name(cell: Cell) -> str:
    return cell.solver.replace("_", " ")


def _row(cell: Cell) -> list[str]:
    record, gap = cell.record(), cell.mean("energy_gap")
    return [
        _name(cell),
        f"{cell.known:.0%}",
        f"{cell.train_size}",
        f"{record['r2_mean']:.3f}",
        f"{record['r2_std']:.3f}",
        f"{record['spearman_mean']:.3f}",
        f"{cell.mean('recall'):.0%}",
        f"{cell.mean('wrong_stops'):.1%}",
        "" if gap is None else f"{gap:.2%}",
        f"{record['cpu_seconds_mean']:.3f}",
    ]


def colours(solvers: Sequence[str]) -> Mapping[str, str]:
    """A colour for each solver."""
    free = iter(PALETTE * (1 + len(solvers) // len(PALETTE)))
    return {name: FIXED.get(name) or next(free) for name in solvers}


def against_known(cells: Sequence[Cell]) -> str:
    """R2 and Spearman against the known fraction of the curve, for one training size."""
    solvers = list(dict.fromkeys(cell.solver for cell in cells))

    def paint(axes):
        for panel, what, label in zip(
            axes, ("r2", "spearman"), ("R\u00b2", "Spearman's rank correlation"), strict=True
        ):
            for (name, colour), shift in zip(
                colours(solvers).items(), np.linspace(-0.6, 0.6, len(solvers)), strict=True
            ):
                mine = [cell for cell in cells if cell.solver == name]
                x = np.array([100 * cell.known for cell in mine]) + shift
                values = [[getattr(o, what) for o in cell.outcomes] for cell in mine]
                style = {"ls": ":" if name == "persistence" else "-", "lw": 1.4, "ms": 4}
                panel.errorbar(
                    x, [np.mean(v) for v in values], [np.std(v) for v in values], fmt="o",
                    color=colour, label=name.replace("_", " "), elinewidth=0.8, capsize=2, **style,
                )  # fmt: skip
            panel.set(xlabel="known part of the curve [%]", ylabel=label, xlim=(0, 100))
            low, high = panel.get_ylim()
            panel.set_ylim(max(low, -0.05), min(high, 1.02))
        axes[1].figure.legend(
            *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(solvers)
        )

    return draw((10.4, 4.2), paint, columns=2)


def true_against_predicted(cells: Sequence[Cell], unit: str, splits: int = 3) -> str:
    """Every test curve of the first splits, one panel a solver; on the diagonal it is right."""
    columns = 2 if len(cells) == 4 else min(len(cells), 3)
    rows = -(-len(cells) // columns)

    def paint(axes):
        panels = np.atleast_1d(axes).ravel()
        points = [
            (
                np.concatenate([o.truth for o in cell.outcomes[:splits]]),
                np.concatenate([o.predicted for o in cell.outcomes[:splits]]),
            )
            for cell in cells
        ]
        low, high = np.quantile(np.concatenate([truth for truth, _ in points]), [0, 1])
        margin = 0.06 * (high - low)
        limits = (low - margin, high + margin)
        shades = colours([cell.solver for cell in cells])
        for panel, cell, (truth, predicted) in zip(panels, cells, points, strict=False):
            outside = (predicted < limits[0]) | (predicted > limits[1])
            panel.plot(limits, limits, color="#9a9a9a", lw=1)
            panel.scatter(truth, predicted, 9, color=shades[cell.solver], alpha=0.45, lw=0)
            note = f"R\u00b2 {cell.mean('r2'):.3f}"
            if outside.any():
                note += f", {outside.sum()} outside"
            panel.set_title(f"{cell.solver.replace('_', ' ')}: {note}", fontsize=9.5)
            panel.set(xlim=limits, ylim=limits, aspect="equal")
            panel.set(xlabel=f"true {unit}", ylabel=f"predicted {unit}")
        for panel in panels[len(cells) :]:
            panel.set_visible(False)

    return draw((3.4 * columns, 3.7 * rows), paint, columns=columns, rows=rows)
