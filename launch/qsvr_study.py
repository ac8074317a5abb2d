"""Predicts final losses from partial learning curves by Q-SVR, and measures how well.

python -m launch.qsvr_study --curves=mlpf --known=0.25 --train_size=20 --splits=30
python -m launch.qsvr_study --curves=mlpf --known=0.1,0.25,0.5,0.75 --settings=published \\
    --solvers=classical,simulated_annealing,persistence --json=figures.json

Writes the figures as JSON and, beside it, a page with the same name and the ending .html.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

from launch.shell import program
from launch.shell.progress import progress, say


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
    from datasets.storage.files import write_json, write_text
    from launch.pages.qsvr_study import render
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
    made = (
        f"Made by python -m launch.qsvr_study --curves={path} --settings={settings} "
        f"--first_split={splits.start} --splits={len(splits)} --solvers={','.join(solvers)}."
    )
    write_text(page, render(curves, results, settings, splits, made))
    return page


def read_curves(path: Path) -> Any:
    """The sound curves (`qsvr.study.curves.Curves`) of a table that `hpo.read_table` knows.

    Raises ValueError where nothing is left of it.
    """
    import hpo
    from qsvr.study.curves import sound_curves

    table = hpo.read_table(path)
    try:
        return sound_curves(table.name, table.curves, table.configurations)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


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
    curves = flags.DEFINE_string(
        "curves",
        None,
        "A table of learning curves: a file, or one of mlpf, lstm, cnn5, cnn9, sgd_digits.",
        required=True,
    )
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
        from launch.compare_hpo import located

        chosen = range(first_split.value, first_split.value + splits.value)
        page = study(
            *located([curves.value]),
            _numbers(known.value, float, "known"),
            _numbers(train_size.value, int, "train_size"),
            chosen,
            solvers.value,
            settings.value,
            Path(output.value),
        )
        say(f"figures: {output.value}, page: {page}")

    program.start(main)
