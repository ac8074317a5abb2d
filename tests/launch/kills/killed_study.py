"""A study of small trainings that a test may kill: handwritten digits, by softmax regression.

A configuration (`get_config`) and its objective (`make`); with config.tune.objective =
launch.objectives.digits:make, the trials are the convolutional networks of configs/curves_cnn5.py.
"""

import os
import time

import numpy as np

CLASSES, BATCH = 10, 100
EPOCH_S = "EPOCH_S"  # the environment variable that says how long an epoch takes at least, in s


def get_config():
    from configs import curves_cnn5

    config = curves_cnn5.get_config()
    config.tune.objective = "killed_study:make"
    config.tune.scheduler = "hyperband"
    config.tune.max_epochs, config.tune.eta = 9, 3
    config.tune.space = (
        ("train.learning_rate", "log_float", 3e-3, 1.0),
        ("train.momentum", "float", 0.0, 0.95),
    )
    return config


def make(settings):
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    images, wanted = images / 16, np.eye(CLASSES)[labels]

    def objective(trial):
        """Goes on from its checkpoint, which is written before an epoch is told."""
        state = np.zeros((2, images.shape[1], CLASSES))  # weights and their velocity
        if trial.first_epoch:
            state = np.load(trial.folder / f"{trial.first_epoch}.npy")
        rate, momentum = (trial.configuration[f"train.{n}"] for n in ("learning_rate", "momentum"))
        for epoch in range(trial.first_epoch + 1, trial.last_epoch + 1):
            time.sleep(float(os.environ.get(EPOCH_S, "0.05")))
            order = np.random.default_rng([trial.seed, epoch]).permutation(len(images))
            for rows in order[: len(order) // BATCH * BATCH].reshape(-1, BATCH):
                wrong = _chances(images[rows] @ state[0]) - wanted[rows]
                state[1] = momentum * state[1] - rate * images[rows].T @ wrong / BATCH
                state[0] += state[1]
            part = trial.folder / "part.npy"
            np.save(part, state)
            part.rename(trial.folder / f"{epoch}.npy")
            right = (_chances(images @ state[0]) * wanted).sum(1)
            yield {"validation_loss": float(-np.log(right + 1e-9).mean())}

    return objective


def _chances(logits):
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)
