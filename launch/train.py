"""Trains the configuration of a run, or the winner of its tuning, and saves the model.

python -m launch.train --config=configs/demo.py --run=runs/mine --config.train.learning_rate=1e-3

The model is that of the best epoch, by `config.fit.select`; `config.fit.patience` epochs without a
better one end the training. All that it can be asked is in docs/training.md.
"""

from dataclasses import replace
from typing import Any

from datasets.storage.files import write_json
from launch.objectives import selection, training
from launch.planning import plan
from launch.shell import data, group, outcomes, program
from launch.shell.checks import checked
from launch.shell.fitting import Fitting, fitting_of, start_folder
from launch.shell.progress import phrase, progress, say
from launch.shell.runs import Run, stage
from mlpf_install.wording import counted


def train(run: Run) -> None:
    """Trains until the last epoch of `config.fit`, or until it gets no better, from the last
    checkpoint of this run if any."""
    if (run.folder / "model" / "config.json").exists():
        say(f"  trained already: {run.folder / 'model'}")
        return
    with stage(run, "train"):
        _train(run)


def _train(run: Run) -> None:
    from launch.shell.compilation import keep_compilations
    from mlpf_jax.training import checkpoint, parallel

    keep_compilations(run)
    config, mesh = outcomes.chosen(run), mesh_of(run)
    parallel.connect(mesh)
    folder, total, fitting = run.folder / "checkpoints", config.fit.epochs, fitting_of(config.fit)
    material = training.load_material(run, config.fit, config.model, mesh)
    # An epoch that was saved but not recorded is trained again.
    known = outcomes.records(run)
    done = min(checkpoint.latest_epoch(folder) or 0, max(known, default=0))
    scores = {e: selection.score(r, fitting.select) for e, r in known.items() if e <= done}
    state = training.first_state(config, material, total, config.seed, fitting)
    if done < total and not selection.ended(scores, fitting.patience):
        _train_on(run, config, material, fitting, scores, done, state)
    best = _best(scores, checkpoint.saved_epochs(folder))
    state = checkpoint.restore_state(folder, state, best)
    model, model_config = run.folder / "model", state.config
    if fitting.calibrate:
        model_config = _calibrated(state, material)
    variables = parallel.fetched(state.variables)
    outcomes.choose(run, best)
    if run.first:
        checkpoint.save_model(model, model_config, variables)
        write_json(model / "training.json", _seeds(run, fitting))
    say(f"  model {run.folder / 'model'}: of epoch {best} of {max(scores)}")


def mesh_of(run: Run) -> Any:
    """The devices that `config.mesh` asks for; None: one. Raises ValueError where there are not so
    many."""
    from mlpf_jax.training import parallel

    return parallel.mesh_of(run.config.get("mesh", {}))


def _train_on(
    run: Run,
    config: Any,
    material: Any,
    fitting: Fitting,
    scores: dict[int, float],
    done: int,
    start: Any,
) -> None:
    """The epochs after `done` from the state `start` of epoch 0; adds their scores, and keeps the
    states of the best and the last."""
    from mlpf_jax.training import checkpoint

    folder, total = run.folder / "checkpoints", config.fit.epochs
    measure = None
    if fitting.select == "jets":
        measure = selection.jets_measure(material.held_out, material.validation, material.mesh)
    with progress("train", total, "epochs") as update:
        update(done, "compiling")
        meter = training.meter(start, material, total, fitting)

        def watch(number: int, batches: Any) -> None:
            meter(number, batches)
            update(round(meter.done / meter.updates * total, 2), meter.note())

        kept = (selection.best(scores),) if scores else ()
        extras = training.Extras(fitting, kept, run.folder / "diverged.npz", watch, start)
        span = range(done, total)
        epochs = training.epochs(
            config, material, folder, span, total, config.seed, extras, judge=run.config
        )
        for epoch in epochs:
            speed = meter.note()
            record = {"epoch": epoch.epoch, **epoch.metrics}
            record |= {"jets": measure(epoch.state)} if measure else {}
            outcomes.record(run, record)
            scores[epoch.epoch] = selection.score(record, fitting.select)
            best = selection.best(scores)
            checkpoint.forget_others(folder, best, epoch.epoch - 1, epoch.epoch)
            loss = f"validation loss {record['validation_loss']:.4f}"
            update(epoch.epoch, phrase(loss, f"best in epoch {best}", speed))
            meter.rest()
            if selection.ended(scores, fitting.patience):
                break
    if epoch.epoch < total:
        say(
            f"  ended after {counted(epoch.epoch, 'epoch')}: none of the last {fitting.patience} "
            "was better"
        )


def _seeds(run: Run, fitting: Fitting) -> dict[str, list[int]]:
    """Of the events that the model has learned from, those of the model it started from too."""
    from mlpf_jax.training import shipped

    own = data.seeds_learned_from(run)
    before = shipped.training_seeds(start_folder(fitting.start)) if fitting.start else {}
    return {
        process: sorted({*before.get(process, ()), *own.get(process, ())})
        for process in {**before, **own}
    }


def _calibrated(state: Any, material: Any) -> Any:
    """The model's configuration with the calibration that validation jets want."""
    from mlpf_jax.physics.calibration import LARGEST, Calibration, calibrate

    events = material.held_out
    state = state.replace(config=replace(state.config, **Calibration()._asdict()))
    batches, mesh = material.validation, material.mesh
    found = calibrate(events, selection.candidates_of(state, events, batches, mesh))
    if found is None:
        say(
            f"  not calibrated: no factor of neutral particles up to {LARGEST} makes the jets right"
        )
        return state.config
    say(
        f"  calibrated by jets: logits of neutral hadrons {found.hadron_bias:+.2f}, of photons "
        f"{found.photon_bias:+.2f}, neutral momenta times {found.neutral_scale:.4f}"
    )
    return replace(state.config, **found._asdict())


def _best(scores: dict[int, float], saved: set[int]) -> int:
    """The best epoch of those whose state there is."""
    best = selection.best(scores)
    if best in saved:
        return best
    found = selection.best({epoch: value for epoch, value in scores.items() if epoch in saved})
    say(f"  epoch {best} was the best, but its state is not there: taking {found}")
    return found


if __name__ == "__main__":
    config, folder, joined = program.define_config(), program.define_run(), group.define()
    dry_run = plan.define()

    def main() -> None:
        if dry_run():
            plan.show(folder(), checked(config()), (plan.datasets, plan.training))
            return
        with joined(), group.working_in(folder(), checked(config())) as run:
            group.by_first(run, data.build)
            train(run)

    program.start(main)
