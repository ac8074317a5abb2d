"""Compares a run's model with the rule-based baseline, the bare calorimeter and the truth.

python -m launch.evaluate --run=runs/demo

What is measured, and how, is the protocol of `mlpf_jax.physics.evaluation`: response and width of
jets and of missing pt, efficiencies and fakes of particles, on the events of the test split.
"""

import numpy as np

from datasets.events import Samples
from datasets.storage.files import read_json, write_json
from launch.shell import data, program
from launch.shell.progress import progress, say
from launch.shell.reconstruct import reconstructor
from launch.shell.runs import Run, going_on_in, stage
from mlpf_jax.physics.evaluation import figures, measure_responses, reconstructions


def evaluate(run: Run) -> None:
    """Writes evaluation.json (figures) and evaluation.npz (responses, and the model's rows)."""
    if (run.folder / "evaluation.json").exists():
        return
    with stage(run, "evaluate"):
        samples = data.load(run, "test")
        rows = mlpf_rows(run, samples)
        responses = measure_responses(samples, reconstructions(samples, rows))
        np.savez(run.folder / "evaluation.npz", mlpf_rows=rows, **responses)
        write_json(run.folder / "evaluation.json", figures(samples, rows, responses))


def mlpf_rows(run: Run, samples: Samples) -> np.ndarray:
    """The model's particles for every element of the samples (elements, targets)."""
    reconstruct = reconstructor(run)
    with progress("reconstruct", samples.events, "events") as update:
        return reconstruct(samples, update)


if __name__ == "__main__":
    folder = program.define_run()

    def main() -> None:
        with going_on_in(folder()) as run:
            evaluate(run)
            for name, jet in read_json(run.folder / "evaluation.json")["jets"].items():
                say(f"  {name:12} jets: median {jet['median']:.3f}, width {jet['width']:.3f}")
            say(f"all figures: {run.folder / 'evaluation.json'}")

    program.start(main)
