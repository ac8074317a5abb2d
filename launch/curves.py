"""Makes a table of learning curves: many configurations, each trained to the end.

python -m launch.curves --config=configs/curves_lstm.py --run=runs/curves_lstm

It plays the study of `config.tune` with full trainings and random configurations, and writes the
curves to RUN/curves.csv.xz, which `launch.compare_hpo --curves=` reads. Killed at any time, the
same command goes on where it was. A training that diverges is a row whose curve ends in NaN.
"""

import numpy as np
from ml_collections import ConfigDict

from launch.planning import plan
from launch.shell import data, program
from launch.shell.checks import checked_study, with_room
from launch.shell.progress import say
from launch.shell.runs import Run, RunError, stage, working_in
from launch.tune import play, winner
from mlpf_install.wording import counted

TABLE = "curves.csv.xz"


def checked_recipe(config: ConfigDict) -> ConfigDict:
    """The configuration itself. Raises RunError where its study would stop trials."""
    if config.tune.scheduler != "random":
        raise RunError(
            f"tune.scheduler is {config.tune.scheduler!r}: a table needs every trial trained to "
            "the end, as 'random' does"
        )
    return checked_study(config)


def make_curves(run: Run) -> None:
    """Plays the study to its end and writes the table. Raises RunError where all trials failed."""
    import hpo
    from hpo.study import records

    settings, path = run.config.tune, run.folder / TABLE
    if path.exists():
        say(f"  made already: {path}")
        return
    with stage(run, "curves"):
        winner(play(run, "curves"))
        header, entries = hpo.read_journal(run.folder / "study.db")
        record = records.read(entries, header["settings"]["metric"])
        table = hpo.table_of(record, run.folder.name, settings.max_epochs)
        hpo.write_table(table, path)
    say(f"  {path}: {description(table.curves)}")


def planned(run: Run) -> list[plan.Step]:
    """What --dry_run says of the table."""
    if (path := run.folder / TABLE).exists():
        return [plan.Step(f"table: done, {path}")]
    return plan.tuning(run)


def description(curves: np.ndarray) -> str:
    """Rows, epochs and final losses in a line."""
    final = curves[:, -1][np.isfinite(curves[:, -1])]
    ends = f"best {final.min():.5g}, median {np.median(final):.5g}" if len(final) else "no best"
    lost = len(curves) - len(final)
    there = f"{counted(len(curves), 'curve')} of {counted(curves.shape[1], 'epoch')}"
    return f"{there}, {lost} diverged; at the end {ends}"


if __name__ == "__main__":
    config = program.define_config("curves_lstm")
    folder = program.define_run("runs/curves_lstm")

    dry_run = plan.define()

    def main() -> None:
        if dry_run():
            plan.show(folder(), checked_recipe(config()), (plan.datasets, planned))
            return
        with working_in(folder(), with_room(checked_recipe(config()))) as run:
            if "data" in run.config:
                data.build(run)
            make_curves(run)

    program.start(main)
