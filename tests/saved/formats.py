"""What three earlier states of version 0.1.0 wrote, and how: a dataset, samples, a model, a study.

python tests/saved/formats.py FOLDER     wrote formats.tar.xz, once in the tree of each of these:

before_shares   nobody knew the shares of tracks in clusters (`Samples.shares`, `.sharing`)
before_faces    nor which calorimeter face the events are of (`Samples.face`, `ModelConfig.shapes`)
before_scales   nor by what neutral particles are scaled (`ModelConfig.neutral_scale`)

Tracks of the batch end in the barrel: the end cap of CLIC was 3 mm farther out before_faces.
"""

import sys
from pathlib import Path

import jax
import numpy as np

import hpo
from datasets import samples as stored
from datasets import schema
from datasets.builders import write
from mlpf_jax.model.config import ModelConfig, TrainConfig
from mlpf_jax.model.mlpf import MLPF
from mlpf_jax.model.statistics import measure
from mlpf_jax.training import train
from mlpf_jax.training.checkpoint import save_model
from tests.datasets.builders.published_examples import random_samples

SMALL = {"width": 4, "layers_id": 1, "layers_regression": 1, "bin_size": 4, "head_width": 4}


def objective(trial):
    """A curve that every version trains alike."""
    for epoch in range(trial.first_epoch, trial.last_epoch):
        yield {"loss": trial.configuration["x"] + 1 / (1 + epoch)}


def scheduler() -> hpo.Scheduler:
    return hpo.hyperband(hpo.Space({"x": hpo.Float(0.0, 1.0)}), 4, 2)


def batch() -> tuple[np.ndarray, np.ndarray]:
    """Two tracks and two clusters, and that they are elements."""
    X = np.random.default_rng(0).uniform(0.5, 1.5, (1, 8, schema.ELEMENTS["clusters"].width))
    X[0, :, 0] = (1, 1, 2, 2, 0, 0, 0, 0)
    X[0, 4:] = 0
    X[0, :2, schema.track("omega")], X[0, :2, schema.track("tanLambda")] = 1e-4, 0.3
    return X.astype(np.float32), X[..., 0] != 0


if __name__ == "__main__":
    where = Path(sys.argv[1])
    where.mkdir(parents=True)
    samples = random_samples((3, 1, 2), 0, "clusters")
    for rows in (samples.ytarget, samples.ycand):
        rows[:, schema.target("charge")] = np.sign(rows[:, schema.target("charge")])
    stored.save(where / "samples", samples)
    write.build(where, "mine", {"train": [where / "samples"]})
    X, mask = batch()
    config = ModelConfig(**SMALL)
    state = train.create_state(jax.random.key(0), config, TrainConfig(), measure(X[mask]))
    save_model(where / "model", config, state.variables)
    prediction = jax.jit(MLPF(config).apply)(state.variables, X, mask)
    answers = {k: v for k, v in prediction._asdict().items() if isinstance(v, jax.Array)}
    np.savez(where / "answers.npz", **answers)
    with hpo.Journal(where / "study.db") as journal:
        executor = hpo.InlineExecutor(objective, 2, folder=where / "trials")
        hpo.run_study(scheduler(), executor, journal, 3)
