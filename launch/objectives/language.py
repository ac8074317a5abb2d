"""A character-level language model, an LSTM, on the text of Python's own help topics.

The text is `pydoc_data.topics`, which every Python has; its characters differ a little from one
version of Python to the next. `config.text` says how much of it trains and validates, and how
many updates make an epoch; `config.model` and `config.train` are what a study tunes. Learning
rate and dropout are traced values: one compilation serves all trials of a width.
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

CHARACTERS = 96  # those of printable ASCII and the newline; others are counted as the last of them


class Text(NamedTuple):
    """Characters as numbers."""

    train: Int[Array, " characters"]
    validation: Int[Array, "windows length"]


class Shape(NamedTuple):
    """What a compilation is of: characters in a row, rows in a batch, updates in an epoch."""

    length: int
    batch_size: int
    updates: int


class Hyper(NamedTuple):
    """`config.train` without what changes shapes; dropout is on the LSTM's input and output."""

    learning_rate: float
    dropout: float


class Model(nn.Module):
    """Embedding, one LSTM layer, scores of the next character."""

    width: int

    @nn.compact
    def __call__(
        self, characters: Int[Array, "batch length"], dropout: Float[Array, ""], key: Array
    ) -> Float[Array, "batch length characters"]:
        first, second = jax.random.split(key)
        x = _dropped(nn.Embed(CHARACTERS, self.width // 2)(characters), dropout, first)
        x = nn.RNN(nn.OptimizedLSTMCell(self.width))(x)
        return nn.Dense(CHARACTERS)(_dropped(x, dropout, second))


def make(settings: Mapping[str, Any]) -> Callable[[Trial], Iterator[Mapping[str, float]]]:
    """Called once in every worker; `settings["run"]` is the run's folder."""
    run = open_run(Path(settings["run"]))
    keep_compilations(run)
    text = load(run.config.text)

    def objective(trial: Trial) -> Iterator[Mapping[str, float]]:
        config = with_values(run.config, trial.configuration)
        return train(config, text, trial)

    return objective


def load(settings: ConfigDict) -> Text:
    """The first characters train, the last validate. Raises ValueError where they overlap."""
    from pydoc_data.topics import topics

    codes = np.frombuffer("\n".join(topics[name] for name in sorted(topics)).encode(), np.uint8)
    numbers = np.where(codes == ord("\n"), 0, np.clip(codes.astype(np.int32) - 31, 1, None))
    numbers = np.minimum(numbers, CHARACTERS - 1).astype(np.int32)
    length = settings.length + 1
    held_out = settings.validation_windows * length
    if settings.train_characters + held_out > len(numbers):
        raise ValueError(
            f"text: {settings.train_characters} characters to train and {held_out} to validate are "
            f"more than the {len(numbers)} there are"
        )
    return Text(
        jnp.asarray(numbers[: settings.train_characters]),
        jnp.asarray(numbers[-held_out:].reshape(-1, length)),
    )


def train(config: ConfigDict, text: Text, trial: Trial) -> Iterator[Mapping[str, float]]:
    """One trial, epoch by epoch. Raises Diverged."""
    hyper = Hyper(**{name: jnp.float32(config.train[name]) for name in Hyper._fields})
    shape = Shape(config.text.length, config.text.batch_size, config.text.updates)
    model, key = Model(config.model.width), jax.random.key(trial.seed)

    def advance(state: PyTree, epoch: int) -> tuple[PyTree, Any]:
        return _epoch(model, shape, state, hyper, jax.random.fold_in(key, epoch + 1), text)

    return play(trial, _initial(model, key, hyper), advance, config.tune.max_epochs)


@partial(jax.jit, static_argnums=0)
def _initial(model: Model, key: Array, hyper: Hyper) -> PyTree:
    params = model.init(key, jnp.zeros((1, 2), jnp.int32), jnp.float32(0), key)
    return params, optax.adam(hyper.learning_rate).init(params)


@partial(jax.jit, static_argnums=(0, 1), donate_argnums=2)
def _epoch(
    model: Model, shape: Shape, state: PyTree, hyper: Hyper, key: Array, text: Text
) -> tuple[PyTree, Float[Array, ""]]:
    """`updates` batches of windows from anywhere in the text; the loss is of all validation
    windows, in nats a character."""
    optimiser = optax.adam(hyper.learning_rate)

    def step(state: PyTree, key: Array) -> tuple[PyTree, None]:
        params, memory = state
        where_key, dropout_key = jax.random.split(key)
        last = len(text.train) - shape.length
        starts = jax.random.randint(where_key, (shape.batch_size, 1), 0, last)
        windows = text.train[starts + jnp.arange(shape.length + 1)]

        def loss(params: PyTree) -> Float[Array, ""]:
            return _loss(model, params, windows, hyper.dropout, dropout_key)

        updates, memory = optimiser.update(jax.grad(loss)(params), memory, params)
        return (optax.apply_updates(params, updates), memory), None

    state, _ = jax.lax.scan(step, state, jax.random.split(key, shape.updates))
    return state, _loss(model, state[0], text.validation, jnp.float32(0), key)


def _loss(
    model: Model, params: PyTree, windows: Array, dropout: Array, key: Array
) -> Float[Array, ""]:
    scores = model.apply(params, windows[:, :-1], dropout, key)
    return optax.softmax_cross_entropy_with_integer_labels(scores, windows[:, 1:]).mean()


def _dropped(x: Array, dropout: Float[Array, ""], key: Array) -> Array:
    return jnp.where(jax.random.bernoulli(key, 1 - dropout, x.shape), x / (1 - dropout), 0.0)
