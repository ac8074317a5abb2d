"""Training as pure functions: a state, a jitted step, and a generator of epochs.

The step is compiled once for every `ModelConfig` and batch shape. On several devices the same
step runs with the batch split over a mesh (`parallel`): losses are global sums over global counts,
so gradients are added once, and the result does not depend on the split.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Float, Int, PyTree

from datasets.schema import CLASSES, Batch
from mlpf_jax.model import initial
from mlpf_jax.model.config import ModelConfig, TrainConfig
from mlpf_jax.model.heads import Prediction, particles
from mlpf_jax.model.mlpf import MLPF
from mlpf_jax.model.statistics import Statistics
from mlpf_jax.training import averaging, freezing, losses, optimisation, parallel, pieces
from mlpf_jax.training.divergence import Behind, Diverged, first_not_finite

Metrics = dict[str, float]


@flax.struct.dataclass
class TrainState:
    """Everything of a training; saved and restored as a whole."""

    config: ModelConfig = flax.struct.field(pytree_node=False)
    params: PyTree
    constants: PyTree  # variables that are not trained: codebook, statistics
    adam: PyTree  # of whatever optimiser; saved states have the name
    hyper: optimisation.Hyper
    step: Int[Array, ""]  # updates done
    seed: Array  # key data; the key of a step is folded in from it
    average: averaging.Vector  # of the parameters: what is evaluated and saved
    rules: optimisation.Rules = flax.struct.field(pytree_node=False, default=optimisation.PLAIN)

    @property
    def variables(self) -> dict[str, PyTree]:
        """What `MLPF(config).apply` takes, and `checkpoint.save_model` stores."""
        return {"params": averaging.as_params(self.average, self.params), **self.constants}


class Epoch(NamedTuple):
    """What `fit` yields: the number of epochs done, the state after them, and the metrics."""

    epoch: int
    state: TrainState
    metrics: Metrics


def create_state(
    key: Array,
    model_config: ModelConfig,
    train_config: TrainConfig,
    statistics: Statistics,
    frozen: Sequence[str] = (),
    variables: Mapping[str, PyTree] | None = None,
    mesh: Mesh | None = None,
) -> TrainState:
    """Fresh parameters and codebook from the key; the same key gives the same state.

    `variables`, a trained model's, are where the training starts instead: statistics and codebook
    too. With a mesh arrays are made in their places. Raises `ValueError` for no `frozen` part.
    """
    make = partial(created, key, model_config, train_config, statistics, frozen, variables)
    return make() if mesh is None else parallel.born(partial(make, initial.inline), mesh)


def created(
    key, model_config, train_config, statistics, frozen=(), variables=None, init=initial.compiled
) -> TrainState:
    """The same where it is traced, with `initial.inline` for `init`."""
    init_key, seed = jax.random.split(key)
    if variables is None:
        variables = initial.fresh(model_config, init_key, statistics, init)
    constants = jax.tree.map(jnp.asarray, dict(variables))
    params = constants.pop("params")
    freezing.check(params, frozen)
    rules = optimisation.Rules(train_config.optimiser, tuple(frozen))
    return TrainState(
        config=model_config,
        params=params,
        constants=constants,
        adam=optimisation.init(params, rules),
        hyper=optimisation.hyper(train_config),
        step=jnp.zeros((), jnp.int32),
        seed=jax.random.key_data(seed),
        average=averaging.start(params),
        rules=rules,
    )


def _step(
    state: TrainState, batch: Batch, mesh: Mesh | None = None
) -> tuple[TrainState, dict[str, Array]]:
    """One update. Metrics: `loss`, the mean of each loss term, `gradient_norm`."""
    counts = _counts(state.hyper.weights, batch, mesh)
    gradient, terms = _gradient(state, batch, counts, _step_key(state), mesh)
    return _updated(state, gradient, terms, mesh)


train_step = jax.jit(_step, static_argnames="mesh")
# What `fit` runs: the new state takes the place of the old one, which is no more.
replacing_step = jax.jit(_step, static_argnames="mesh", donate_argnums=0)


def train_on(
    state: TrainState, batches: Sequence[Batch], mesh: Mesh | None = None, step=train_step
) -> tuple[TrainState, dict[str, Array]]:
    """One update from several batches, as from all of their rows in one batch.

    Sums of loss terms are divided by the counts of all batches, which are known before any
    prediction; so batches may have different shapes, and only one is worked on at a time.
    """
    if len(batches) == 1:
        return parallel.settled(step(state, batches[0], mesh), mesh)
    counts = [parallel.settled(count_step(state.hyper.weights, b, mesh), mesh) for b in batches]
    counts = {name: sum(of_batch[name] for of_batch in counts) for name in counts[0]}
    total = None
    for number, batch in enumerate(batches):
        total = add_gradient_step(state, batch, counts, jnp.asarray(number), total, mesh)
        total = parallel.settled(total, mesh)
    return update_step(state, *total, mesh)


@jax.jit(static_argnames="mesh")
def count_step(weights: losses.Weights, batch: Batch, mesh: Mesh | None = None) -> dict[str, Array]:
    """What the loss terms of a batch are divided by."""
    return _counts(weights, batch, mesh)


@jax.jit(static_argnames="mesh")
def add_gradient_step(state: TrainState, batch: Batch, counts, number, total, mesh=None):
    """(gradient, terms) of one of several batches, added to those of the batches before it."""
    own = _gradient(state, batch, counts, jax.random.fold_in(_step_key(state), number), mesh)
    return own if total is None else jax.tree.map(jnp.add, total, own)


@jax.jit(static_argnames="mesh")
def update_step(state: TrainState, gradient, terms, mesh: Mesh | None = None):
    """The end of `train_step`: what is done once, however many batches there were."""
    return _updated(state, gradient, terms, mesh)


def _step_key(state: TrainState) -> Array:
    return jax.random.fold_in(jax.random.wrap_key_data(state.seed), state.step)


def _counts(weights: losses.Weights, batch: Batch, mesh: Mesh | None) -> dict[str, Array]:
    return parallel.summed(lambda w, rows: losses.counts(rows, w), mesh, weights, batch)


def _gradient(state: TrainState, batch: Batch, counts, key, mesh: Mesh | None) -> tuple:
    """Gradient of the batch's part of the loss, and the sums of its terms."""

    def of_rows(whole, rows: Batch):
        state, counts, key = whole
        weights, cut = state.hyper.weights, pieces.split(rows)
        first = parallel.device_number(mesh) * pieces.number(cut)

        def loss_of_piece(params, piece, key):
            prediction = _apply(state, params, piece, key)
            terms = losses.terms(prediction, piece, weights)
            counted = {name: term._replace(count=counts[name]) for name, term in terms.items()}
            return losses.total(counted, weights), terms

        def gradient_of_piece(piece_and_number):
            piece, number = piece_and_number
            piece_key = jax.random.fold_in(key, first + number)
            return jax.grad(loss_of_piece, has_aux=True)(state.params, piece, piece_key)

        return pieces.sum_over(gradient_of_piece, (cut, jnp.arange(pieces.number(cut))))

    return parallel.summed(of_rows, mesh, (state, counts, key), batch)


def _updated(state: TrainState, gradient, terms, mesh) -> tuple[TrainState, dict[str, Array]]:
    whole = parallel.whole(state.params, mesh)
    params, adam, norm, evaluated = optimisation.update(
        whole, gradient, state.adam, state.hyper, state.step, state.rules
    )
    params = parallel.whole(params, mesh)
    average = averaging.update(state.average, evaluated, state.hyper.ema, state.step)
    average = freezing.keep_frozen(state.rules.frozen, params, state.average, average)
    metrics = {
        "loss": losses.total(terms, state.hyper.weights), **_means(terms), "gradient_norm": norm,
    }  # fmt: skip
    after = state.replace(params=params, adam=adam, average=average, step=state.step + 1)
    return parallel.kept(after, mesh), metrics


@jax.jit(static_argnames="mesh")
def evaluate_step(
    state: TrainState, batch: Batch, weights: losses.Weights | None = None, mesh: Mesh | None = None
) -> dict[str, losses.Term]:
    """The loss terms of a batch; add them over batches, then take means."""
    weights = state.hyper.weights if weights is None else weights

    def of_rows(whole, rows: Batch):
        state, weights = whole
        params = state.variables["params"]

        def terms(piece):
            return losses.terms(_apply(state, params, piece), piece, weights)

        return pieces.sum_over(terms, pieces.split(rows))

    return parallel.summed(of_rows, mesh, (state, weights), batch)


@jax.jit(static_argnames=("segments", "mesh"))
def predict_step(
    state: TrainState,
    X: Array,
    segment: Array,
    segments: int = 1,
    face: Array | None = None,
    mesh: Mesh | None = None,
) -> Prediction:
    """The model's prediction; `segments` is the largest number of events in a row."""
    module = MLPF(state.config, segments)

    def of_rows(state, rows):
        def predict(piece):
            X, segment, face = piece
            return module.apply(state.variables, X, segment, face=face)

        return pieces.join(jax.lax.map(predict, pieces.split(rows)))

    return parallel.mapped(of_rows, mesh, state, (X, segment, face))


def _predicted(state: TrainState, batch: Batch, mesh: Mesh | None) -> Prediction:
    """Of all rows of a batch, in every process of a group."""
    own = parallel.share(batch, mesh)
    found = predict_step(state, own.X, own.segment, own.segments, own.face, mesh)
    return jax.tree.map(lambda x: x[: len(batch.X)], parallel.fetched(found))


def reconstruct_step(
    state: TrainState, batch: Batch, mesh: Mesh | None = None
) -> Float[np.ndarray, "rows elements targets"]:
    """The particles of a batch: rows of `schema.TARGET_FEATURES`."""
    return np.asarray(particles(_predicted(state, batch, mesh), batch.X, batch.mask))


def candidates_step(
    state: TrainState, batch: Batch, mesh: Mesh | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Logits of classes, and the rows of `reconstruct_step` if every element were a particle."""
    prediction = _predicted(state, batch, mesh)
    never = jnp.zeros(len(CLASSES)).at[0].set(-1e6)
    some = prediction._replace(class_logits=prediction.class_logits + never)
    return prediction.class_logits, np.asarray(particles(some, batch.X, batch.mask))


def _apply(state, params, batch: Batch, dropout_key=None) -> Prediction:
    rngs = None if dropout_key is None else {"dropout": dropout_key}
    return MLPF(state.config, batch.segments).apply(
        {"params": params, **state.constants}, batch.X, batch.segment,
        train=dropout_key is not None, face=batch.face, rngs=rngs,
    )  # fmt: skip


def evaluate(
    state: TrainState,
    batches: Sequence[Batch],
    mesh: Mesh | None = None,
    weights: losses.Weights | None = None,
) -> Metrics:
    """`loss` and the mean of each term over all batches, each of them whole in all processes.

    By `weights` where they are given, and not those of the state's own loss: losses of trainings
    with different weights compare with each other only by the same ones.
    """
    if not batches:
        raise ValueError("no batches to evaluate on")
    weights = state.hyper.weights if weights is None else weights
    placed = (parallel.share(batch, mesh) for batch in batches)
    parts = [parallel.settled(evaluate_step(state, b, weights, mesh), mesh) for b in placed]
    terms = jax.tree.map(lambda *x: sum(x), *parts)
    means = {"loss": losses.total(terms, weights), **_means(terms)}
    return {name: float(value) for name, value in means.items()}


Watch = Callable[[int, Sequence[Batch]], None]


def fit(
    state: TrainState,
    batch_at: Callable[[int], Batch],
    steps_per_epoch: int,
    validation: Sequence[Batch],
    epochs: range,
    mesh: Mesh | None = None,
    accumulate: int = 1,
    watch: Watch | None = None,
    judge: losses.Weights | None = None,
) -> Iterator[Epoch]:
    """Trains over the epochs of the range, and yields after each of them.

    Batches are numbered through the whole training, so a run that starts at epoch 3 from the
    state of epoch 3 goes on as if it had never stopped; `accumulate` of them make one update.
    Metrics are means over the epoch's updates, the same of `validation` under `validation_...`.
    `judge` are the weights of the validation loss (`evaluate`).
    `watch` is told the number of each update that is done, and its batches. Raises `Diverged`,
    which names the update. With a mesh the state must lie on it (`create_state`), and a process of
    a group gives its own rows of each batch.
    """
    updates = updates_per_epoch(steps_per_epoch, accumulate)
    for epoch in epochs:
        behind = Behind(epoch + 1, watch)
        state = jax.tree.map(jnp.copy, state)  # the one that somebody else has stays
        for update in range(epoch * updates, (epoch + 1) * updates):
            batches = [batch_at(n) for n in batches_of(update, steps_per_epoch, accumulate)]
            placed = [parallel.place(batch, mesh) for batch in batches]
            state, metrics = train_on(state, placed, mesh, replacing_step)
            behind.add(update, metrics, batches)
        history = behind.finish()
        metrics = {name: float(np.mean([m[name] for m in history])) for name in history[0]}
        if validation:
            held_out = evaluate(state, validation, mesh, judge)
            if (name := first_not_finite(held_out)) is not None:
                raise Diverged(epoch + 1, None, f"validation {name}")
            metrics |= {f"validation_{name}": value for name, value in held_out.items()}
        yield Epoch(epoch + 1, state, metrics)


def updates_per_epoch(batches: int, accumulate: int) -> int:
    """The last update of an epoch may have fewer batches."""
    return -(-batches // accumulate)


def batches_of(update: int, batches_per_epoch: int, accumulate: int) -> range:
    """The numbers of the batches that make an update."""
    epoch, position = divmod(update, updates_per_epoch(batches_per_epoch, accumulate))
    first = epoch * batches_per_epoch + position * accumulate
    return range(first, min(first + accumulate, (epoch + 1) * batches_per_epoch))


def _means(terms: dict[str, losses.Term]) -> dict[str, Array]:
    return {name: term.mean() for name, term in terms.items()}
