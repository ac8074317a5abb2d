"""Trains the configuration of a run, or the winner of its tuning, and saves the model.

python -m launch.train --config=configs/demo.py --run=runs/mine --config.train.learning_rate=1e-3
"""

from launch.objectives import training
from launch.shell import outcomes, program
from launch.shell.checks import checked
from launch.shell.progress import progress, say
from launch.shell.runs import Run, stage, working_in


def train(run: Run) -> None:
    """Trains until the last epoch of `config.fit`, from the last checkpoint of this run if any."""
    if (run.folder / "model" / "config.json").exists():
        say(f"  trained already: {run.folder / 'model'}")
        return
    with stage(run, "train"):
        _train(run)


def _train(run: Run) -> None:
    from launch.shell.compilation import keep_compilations
    from mlpf_jax.training import checkpoint

    keep_compilations(run)
    config = outcomes.chosen(run)
    folder, total = run.folder / "checkpoints", config.fit.epochs
    # An epoch that was saved but not recorded is trained again, and so is the last one, if the
    # model was not saved after it.
    done = min(checkpoint.latest_epoch(folder) or 0, max(outcomes.records(run), default=0))
    span = range(min(done, total - 1), total)
    material = training.load_material(run, config.fit, config.model)
    with progress("train", total, "epochs") as update:
        update(span.start, "compiling")
        for epoch in training.epochs(config, material, folder, span, total, config.seed):
            outcomes.record(run, {"epoch": epoch.epoch, **epoch.metrics})
            update(epoch.epoch, f"validation loss {epoch.metrics['validation_loss']:.4f}")
    checkpoint.save_model(run.folder / "model", epoch.state.config, epoch.state.variables)
    say(f"  model {run.folder / 'model'}")


if __name__ == "__main__":
    config, folder = program.define_config(), program.define_run()

    def main() -> None:
        from launch.shell import data

        with working_in(folder(), checked(config())) as run:
            data.build(run)
            train(run)

    program.start(main)
