"""Predicts final losses from partial learning curves by Q-SVR, and measures how well.

python -m launch.qsvr_study --curves=mlpf.csv --known=0.25 --train_size=20 --splits=30
python -m launch.qsvr_study --curves=mlpf.csv --known=0.1,0.25,0.5,0.75 --settings=published \
    --solvers=classical,simulated_annealing,persistence --json=figures.json

Writes the figures as JSON and, beside it, a page with the same name and the ending .html.
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from launch.shell import program
from launch.shell.progress import progress, say

COLUMNS = (
    "solver", "known", "curves", "R\u00b2", "spread", "Spearman", "best tenth found",
    "best tenth stopped", "energy gap", "CPU s",
)  # fmt: skip


def study(
    path: Path,
    knowns: Sequence[float],
    train_sizes: Sequence[int],
    splits: range,
    solvers: Sequence[str],
    settings: str,
    output: Path,
) -> Path:
    """Measures, writes `output` and the page; returns the page's path.

    With published settings the figures of the JSON file are those of the published protocol, and
    the page has the proper protocol beside them. Raises ValueError on bad input.
    """
    from launch.shell.runs import write_json, write_text
    from qsvr.study.curves import read_curves
    from qsvr.study.measures import check_solvers, measure

    _check(knowns, train_sizes, splits, output)
    check_solvers(solvers)
    curves = read_curves(path)
    protocols = ("published", "proper") if settings == "published" else ("proper",)
    total = len(protocols) * len(solvers) * len(knowns) * len(train_sizes) * len(splits)
    results = {}
    with progress("fit", total, "fits") as update:
        for number, protocol in enumerate(protocols):
            first = number * total // len(protocols)
            results[protocol] = measure(
                curves, solvers, knowns, train_sizes, splits, settings, protocol,
                lambda done, note, first=first: update(first + done, note),
            )  # fmt: skip
    write_json(output, [cell.record() for cell in results[protocols[0]]])
    page = output.with_suffix(".html")
    write_text(page, render(curves, results, settings, splits))
    return page


def render(curves, results, settings: str, splits: range) -> str:
    """The page."""
    from launch.pages import page
    from launch.pages import qsvr_study as qsvr_figures

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
        drawings = [qsvr_figures.true_against_predicted(chosen, _unit(settings, protocol))]
        if len({cell.known for cell in cells}) > 1:
            smallest = [cell for cell in cells if cell.train_size == sizes[0]]
            drawings.insert(0, qsvr_figures.against_known(smallest))
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


def _reference_cells(cells: Sequence) -> list:
    """Those of the known fraction nearest to a quarter, and of the smallest training set."""
    known = min({cell.known for cell in cells}, key=lambda value: abs(value - 0.25))
    size = min(cell.train_size for cell in cells)
    return [cell for cell in cells if (cell.known, cell.train_size) == (known, size)]


def _unit(settings: str, protocol: str) -> str:
    if protocol == "published":
        return "quantile of the last loss"
    return "log of the last loss" if settings == "ours" else "last loss"


def _words(protocol: str, settings: str, cell) -> str:
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


def _name(cell) -> str:
    return cell.solver.replace("_", " ")


def _row(cell) -> list[str]:
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


def _check(
    knowns: Sequence[float], train_sizes: Sequence[int], splits: range, output: Path
) -> None:
    for known in knowns:
        if not 0 < known < 1:
            raise ValueError(f"--known is a fraction between 0 and 1, not {known:g}")
    for size in train_sizes:
        if size < 3:
            raise ValueError(f"--train_size must be at least 3, not {size}")
    if not splits:
        raise ValueError("--splits must be at least 1")
    if not output.parent.is_dir():
        raise ValueError(f"cannot write {output}: there is no folder {output.parent}")


def _numbers(texts: Sequence[str], kind: type, flag: str) -> list:
    try:
        return [kind(text) for text in texts]
    except ValueError as error:
        raise ValueError(f"--{flag} takes numbers with commas between, not {texts}") from error


if __name__ == "__main__":
    curves = flags.DEFINE_string("curves", None, "A table of learning curves.", required=True)
    known = flags.DEFINE_list("known", ["0.25"], "Known fractions of the curves.")
    train_size = flags.DEFINE_list("train_size", ["20"], "Numbers of curves to train on.")
    splits = flags.DEFINE_integer("splits", 30, "How many random splits.")
    first_split = flags.DEFINE_integer("first_split", 0, "The number of the first one: its seed.")
    solvers = flags.DEFINE_list(
        "solvers",
        ["classical", "simulated_annealing", "level_gibbs", "mock_qpu", "persistence"],
        "Samplers of Q-SVR by name, classical (scikit-learn's SVR), persistence.",
    )
    settings = flags.DEFINE_enum("settings", "ours", ["published", "ours"], "Of Q-SVR.")
    output = flags.DEFINE_string("json", "qsvr_study.json", "Where the figures are written.")

    def main() -> None:
        chosen = range(first_split.value, first_split.value + splits.value)
        page = study(
            Path(curves.value),
            _numbers(known.value, float, "known"),
            _numbers(train_size.value, int, "train_size"),
            chosen,
            solvers.value,
            settings.value,
            Path(output.value),
        )
        say(f"figures: {output.value}, page: {page}")

    program.start(main)
