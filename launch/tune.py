"""Searches hyperparameters: trials are real trainings in worker processes.

python -m launch.tune --config=configs/demo.py --run=runs/mine --config.tune.predictor=svr

`config.tune.objective` names what a trial trains ("module:function",
launch.objectives.particle_flow:make unless given); a configuration without a `data` section
needs no dataset.
"""

from typing import Any

from absl import flags
from ml_collections import ConfigDict

from datasets.storage.files import write_json
from launch.planning import plan
from launch.shell import data, program
from launch.shell.checks import checked_study, with_room
from launch.shell.dispatch import dispatch_log
from launch.shell.progress import progress, say
from launch.shell.runs import Run, RunError, stage, working_in
from launch.shell.studies import KEPT, executor_name, make_executor, make_scheduler, metric, size
from mlpf_install.wording import counted


def tune(run: Run, ray_address: str = "") -> None:
    """Plays the study to its end, from where its log stops, and writes the winner to best.json."""
    if (run.folder / "best.json").exists():
        say(f"  tuned already: {run.folder / 'best.json'}")
        return
    with stage(run, "tune"):
        best = winner(play(run, "tune", ray_address))
        write_json(run.folder / "best.json", best)
    values = ", ".join(f"{name} {_short(value)}" for name, value in best["values"].items())
    say(
        f"  best: trial {best['trial']} with {metric(run.config.tune)} {best['loss']:.4f} at epoch "
        f"{best['epochs']}: {values}"
    )


def play(run: Run, what: str, ray_address: str = "") -> Any:
    """Plays the run's study to its end, from where its log stops; its hpo.StudySummary."""
    import hpo

    settings = run.config.tune
    scheduler = make_scheduler(settings, dispatch_log(run.folder))
    trials, total = size(settings)
    executor = make_executor(run, ray_address)
    refused: list[hpo.Refused] = []
    keeper = hpo.Keeper(scheduler, run.folder / "trials", settings.get("keep", KEPT))
    with (
        hpo.Journal(run.folder / "study.db") as journal,
        executor,
        progress(what, total, "epochs") as update,
    ):

        def show(event: Any, state: Any) -> None:
            if isinstance(event, hpo.Failed):
                say(f"  trial {event.trial} failed: {event.error}")
            keeper(event, state)
            summary = hpo.summarise(state)
            update(summary.epochs, _note(summary, trials, settings.max_epochs, len(refused)))

        seed = run.config.seed
        state = hpo.run_study(scheduler, executor, journal, seed, show, refused.append)
    if refused:
        say(
            f"  refused, for they could not be: {counted(len(refused), 'event')}, the first "
            f"{refused[0]}"
        )
    keeper.clear(state)  # what the workers may have written since
    say(f"  {keeper.line(state)}")
    return hpo.summarise(state)


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _note(summary: Any, trials: int, max_epochs: int, refused: int) -> str:
    over = ("completed", "stopped", "not promoted", "failed")
    ended = sum(t.status in over or t.epochs == max_epochs for t in summary.trials)
    parts = [f"trial {ended}/{trials}"]
    for status, words in (("stopped", "stopped by prediction"), ("failed", "failed")):
        if count := sum(t.status == status for t in summary.trials):
            parts.append(f"{count} {words}")
    if refused:
        parts.append(f"{counted(refused, 'event')} refused")
    if summary.best is not None:
        best = summary.trials[summary.best]
        parts.append(f"best {best.curve[-1]:.4f} at epoch {best.epochs}")
    return ", ".join(parts)


def check_address(settings: ConfigDict, ray_address: str) -> None:
    """Raises RunError, before events are simulated, where there is no use for the address."""
    if ray_address and executor_name(settings) != "ray":
        raise RunError("--ray_address: set --config.tune.executor=ray, too")


def winner(summary: Any) -> dict[str, Any]:
    """The best trial, as best.json holds it. Raises RunError where every trial failed."""
    if summary.best is None:
        errors = [t.error for t in summary.trials if t.error]
        raise RunError(f"every trial failed; the last one: {errors[-1] if errors else 'unknown'}")
    trial = summary.trials[summary.best]
    return {
        "trial": trial.number,
        "loss": trial.curve[-1],
        "epochs": trial.epochs,
        "values": dict(trial.configuration),
    }


if __name__ == "__main__":
    config, folder = program.define_config(), program.define_run()
    ray_address = flags.DEFINE_string(
        "ray_address", "", "With tune.executor = ray: auto, or HOST:PORT; else one starts here."
    )

    dry_run = plan.define()

    def main() -> None:
        if dry_run():
            plan.show(folder(), checked_study(config()), (plan.datasets, plan.tuning))
            return
        check_address(config().tune, ray_address.value)
        with working_in(folder(), with_room(checked_study(config()))) as run:
            if "data" in run.config:
                data.build(run)
            tune(run, ray_address.value)

    program.start(main)
