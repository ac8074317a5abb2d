"""Pictures of the study of Q-SVR."""

from collections.abc import Mapping, Sequence

import numpy as np

from launch.pages.drawing import draw
from qsvr.study.measures import Cell

# Okabe and Ito: told apart by colour-blind people too
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442")
FIXED = {"classical": "#222222", "persistence": "#9a9a9a"}


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
