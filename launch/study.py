"""Looks at a study, finished or not, and asks what other schedulers would have done with it.

python -m launch.study --run=runs/demo
python -m launch.study --run=runs/demo --branch=hyperband,asha
python -m launch.study --study=elsewhere/study.db --fork=copy.db --rows=200
python -m launch.study --run=runs/curves_lstm --table=lstm.csv.xz

A branch plays a scheduler on the curves that the study recorded: trial n has the configuration and
the losses it had. Where a scheduler asks for epochs that nobody trained the trial is lost to it,
and counted as unknown: its result then says little. A fork copies the first rows of the log into a
new file, from which a study can go on. A table holds the curves of the trials that were trained
to the end, for `launch.compare_hpo`.
"""

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags

from hpo.simulation.methods import METHODS, Budget
from launch.shell import program
from launch.shell.progress import say
from launch.shell.runs import RunError

SHOWN = 10  # trials of the table


def inspect(path: Path) -> None:
    """Prints what the log says: header, trials, rungs, predictions."""
    import hpo
    from hpo.study import records

    header, entries = hpo.read_journal(path)
    if not header:
        say(f"{path}: a study that has not begun")
        return
    record = records.read(entries, header["settings"]["metric"])
    head = [*_head(path, header, record), *_states(path, record)]
    for line in (*head, "", *_rungs(record), "", *_trials(header, record)):
        say(line)


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
    say(f"{to}: {len(table.curves)} curves of {epochs} epochs, {table.diverged} of them diverged")
    if left:
        say(f"{left} trials were not trained to epoch {epochs}, and are left out")


def _head(path: Path, header: Mapping, record: Any) -> list[str]:
    settings = header["settings"]
    named = {k: v for k, v in settings.items() if not isinstance(v, dict | list)}
    running = sum(trial.running for trial in record.trials)
    lost = sum(trial.lost for trial in record.trials)
    return [
        f"{path}: {record.rows} rows, begun {_when(header['created'])}, last {_when(record.last)}",
        f"seed {header['seed']}, " + ", ".join(f"{k} {v}" for k, v in sorted(named.items())),
        f"space: {', '.join(settings.get('space', {})) or 'not written down'}",
        f"{len(record.trials)} trials ({running} running), {record.epochs} epochs, "
        f"{len(record.predictions)} predictions, {lost} workers lost",
    ]


def _states(path: Path, record: Any) -> list[str]:
    """What the checkpoints take, where the trials lie beside the log."""
    from hpo.study import keeping

    trials = path.parent / "trials"
    return [keeping.line(trials, len(record.trials))] if trials.is_dir() else []


def _rungs(record: Any) -> list[str]:
    from hpo.study import outcomes

    head = f"{'epoch':>7}{'came':>7}{'ended there':>13}"
    return [
        head,
        *(f"{epoch:7}{came:7}{ended:13}" for epoch, came, ended in outcomes.rungs(record)),
    ]


def _trials(header: Mapping, record: Any) -> list[str]:
    """The best trials of those trained longest, and what went wrong with others."""
    from hpo.study import outcomes

    alive = outcomes.ranked(record.trials, header["settings"].get("mode", "minimise"))
    lines = [f"{'trial':>7}{'epochs':>8}{record.metric:>18}  configuration"]
    for trial in alive[:SHOWN]:
        values = ", ".join(f"{n} {_short(v)}" for n, v in sorted(trial.configuration.items()))
        lines.append(f"{trial.number:7}{len(trial.curve):8}{trial.curve[-1]:18.6g}  {values}")
    if len(alive) > SHOWN:
        lines.append(f"        and {len(alive) - SHOWN} more")
    return lines + [f"  trial {t.number} failed: {t.error}" for t in record.trials if t.error]


def _row(name: str, came_to: Any) -> str:
    """A row of an `outcomes.Outcome`."""
    loss = float("nan") if came_to.best is None else came_to.best
    return (
        f"{name:22}{came_to.trials:7}{came_to.epochs:8}{loss:12.6g}{came_to.at:9}"
        f"{came_to.unknown:9}"
    )


def _when(seconds: float | None) -> str:
    if seconds is None:
        return "never"
    return datetime.datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M:%S")


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    folder = program.define_run()
    study = flags.DEFINE_string("study", "", "A study's log; that of --run unless given.")
    branches = flags.DEFINE_list("branch", [], f"Schedulers to branch to: {', '.join(METHODS)}.")
    max_epochs = flags.DEFINE_integer("max_epochs", 0, "R of the branches; 0: the study's.")
    eta = flags.DEFINE_integer("eta", 0, "eta of the branches; 0: the study's, or 2.")
    table = flags.DEFINE_string("table", "", "Write the curves to this .csv or .csv.xz file.")
    fork = flags.DEFINE_string("fork", "", "Copy the first --rows rows of the log to this file.")
    rows = flags.DEFINE_integer("rows", -1, "How many rows --fork copies; -1: all.")

    def main() -> None:
        import hpo

        path = Path(study.value) if study.value else folder() / "study.db"
        if fork.value:
            count = rows.value if rows.value >= 0 else len(hpo.read_journal(path)[1])
            hpo.fork(path, count, fork.value)
            say(f"{fork.value}: the first {count} rows of {path}")
        elif table.value:
            tabulate(path, Path(table.value))
        elif branches.value:
            compare(path, branches.value, max_epochs.value, eta.value)
        else:
            inspect(path)

    program.start(main)
