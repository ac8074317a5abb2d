"""Trains the configuration of a run, or the winner of its tuning, and saves the model.

python -m launch.train --config=configs/demo.py --run=runs/mine --config.train.learning_rate=1e-3
"""

import json
from typing import Any

from launch import program, training
from launch.progress import progress, say
from launch.runs import Run, read_json, stage, working_in


def train(run: Run) -> None:
    """Trains until the last epoch of `config.fit`, from the last checkpoint of this run if any."""
    if (run.folder / "model" / "config.json").exists():
        return
    with stage(run, "train"):
        _train(run)


def _train(run: Run) -> None:
    from launch.compilation import keep_compilations
    from mlpf_jax import checkpoint

    keep_compilations(run)
    config = chosen(run)
    folder, total = run.folder / "checkpoints", config.fit.epochs
    done = checkpoint.latest_epoch(folder) or 0
    # The last epoch is trained again if the model was not saved after it.
    span = range(min(done, total - 1), total)
    material = training.load_material(run, config.fit)
    with progress("train", total, "epochs") as update:
        update(span.start, "compiling")
        for epoch in training.epochs(config, material, folder, span, total, config.seed):
            _record(run, {"epoch": epoch.epoch, **epoch.metrics})
            update(epoch.epoch, f"validation loss {epoch.metrics['validation_loss']:.4f}")
    checkpoint.save_model(run.folder / "model", epoch.state.config, epoch.state.variables)
    say(f"  model {run.folder / 'model'}")


def chosen(run: Run):
    """The run's configuration with the values that its tuning chose, if it was tuned."""
    best = run.folder / "best.json"
    return (
        training.with_values(run.config, read_json(best)["values"]) if best.exists() else run.config
    )


def _record(run: Run, metrics: dict[str, Any]) -> None:
    with (run.folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(metrics) + "\n")


if __name__ == "__main__":
    config, folder = program.define_config(), program.define_run()

    def main() -> None:
        from launch import data

        with working_in(folder(), config()) as run:
            data.build(run)
            train(run)

    program.start(main)
