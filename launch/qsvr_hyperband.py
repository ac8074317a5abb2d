"""Plays a Swift-Hyperband study whose predictor is Q-SVR on an annealer, on tabulated curves.

python -m launch.qsvr_hyperband --curves=mlpf --output=runs/annealed --sampler=mock_qpu

Writes the study's log (study.db) and the dispatch log (dispatch.jsonl): one line for each call of
the annealer, with problem size, embedding, reads, chain breaks and time. A study that was cut off
goes on, and asks nothing again that is in its log.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from absl import flags

from launch.shell import program
from launch.shell.dispatch import LOG, dispatch_log
from launch.shell.progress import progress, say
from mlpf_install.wording import counted

SAMPLERS = (
    "simulated_annealing", "path_integral", "tabu", "steepest_descent", "level_gibbs", "zoom",
    "zoom_simulated_annealing", "exact", "mock_qpu", "mock_zephyr", "qpu", "hybrid",
)  # fmt: skip
"""Those of `qsvr.SAMPLERS`, said without importing JAX."""


def play(
    curves: Path,
    output: Path,
    settings: Mapping[str, Any],
    max_epochs: int | None,
    eta: int,
    seed: int,
) -> Any:
    """The study's summary. `settings` are those of `hpo.predictors.qsvr`; R is the length of the
    curves where `max_epochs` is None.

    Raises ValueError on bad input, and what the annealer raises.
    """
    import hpo
    from hpo.forecasting import predictors

    table = hpo.read_table(curves)
    max_epochs = max_epochs or table.curves.shape[1]
    if max_epochs > table.curves.shape[1]:
        raise ValueError(f"{curves} has {table.curves.shape[1]} epochs, not {max_epochs}")
    output.mkdir(parents=True, exist_ok=True)
    schedule = hpo.hyperband_epochs(max_epochs, eta)
    written, calls = dispatch_log(output), 0
    with (
        hpo.Journal(output / "study.db") as journal,
        progress("study", schedule, "epochs") as update,
    ):

        def report(call: Mapping[str, Any]) -> None:
            nonlocal calls
            calls += 1
            written(call)

        def on_event(event: Any, state: Any) -> None:
            epochs = sum(len(trial.curve) for trial in state.trials)
            update(epochs, f"{calls} calls of the annealer")

        scheduler = hpo.swift_hyperband(
            table.searcher(), max_epochs, eta, predictor=predictors.qsvr(**settings, report=report)
        )
        executor = hpo.InlineExecutor(table.objective)
        return hpo.summarise(hpo.run_study(scheduler, executor, journal, seed, on_event))


if __name__ == "__main__":
    curves = flags.DEFINE_string(
        "curves",
        None,
        "A table of learning curves: a file, or one of mlpf, lstm, cnn5, cnn9, sgd_digits.",
        required=True,
    )
    output = flags.DEFINE_string("output", None, "The folder of the logs.", required=True)
    sampler = flags.DEFINE_enum("sampler", "mock_qpu", SAMPLERS, "Of Q-SVR.")
    reads = flags.DEFINE_integer("reads", 1000, "Reads of one call.")
    sweeps = flags.DEFINE_integer("sweeps", 100, "Sweeps of a simulated annealer's read.")
    bits = flags.DEFINE_integer("bits", 3, "Bits of each alpha and alphahat.")
    max_epochs = flags.DEFINE_integer(
        "max_epochs", None, "R of Hyperband; else the length of the curves.", 1
    )
    eta = flags.DEFINE_integer("eta", 2, "eta of Hyperband.")
    seed = flags.DEFINE_integer("seed", 1, "Of the study.")

    def main() -> None:
        import hpo
        from launch.compare_hpo import located

        settings = {
            "sampler": sampler.value,
            "reads": reads.value,
            "sweeps": sweeps.value,
            "bits": bits.value,
        }
        folder = Path(output.value)
        (table,) = located([curves.value])
        study = play(table, folder, settings, max_epochs.value, eta.value, seed.value)
        best = study.trials[study.best]
        schedule = hpo.hyperband_epochs(max_epochs.value, eta.value)
        say(
            f"{counted(len(study.trials), 'trial')}, {counted(study.epochs, 'epoch')} "
            f"(Hyperband: {schedule}), best loss {best.curve[-1]:g} at epoch {best.epochs}, "
            f"{counted(len(study.predictions), 'prediction')}"
        )
        say(f"calls of the annealer: {folder / LOG}")

    program.start(main)
