"""Compares schedulers on tabulated learning curves: whole studies on a virtual clock.

python -m launch.compare_hpo --methods=random,hyperband,swift_improved --figure=four_panels.png
python -m launch.compare_hpo --curves=lstm,mlpf_delphes.csv --methods=hyperband,swift --seeds=200
python -m launch.compare_hpo --curves=lstm --methods=swift_improved --seeds=100 --bootstrap=40
python -m launch.compare_hpo --curves=a.csv,b.json --workers=10 --epoch_spread=0.3 --json=out.json

Errors are over seeds, which share the curves of the table; with --bootstrap they are over its
configurations too. Every method meets the same configurations, epoch times and failures for the
same seed. A table is a CSV file (hyperparameters, then loss_0 .. loss_{E-1}, perhaps compressed:
.csv.xz), a TaskSet JSON file, or the name of one that comes with this package; all of those unless
--curves is given.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

from datasets.storage.files import write_text
from hpo.simulation.methods import METHODS, Budget, methods_called
from launch.shell import program
from launch.shell.progress import progress, say
from launch.shell.runs import RunError, check_place
from mlpf_install.wording import counted


def located(asked: Sequence[str]) -> list[Path]:
    """The files of the tables asked for, by their names or paths; of the package's own for none.

    Raises RunError where there is no such file.
    """
    from hpo.simulation.tables import zoo

    shipped = zoo()
    paths = [shipped.get(name, Path(name)) for name in asked or shipped]
    if absent := [str(path) for path in paths if not path.is_file()]:
        raise RunError(
            f"--curves: no file {', '.join(absent)}; tables of the package: {', '.join(shipped)}"
        )
    return paths


def compare_all(
    paths: Sequence[Path],
    methods: Sequence[str],
    seeds: range,
    budget: tuple[int | None, int, str],
    conditions: dict[str, Any],
    prefix: str,
    bootstrap: int = 0,
) -> list[dict[str, Any]]:
    """Plays, prints and returns the comparisons, one for each file of curves.

    `budget` is (max_epochs or None for the whole curves, eta, mode); `bootstrap` tables are drawn
    from each for errors over configurations. Raises RunError, ValueError
    or OSError where files, methods or settings cannot be used.
    """
    from hpo.simulation.comparison import INNER, as_json, compare
    from hpo.simulation.simulator import Conditions
    from hpo.simulation.tables import read_table
    from launch.pages.comparison import show

    _check(paths, methods, seeds)
    under = Conditions(**conditions)
    tables = [(path, read_table(path, prefix)) for path in paths]
    results, done = [], 0
    studies = len(seeds) + max(bootstrap, 0) * INNER
    total = len(tables) * studies * len({"hyperband", *methods})
    with progress("simulate", total, "studies") as update:

        def another(note: str) -> None:
            nonlocal done
            done += 1
            update(done, note)

        for path, table in tables:
            longest = table.curves.shape[1] if budget[0] is None else budget[0]
            limits = Budget(longest, *budget[1:])
            summaries = compare(table, methods, seeds, limits, under, another, bootstrap)
            settings = {**vars(limits), **vars(under), "first_seed": seeds.start}
            settings |= {"bootstrap": bootstrap}
            results.append((table, _label(path), settings, summaries))
    for table, _, settings, summaries in results:
        diverged = f", {table.diverged} of them diverge" if table.diverged else ""
        if table.hopeless:
            diverged = ", all of them diverge in their first epoch: no method can find a loss"
        title = (
            f"{table.name}: {counted(len(table.curves), 'curve')}{diverged}; "
            f"R={settings['max_epochs']}, eta={settings['eta']}, "
            f"{counted(len(seeds), 'seed')} from {seeds.start}, "
            f"{counted(settings['workers'], 'worker')}"
            + (f", bootstrap of {counted(bootstrap, 'table')}" if bootstrap else "")
        )
        show(title, summaries)
    return [{"title": t.name, "summaries": s, **as_json(p, k, s)} for t, p, k, s in results]


def write(results: Sequence[dict[str, Any]], output: Path | None, figure: Path | None) -> None:
    """The figures as JSON (an object for one file of curves, a list for several), and drawn."""
    from launch.pages.comparison import draw

    if output is not None:
        plain = [{k: r[k] for k in ("curves", "settings", "methods")} for r in results]
        text = json.dumps(plain[0] if len(plain) == 1 else plain, indent=1, allow_nan=False)
        write_text(output, text + "\n")
        say(f"figures: {output}")
    if figure is not None:
        draw({r["title"]: r["summaries"] for r in results}, figure)
        say(f"picture: {figure}")


def _label(path: Path) -> str:
    """As it can be asked for again, on any machine where it is one of the package's."""
    from hpo.simulation.tables import zoo

    names = {file: name for name, file in zoo().items()}
    return names.get(path, str(path))


def _check(paths: Sequence[Path], methods: Sequence[str], seeds: range) -> None:
    unknown = [name for name in methods if name not in METHODS]
    if unknown or not methods:
        raise RunError(f"--methods: {unknown or 'none'}; there are {', '.join(METHODS)}")
    if len(seeds) < 1 or seeds.start < 0:
        raise RunError("--seeds must be at least 1 and --first_seed not negative")
    absent = [str(path) for path in paths if not path.is_file()]
    if absent or not paths:
        raise RunError(f"--curves: no file {', '.join(absent) or 'named'}")


if __name__ == "__main__":
    curves = flags.DEFINE_list(
        "curves",
        [],
        "Files of learning curves, or of mlpf, lstm, cnn5, cnn9, sgd_digits; else all of these.",
    )
    names = flags.DEFINE_list("methods", list(METHODS), f"Of {', '.join(METHODS)}.")
    count = flags.DEFINE_integer("seeds", 20, "How many studies of each method.")
    first_seed = flags.DEFINE_integer("first_seed", 0, "The first of them.")
    workers = flags.DEFINE_integer("workers", 1, "Trials that train at once.")
    max_epochs = flags.DEFINE_integer(
        "max_epochs", None, "R; else the length of the curves.", lower_bound=1
    )
    eta = flags.DEFINE_integer("eta", 2, "Reduction from rung to rung.")
    prefix = flags.DEFINE_string("curve_prefix", "loss_", "Of the columns that hold the curve.")
    mode = flags.DEFINE_enum("mode", "minimise", ["minimise", "maximise"], "What is better.")
    spread = flags.DEFINE_float("epoch_spread", 0.0, "Sigma of the log-normal epoch times.")
    stragglers = flags.DEFINE_float("stragglers", 0.0, "Share of trials that are slow.")
    slowness = flags.DEFINE_float("slowness", 4.0, "How much longer their epochs take.")
    crashes = flags.DEFINE_float("crashes", 0.0, "Chance that an epoch is lost with its worker.")
    bootstrap = flags.DEFINE_integer(
        "bootstrap", 0, "Tables drawn from each, for errors over configurations; 40 will do."
    )
    output = flags.DEFINE_string("json", None, "A file for the figures.")
    picture = flags.DEFINE_string("figure", None, "A PNG file for the picture.")

    def main() -> None:
        outputs = [Path(flag.value) if flag.value else None for flag in (output, picture)]
        for path in filter(None, outputs):
            check_place(path)
        results = compare_all(
            located(curves.value),
            methods_called(names.value),
            range(first_seed.value, first_seed.value + count.value),
            (max_epochs.value, eta.value, mode.value),
            {
                "workers": workers.value,
                "spread": spread.value,
                "stragglers": stragglers.value,
                "slowness": slowness.value,
                "crashes": crashes.value,
            },
            prefix.value,
            bootstrap.value,
        )
        write(results, *outputs)

    program.start(main)
