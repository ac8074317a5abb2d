"""scikit-learn's `SGDClassifier` on its handwritten digits: a linear model, one epoch a call.

`config.digits.train_images` train and the others validate; `config.train` is what a study tunes,
by the names of `SGDClassifier`. The loss is in nats an image, of the probabilities of ten
one-against-all classifiers, normalised.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from ml_collections import ConfigDict

from hpo.core.types import Trial
from launch.objectives.resuming import play
from launch.shell.outcomes import with_values
from launch.shell.runs import open_run

CLASSES = 10
_SPLIT_SEED = 5  # which images train: part of the recipe


class Digits(NamedTuple):
    """Pixels on [0, 1]."""

    images: Float[np.ndarray, "train pixels"]
    labels: Int[np.ndarray, " train"]
    validation_images: Float[np.ndarray, "validation pixels"]
    validation_labels: Int[np.ndarray, " validation"]


class Weights(NamedTuple):
    """All that an epoch leaves to the next; `steps` since the beginning, for falling rates."""

    coefficients: Float[np.ndarray, "classes pixels"]
    intercepts: Float[np.ndarray, " classes"]
    steps: Float[np.ndarray, ""]


def make(settings: Mapping[str, Any]) -> Callable[[Trial], Iterator[Mapping[str, float]]]:
    """Called once in every worker; `settings["run"]` is the run's folder."""
    run = open_run(Path(settings["run"]))
    digits = load(run.config.digits.train_images)

    def objective(trial: Trial) -> Iterator[Mapping[str, float]]:
        return train(with_values(run.config, trial.configuration), digits, trial)

    return objective


def load(train_images: int) -> Digits:
    """The data set, split."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(_SPLIT_SEED).permutation(len(labels))
    images, labels = images[order] / 16, labels[order]
    return Digits(
        images[:train_images], labels[:train_images], images[train_images:], labels[train_images:]
    )


def train(config: ConfigDict, digits: Digits, trial: Trial) -> Iterator[Mapping[str, float]]:
    """One trial, epoch by epoch: once through the images, in an order of the epoch's own. Raises
    Diverged."""
    pixels = digits.images.shape[1]
    start = Weights(np.zeros((CLASSES, pixels)), np.zeros(CLASSES), np.ones(()))

    def advance(weights: Weights, epoch: int) -> tuple[Weights, float]:
        return _epoch(config, digits, weights, np.random.default_rng((trial.seed, epoch)))

    return play(trial, start, advance, config.tune.max_epochs)


def _epoch(
    config: ConfigDict, digits: Digits, weights: Weights, generator: np.random.Generator
) -> tuple[Weights, float]:
    from sklearn.linear_model import SGDClassifier

    model = SGDClassifier(
        loss="log_loss", random_state=int(generator.integers(2**31)), **config.train.to_dict()
    )
    model.coef_, model.intercept_, model.t_ = (np.array(each) for each in weights)
    order = generator.permutation(len(digits.labels))
    model.partial_fit(digits.images[order], digits.labels[order], classes=np.arange(CLASSES))
    after = Weights(model.coef_, model.intercept_, np.asarray(model.t_, float))
    return after, validation_loss(model.decision_function(digits.validation_images), digits)


def validation_loss(scores: Float[np.ndarray, "validation classes"], digits: Digits) -> float:
    """Nats an image; a class of score s has a probability in proportion to 1 / (1 + exp(-s))."""
    logarithms = -np.logaddexp(0, -scores)
    logarithms -= np.logaddexp.reduce(logarithms, 1, keepdims=True)
    return -float(np.take_along_axis(logarithms, digits.validation_labels[:, None], 1).mean())
