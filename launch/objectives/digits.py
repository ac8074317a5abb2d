"""A convolutional network on scikit-learn's handwritten digits: 8 x 8 pixels, ten classes.

`config.digits` says how many images to train on (the others validate) and the share of training
labels that are replaced by random ones, the same in every trial: with them a training that fits
too well gets worse again, and learning curves cross. `config.model` and `config.train` are what a
study tunes. Rates are traced values, so that only width and batch size compile anew.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, PyTree
from ml_collections import ConfigDict

from hpo.core.types import Trial
from launch.objectives.resuming import play
from launch.shell.compilation import keep_compilations
from launch.shell.outcomes import with_values
from launch.shell.runs import open_run

CLASSES = 10
HIDDEN = 256
_SPLIT_SEED = 5  # which images train, and whose labels are wrong: part of the recipe


class Digits(NamedTuple):
    """Images on [0, 1]; the training labels may be wrong, those of validation are right."""

    images: Float[Array, "train 8 8 1"]
    labels: Int[Array, " train"]
    validation_images: Float[Array, "validation 8 8 1"]
    validation_labels: Int[Array, " validation"]


class Hyper(NamedTuple):
    """`config.train` without what changes shapes.

    decay             learning rate at the horizon, as a share of the first; geometric between
    weight_decay      of L2 in the gradient
    smoothing         share of a label spread over all classes
    pixel_noise       sigma added to the training pixels
    """

    learning_rate: float
    momentum: float
    decay: float
    weight_decay: float
    dropout: float
    smoothing: float
    pixel_noise: float


class Network(nn.Module):
    """Two convolutions of 3 x 3 with a pooling by 2 between them, and a hidden layer."""

    width: int

    @nn.compact
    def __call__(
        self, images: Float[Array, "batch 8 8 1"], dropout: Float[Array, ""], key: Array
    ) -> Float[Array, "batch classes"]:
        x = nn.max_pool(nn.relu(nn.Conv(self.width, (3, 3))(images)), (2, 2), (2, 2))
        x = nn.relu(nn.Conv(2 * self.width, (3, 3))(x))
        x = nn.relu(nn.Dense(HIDDEN)(x.reshape(len(x), -1)))
        kept = jax.random.bernoulli(key, 1 - dropout, x.shape)
        return nn.Dense(CLASSES)(jnp.where(kept, x / (1 - dropout), 0.0))


def make(settings: Mapping[str, Any]) -> Callable[[Trial], Iterator[Mapping[str, float]]]:
    """Called once in every worker; `settings["run"]` is the run's folder."""
    run = open_run(Path(settings["run"]))
    keep_compilations(run)
    digits = load(run.config.digits.train_images, run.config.digits.label_noise)

    def objective(trial: Trial) -> Iterator[Mapping[str, float]]:
        config = with_values(run.config, trial.configuration)
        return train(config, digits, trial)

    return objective


def load(train_images: int, label_noise: float) -> Digits:
    """The data set, split; `label_noise` of the training labels are drawn at random."""
    from sklearn.datasets import load_digits

    generator = np.random.default_rng(_SPLIT_SEED)
    found = load_digits()
    order = generator.permutation(len(found.target))
    images = (found.images[order, :, :, None] / 16).astype(np.float32)
    labels = found.target[order].astype(np.int32)
    wrong = generator.random(train_images) < label_noise
    given = np.where(wrong, generator.integers(0, CLASSES, train_images), labels[:train_images])
    return Digits(
        jnp.asarray(images[:train_images]),
        jnp.asarray(given.astype(np.int32)),
        jnp.asarray(images[train_images:]),
        jnp.asarray(labels[train_images:]),
    )


def train(config: ConfigDict, digits: Digits, trial: Trial) -> Iterator[Mapping[str, float]]:
    """One trial, epoch by epoch. Raises Diverged."""
    hyper = Hyper(**{name: jnp.float32(config.train[name]) for name in Hyper._fields})
    network, key = Network(config.model.width), jax.random.key(trial.seed)
    horizon = config.tune.max_epochs

    def advance(state: PyTree, epoch: int) -> tuple[PyTree, Any]:
        at = (jax.random.fold_in(key, epoch + 1), jnp.float32(epoch / horizon))
        return _epoch(network, config.train.batch_size, state, hyper, *at, digits)

    return play(trial, _initial(network, key, hyper), advance, horizon)


@partial(jax.jit, static_argnums=0)
def _initial(network: Network, key: Array, hyper: Hyper) -> PyTree:
    params = network.init(key, jnp.zeros((1, 8, 8, 1)), jnp.float32(0), key)
    return params, _optimiser(hyper, hyper.learning_rate).init(params)


@partial(jax.jit, static_argnums=(0, 1), donate_argnums=2)
def _epoch(
    network: Network,
    batch_size: int,
    state: PyTree,
    hyper: Hyper,
    key: Array,
    progress: Float[Array, ""],
    digits: Digits,
) -> tuple[PyTree, Float[Array, ""]]:
    """Every whole batch of the shuffled images once; the loss is of all validation images."""
    order_key, step_key = jax.random.split(key)
    steps = len(digits.labels) // batch_size
    order = jax.random.permutation(order_key, len(digits.labels))[: steps * batch_size]
    optimiser = _optimiser(hyper, hyper.learning_rate * hyper.decay**progress)

    def step(state: PyTree, rows_key: tuple[Array, Array]) -> tuple[PyTree, None]:
        params, memory = state
        rows, key = rows_key
        noise_key, dropout_key = jax.random.split(key)
        images = digits.images[rows]
        images += hyper.pixel_noise * jax.random.normal(noise_key, images.shape)
        target = optax.smooth_labels(jax.nn.one_hot(digits.labels[rows], CLASSES), hyper.smoothing)

        def loss(params: PyTree) -> Float[Array, ""]:
            logits = network.apply(params, images, hyper.dropout, dropout_key)
            return optax.softmax_cross_entropy(logits, target).mean()

        updates, memory = optimiser.update(jax.grad(loss)(params), memory, params)
        return (optax.apply_updates(params, updates), memory), None

    rows = order.reshape(steps, batch_size)
    state, _ = jax.lax.scan(step, state, (rows, jax.random.split(step_key, steps)))
    logits = network.apply(state[0], digits.validation_images, jnp.float32(0), key)
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, digits.validation_labels)
    return state, losses.mean()


def _optimiser(hyper: Hyper, learning_rate: Float[Array, ""]) -> optax.GradientTransformation:
    return optax.chain(
        optax.add_decayed_weights(hyper.weight_decay),
        optax.sgd(learning_rate, hyper.momentum),
    )
