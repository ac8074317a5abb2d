"""The page of the study of Q-SVR, and its pictures."""

from collections.abc import Mapping, Sequence

import numpy as np

from hpo.showing.look import marks, scales
from hpo.showing.look.picture import Plot
from launch.pages import page
from mlpf_install.wording import counted
from qsvr.study.curves import Curves
from qsvr.study.measures import Cell

COLUMNS = (
    "solver", "known", "curves", "R\u00b2", "spread", "Spearman", "best tenth found",
    "best tenth stopped", "energy gap", "CPU s",
)  # fmt: skip
PALETTE = ("blue", "orange", "green", "pink", "amber", "sky")
FIXED = {"classical": "ink", "persistence": "grey"}


def render(
    curves: Curves,
    results: Mapping[str, Sequence[Cell]],
    settings: str,
    splits: range,
    made: str = "",
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
        drawings = [true_against_predicted(chosen, _unit(settings, protocol), f"{protocol}-true")]
        if len({cell.known for cell in cells}) > 1:
            smallest = [cell for cell in cells if cell.train_size == sizes[0]]
            drawings.insert(0, against_known(smallest, f"{protocol}-known"))
        rows = page.table(COLUMNS, [_row(cell) for cell in cells])
        title = f"{protocol.capitalize()} protocol"
        sections.append(
            page.Section(title, _words(protocol, settings, chosen[0]), [rows], drawings)
        )
    text = (
        f"{counted(curves.losses.shape[0], 'curve')} of "
        f"{counted(curves.losses.shape[1], 'epoch')}; left "
        f"out are {counted(curves.dropped, 'row')} that diverged or are not positive. "
        f"{counted(len(splits), 'split')}, the same for "
        f"all solvers; settings: {settings}. R\u00b2, Spearman's correlation and the columns about "
        "the best tenth of the tested curves are means over the splits; spread is the standard "
        "deviation of R\u00b2. The energy gap is what the best sample misses of the box optimum of "
        "its QUBO (a quadratic program). CPU time is that of fit and predict."
    )
    sections.append(page.Section("What was measured", text, [], []))
    names = counted(len(solvers), "solver")
    return page.render(f"Q-SVR on {curves.name}, {names}", summary, sections, made)


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


def _dash(solver: str) -> str:
    return "dotted" if solver == "persistence" else ""


def against_known(cells: Sequence[Cell], name: str) -> page.Figure:
    """R2 and Spearman against the known fraction of the curve, for one training size; `name`: of
    the figure."""
    looks = colours(list(dict.fromkeys(cell.solver for cell in cells)))
    shifts = np.linspace(-0.6, 0.6, len(looks))
    pictures = {}
    for what, label in (("r2", "R\u00b2"), ("spearman", "Spearman's rank correlation")):
        values = [[getattr(o, what) for o in cell.outcomes] for cell in cells]
        ends = [np.mean(v) + k * np.std(v) for v in values for k in (-1, 1)]
        y = scales.between(max(min(ends), -0.05), min(max(*ends, 0.1), 1.02), label)
        plot = Plot(scales.between(0, 100, "known part of the curve [%]"), y, 500, 330)
        marked = []
        for (solver, colour), shift in zip(looks.items(), shifts, strict=True):
            mine = [(100 * c.known + shift, v) for c, v in zip(cells, values, strict=True)
                    if c.solver == solver]  # fmt: skip
            means = [float(np.mean(v)) for _, v in mine]
            dash = _dash(solver)
            marked.append(plot.line([x for x, _ in mine], means, f"strong {colour} {dash}"))
            for (x, v), mean in zip(mine, means, strict=True):
                error = float(np.std(v))
                marked.append(marks.error(plot, x, (mean - error, mean + error), colour))
                words = f"{solver.replace('_', ' ')}: {mean:.3f} \u00b1 {error:.3f}"
                marked.append(plot.sign(x, mean, "dot", colour, None, words))
        pictures[label] = plot.svg(f"{name}-{what}", marked)
    rows = [
        (_name(c), c.known, np.mean(of), np.std(of), np.mean(ranks), np.std(ranks))
        for c in cells
        for of, ranks in [([o.r2 for o in c.outcomes], [o.spearman for o in c.outcomes])]
    ]
    columns = ("solver", "known", "R2", "spread", "Spearman", "spread")
    keys = "".join(
        page.key("line", f"{colour} {_dash(solver)}", solver.replace("_", " "))
        for solver, colour in looks.items()
    )
    return page.small(
        pictures, "Means over the splits; lines: one standard deviation over them.",
        page.Numbers(name, columns, rows), keys, 420,
    )  # fmt: skip


def true_against_predicted(
    cells: Sequence[Cell], unit: str, name: str, splits: int = 3
) -> page.Figure:
    """Every test curve of the first splits, one panel a solver; on the diagonal it is right."""
    points = [
        (
            np.concatenate([o.truth for o in cell.outcomes[:splits]]),
            np.concatenate([o.predicted for o in cell.outcomes[:splits]]),
        )
        for cell in cells
    ]
    low, high = np.quantile(np.concatenate([truth for truth, _ in points]), [0, 1])
    margin = 0.06 * (high - low)
    low, high = float(low - margin), float(high + margin)
    x, y = (scales.between(low, high, f"{what} {unit}") for what in ("true", "predicted"))
    plot, looks, pictures = Plot(x, y, 340, 330), colours([c.solver for c in cells]), {}
    for number, (cell, (truth, predicted)) in enumerate(zip(cells, points, strict=True)):
        outside = (predicted < low) | (predicted > high)
        note = f"R\u00b2 {cell.mean('r2'):.3f}"
        if outside.any():
            note += f", {outside.sum()} outside"
        drawn = [
            plot.line((low, high), (low, high), "faint guide"),
            marks.cloud(plot, truth, predicted, np.full(len(truth), 2.0), looks[cell.solver]),
        ]
        pictures[f"{_name(cell)}: {note}"] = plot.svg(f"{name}-{number}", drawn)
    rows = [
        (_name(cell), *pair)
        for cell, pairs in zip(cells, points, strict=True)
        for pair in zip(*pairs, strict=True)
    ]
    return page.small(
        pictures, "A point a tested curve, of the first splits; on the dashed line it is right.",
        page.Numbers(name, ("solver", "true", "predicted"), rows), least=300,
    )  # fmt: skip
