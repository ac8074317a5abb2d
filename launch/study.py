"""Looks at a study, finished or not, and asks what other schedulers would have done with it.

python -m launch.study --run=runs/demo
python -m launch.study --run=runs/demo --branch=hyperband,asha
python -m launch.study --study=elsewhere/study.db --fork=copy.db --rows=200
python -m launch.study --run=runs/curves_lstm --table=lstm.csv.xz
python -m launch.study --run=runs/demo --page=study.html --follow
python -m launch.study --run=runs/demo --export=sqlite:///optuna.db

A branch plays a scheduler on the curves that the study recorded: trial n has the configuration and
the losses it had. Where a scheduler asks for epochs that nobody trained the trial is lost to it,
and counted as unknown: its result then says little. A fork copies the first rows of the log into a
new file, from which a study can go on. A table holds the curves of the trials that were trained
to the end, for `launch.compare_hpo`. A page is one HTML file with everything that can be seen of a
study; --follow shows it, and writes the page anew, while another process trains. An export is for
other tools: trials.csv, trials.parquet, tensorboard:FOLDER, or the URL of an Optuna storage, which
optuna-dashboard opens.
"""

import importlib
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from absl import flags

from hpo.simulation.methods import METHODS, Budget, methods_called
from launch.shell import program
from launch.shell.progress import say
from launch.shell.runs import RunError, check_place
from mlpf_install.wording import counted

LOOKS_TILL_OVER = 3
SHARE = 10  # a page is drawn for a tenth of the time at most: workers need the processor


def inspect(path: Path) -> None:
    """Prints what the log says: header, pace, who trains where, rungs, trials."""
    import hpo
    from launch.pages import study as text

    for line in text.lines(path, *hpo.read_journal(path)):
        say(line)


def follow(path: Path, page: Path | None, every_s: float) -> None:
    """Shows the study as it goes, and writes its page, until it is over: on a terminal all that
    `inspect` prints, drawn anew, else a line whenever the log has grown. The driver is not held
    up: a look takes the new rows and lets go."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from hpo.showing.recorded import of_log
    from hpo.study.journal import Reading
    from launch.pages import study as text

    console = Console()
    with Reading(path) as log, Live(console=console, auto_refresh=False) as screen:
        rows, still, took = -1, 0, 0.0
        # A study between two jobs looks as if it were over: it is so if it stays so for a while.
        while still < LOOKS_TILL_OVER:
            header, entries = log.look()
            view = of_log(header, entries, log.workers())
            if len(entries) > rows:
                begun = time.process_time()
                if page is not None:
                    write_page(path, page, view, every_s)
                took = time.process_time() - begun
                if console.is_terminal:
                    shown = "\n".join(text.lines(path, header, entries))
                    screen.update(Text(shown), refresh=True)
                else:
                    say(f"  {text.now(view)}")
            still = still + 1 if view.over and len(entries) == rows else 0
            rows = len(entries)
            if still < LOOKS_TILL_OVER:
                time.sleep(max(every_s, SHARE * took))


def write_page(path: Path, page: Path, view: Any, every_s: float | None) -> None:
    """The page of a study, which a browser loads anew as long as it is not over."""
    from datasets.storage.files import write_text
    from hpo.showing.drawing.page import render, title_of

    write_text(page, render(view, title_of(path), every_s))


def export(path: Path, to: str, name: str) -> None:
    """Writes the study for another tool, by what `to` is: a .csv or .parquet file, tensorboard:
    and a folder, or the URL of an Optuna storage."""
    import hpo

    if to.endswith((".csv", ".parquet")) and "://" not in to:
        check_place(Path(to))
    if to.endswith(".csv"):
        hpo.export.to_csv(path, to)
    elif to.endswith(".parquet"):
        hpo.export.to_parquet(path, to)
    elif to.startswith("tensorboard:"):
        hpo.export.to_tensorboard(path, to.removeprefix("tensorboard:"))
    elif "://" in to:
        with quiet("optuna"):
            hpo.export.to_optuna(path, to, name or title(path))
    else:
        raise RunError(
            f"--export: {to!r} is no .csv or .parquet file, no tensorboard:FOLDER and no URL of "
            "an Optuna storage, as sqlite:///optuna.db"
        )
    say(f"{to}: the study of {path}")


@contextmanager
def quiet(library: str) -> Iterator[None]:
    """Of a library that logs, warnings alone reach the screen; its own setting comes back."""
    with suppress(ImportError):  # which sets the level; what is missing says the export
        importlib.import_module(library)
    root = logging.getLogger(library)
    level = root.level
    root.setLevel(logging.WARNING)
    try:
        yield
    finally:
        root.setLevel(level)


def title(path: Path) -> str:
    """What the study is called elsewhere: its folder, or its file."""
    from hpo.showing.drawing.page import title_of

    return title_of(path).removeprefix("Study ")


def compare(path: Path, names: Sequence[str], max_epochs: int, eta: int) -> None:
    """Prints the study beside what the named schedulers would have made of it."""
    import hpo
    from hpo.study import outcomes, records

    unknown = sorted(set(names) - set(METHODS))
    if unknown:
        raise RunError(f"--branch: {unknown[0]!r} is none of {', '.join(METHODS)}")
    header, entries = hpo.read_journal(path)
    settings = header.get("settings", {})
    record = records.read(entries, settings.get("metric", "loss"))
    if not record.epochs:
        raise RunError(f"{path} holds no epoch yet: there is nothing to branch from")
    mode = settings.get("mode", "minimise")
    longest = max_epochs or max(trial.goal for trial in record.trials)
    budget = Budget(longest, eta or settings.get("eta", 2), mode)
    say(f"{'':22}{'trials':>7}{'epochs':>8}{'best':>12}{'at epoch':>9}{'unknown':>9}")
    say(_row("the study", outcomes.of_record(record, mode)))
    for name in names:
        found = hpo.branch(
            record, lambda searcher, name=name: METHODS[name](searcher, budget), header["seed"]
        )
        say(_row(name, outcomes.of_branch(found.summary, len(found.unknown), mode)))


def tabulate(path: Path, to: Path) -> None:
    """Writes the curves of the trials trained to the study's last epoch, and of failed ones."""
    import hpo
    from hpo.study import records

    header, entries = hpo.read_journal(path)
    record = records.read(entries, header.get("settings", {}).get("metric", "loss"))
    epochs = max((trial.goal for trial in record.trials), default=0)
    table = hpo.table_of(record, to.name.removesuffix(".xz").removesuffix(".csv"), epochs)
    hpo.write_table(table, to)
    left = len(record.trials) - len(table.curves)
    say(
        f"{to}: {counted(len(table.curves), 'curve')} of {counted(epochs, 'epoch')}, "
        f"{table.diverged} of them diverged"
    )
    if left:
        say(f"left out, for not trained to epoch {epochs}: {counted(left, 'trial')}")


def _row(name: str, came_to: Any) -> str:
    """A row of an `outcomes.Outcome`."""
    loss = float("nan") if came_to.best is None else came_to.best
    return (
        f"{name:22}{came_to.trials:7}{came_to.epochs:8}{loss:12.6g}{came_to.at:9}"
        f"{came_to.unknown:9}"
    )


if __name__ == "__main__":
    folder = program.define_run()
    study = flags.DEFINE_string("study", "", "A study's log; that of --run unless given.")
    branches = flags.DEFINE_list("branch", [], f"Schedulers to branch to: {', '.join(METHODS)}.")
    max_epochs = flags.DEFINE_integer("max_epochs", 0, "R of the branches; 0: the study's.")
    eta = flags.DEFINE_integer("eta", 0, "eta of the branches; 0: the study's, or 2.")
    table = flags.DEFINE_string("table", "", "Write the curves to this .csv or .csv.xz file.")
    fork = flags.DEFINE_string("fork", "", "Copy the first --rows rows of the log to this file.")
    rows = flags.DEFINE_integer("rows", -1, "How many rows --fork copies; -1: all.")

    page = flags.DEFINE_string("page", "", "Write the study's page to this HTML file.")
    follows = flags.DEFINE_bool("follow", False, "Go on showing the study until it is over.")
    every = flags.DEFINE_float("every", 5.0, "Seconds between two looks of --follow.", 0.05)
    exported = flags.DEFINE_string(
        "export", "", "A .csv or .parquet file, tensorboard:FOLDER, or an Optuna storage's URL."
    )
    name = flags.DEFINE_string("name", "", "The study's name in an Optuna storage; its folder's.")

    def main() -> None:
        import hpo

        path = Path(study.value) if study.value else folder() / "study.db"
        for file in filter(None, (page.value, fork.value, table.value)):
            check_place(Path(file))
        if fork.value:
            count = rows.value if rows.value >= 0 else len(hpo.read_journal(path)[1])
            hpo.fork(path, count, fork.value)
            say(f"{fork.value}: the first {counted(count, 'row')} of {path}")
        if table.value:
            tabulate(path, Path(table.value))
        if branches.value:
            names = methods_called(branches.value)
            compare(path, names, max_epochs.value, eta.value)
        if exported.value:
            export(path, exported.value, name.value)
        if follows.value:
            follow(path, Path(page.value) if page.value else None, every.value)
        elif page.value:
            hpo.page(path, page.value)
            say(f"{page.value}: the page of {path}")
        if not any(asked.value for asked in (fork, table, branches, exported, follows, page)):
            inspect(path)

    program.start(main)
