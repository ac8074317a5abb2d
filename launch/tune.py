"""Searches hyperparameters: trials are real trainings in worker processes.

python -m launch.tune --config=configs/demo.py --run=runs/mine --config.tune.predictor=svr
"""

from typing import Any

from ml_collections import ConfigDict

from launch import data, program
from launch.progress import progress, say
from launch.runs import Run, RunError, stage, working_in, write_json

METRIC = "validation_loss"
PARAMETERS = ("float", "log_float", "int", "categorical")


def tune(run: Run) -> None:
    """Plays the study to its end, from where its log stops, and writes the winner to best.json."""
    if (run.folder / "best.json").exists():
        return
    with stage(run, "tune"):
        best = _study(run)
        write_json(run.folder / "best.json", best)
    values = ", ".join(f"{name} {value:.3g}" for name, value in best["values"].items())
    say(f"  best: trial {best['trial']} with {METRIC} {best['loss']:.4f}: {values}")


def _study(run: Run) -> dict[str, Any]:
    import hpo

    settings = run.config.tune
    scheduler = make_scheduler(settings)
    total = hpo.hyperband_epochs(settings.max_epochs, settings.eta)
    trials = hpo.hyperband_trials(settings.max_epochs, settings.eta)
    # One thread each: trials side by side use the cores better than one trial's threads.
    one_thread = {"NPROC": "1", "OMP_NUM_THREADS": "1", "JAX_PLATFORMS": "cpu"}
    executor = hpo.ProcessExecutor(
        "launch.objective:make",
        {"run": str(run.folder.resolve())},
        run.folder / "trials",
        settings.workers,
        seed=run.config.seed,
        environments=[one_thread] * settings.workers,
    )
    with (
        hpo.Journal(run.folder / "study.db") as journal,
        executor,
        progress("tune", total, "epochs") as update,
    ):

        def show(event: Any, state: Any) -> None:
            if isinstance(event, hpo.Failed):
                say(f"  trial {event.trial} failed: {event.error}")
            summary = hpo.summarise(state)
            update(summary.epochs, _note(summary, trials))

        state = hpo.run_study(scheduler, executor, journal, run.config.seed, show)
    return _best(hpo.summarise(state))


def make_scheduler(settings: ConfigDict) -> Any:
    """The scheduler that `config.tune` describes. Raises RunError where it cannot be made."""
    import hpo

    space = make_space(settings.space)
    common = {"max_epochs": settings.max_epochs, "eta": settings.eta, "metric": METRIC}
    if settings.scheduler == "hyperband":
        return hpo.hyperband(space, **common)
    if settings.scheduler == "swift_hyperband":
        return hpo.swift_hyperband(
            space,
            **common,
            predictor=make_predictor(settings),
            min_curves=settings.min_curves,
            full_share=settings.full_share,
            decision_point=settings.decision_point,
            quantile=settings.quantile,
        )
    raise RunError(f"tune.scheduler {settings.scheduler!r} is not hyperband or swift_hyperband")


def make_predictor(settings: ConfigDict) -> Any:
    """The predictor of learning curves that `config.tune` names."""
    from hpo import predictors

    if settings.predictor == "qsvr":
        return predictors.qsvr(**settings.qsvr.to_dict())
    if settings.predictor not in ("svr", "persistence"):
        raise RunError(f"tune.predictor {settings.predictor!r} is not qsvr, svr or persistence")
    return getattr(predictors, settings.predictor)()


def make_space(rows: tuple[tuple, ...]) -> Any:
    """A search space from (path, kind, *values) rows."""
    import hpo

    kinds = dict(zip(PARAMETERS, (hpo.Float, hpo.LogFloat, hpo.Int, hpo.Categorical), strict=True))
    for path, kind, *_ in rows:
        if kind not in kinds:
            raise RunError(f"{path}: {kind!r} is no kind of parameter ({', '.join(PARAMETERS)})")
    return hpo.Space({path: kinds[kind](*values) for path, kind, *values in rows})


def _note(summary: Any, trials: int) -> str:
    ended = [t for t in summary.trials if t.status in ("completed", "stopped", "not promoted")]
    stopped = sum(t.status == "stopped" for t in summary.trials)
    best = "" if summary.best is None else f", best {summary.trials[summary.best].curve[-1]:.4f}"
    return f"trial {len(ended)}/{trials}, {stopped} stopped by prediction{best}"


def _best(summary: Any) -> dict[str, Any]:
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

    def main() -> None:
        with working_in(folder(), config()) as run:
            data.build(run)
            tune(run)

    program.start(main)
