"""Training as pure functions: a state, a jitted step, and a generator of epochs.

The step is compiled once for every `ModelConfig` and batch shape. On several devices the same
step runs with the batch split over a mesh (`place`): losses are global sums over global counts,
so the compiler inserts the one reduction and the result does not depend on the split.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Int, PyTree

from datasets.schema import ELEMENT_WIDTH, Batch
from mlpf_jax.model.config import ModelConfig, TrainConfig
from mlpf_jax.model.heads import Prediction
from mlpf_jax.model.mlpf import MLPF
from mlpf_jax.model.statistics import Statistics
from mlpf_jax.training import losses, optimisation, pieces

Metrics = dict[str, float]


@flax.struct.dataclass
class TrainState:
    """Everything of a training; saved and restored as a whole."""

    config: ModelConfig = flax.struct.field(pytree_node=False)
    params: PyTree
    constants: PyTree  # variables that are not trained: codebook, statistics
    adam: PyTree
    hyper: optimisation.Hyper
    step: Int[Array, ""]
    seed: Array  # key data; the key of a step is folded in from it

    @property
    def variables(self) -> dict[str, PyTree]:
        """What `MLPF(config).apply` takes, and `checkpoint.save_model` stores."""
        return {"params": self.params, **self.constants}


class Epoch(NamedTuple):
    """What `fit` yields: the number of epochs done, the state after them, and the metrics."""

    epoch: int
    state: TrainState
    metrics: Metrics


class Diverged(RuntimeError):
    """The loss is not finite any more."""

    def __init__(self, epoch: int):
        super().__init__(
            f"training diverged in epoch {epoch}: the loss is not finite. "
            "Lower the learning rate or the gradient clip."
        )
        self.epoch = epoch

    def __reduce__(self):
        return Diverged, (self.epoch,)


def create_state(
    key: Array, model_config: ModelConfig, train_config: TrainConfig, statistics: Statistics
) -> TrainState:
    """Fresh parameters and codebook from the key; the same key gives the same state."""
    init_key, seed = jax.random.split(key)
    elements = 2 * model_config.bin_size  # enough for the hash to be used
    X = jnp.zeros((1, elements, ELEMENT_WIDTH))
    variables = dict(_initialise(model_config, init_key, X, jnp.zeros((1, elements), bool)))
    params = variables.pop("params")
    expected = variables["statistics"]["inputs"]["mean"].shape
    if np.shape(statistics.mean) != expected:
        raise ValueError(f"statistics of shape {np.shape(statistics.mean)}, expected {expected}")
    variables["statistics"] = {
        "inputs": {k: jnp.asarray(v) for k, v in statistics._asdict().items()}
    }
    return TrainState(
        config=model_config,
        params=params,
        constants=variables,
        adam=optimisation.init(params),
        hyper=optimisation.hyper(train_config),
        step=jnp.zeros((), jnp.int32),
        seed=jax.random.key_data(seed),
    )


# Of code that runs once, and would take seconds to compile with all optimisations.
UNOPTIMISED = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}


@jax.jit(static_argnums=0, compiler_options=UNOPTIMISED)
def _initialise(config: ModelConfig, key, X, mask):
    # X is an argument because XLA would sort a constant while it compiles, slowly.
    return MLPF(config).init(key, X, mask)


@jax.jit
def train_step(state: TrainState, batch: Batch) -> tuple[TrainState, dict[str, Array]]:
    """One update. Metrics: `loss`, the mean of each loss term, `gradient_norm`."""
    weights = state.hyper.weights
    counts = losses.counts(batch, weights)
    step_key = jax.random.fold_in(jax.random.wrap_key_data(state.seed), state.step)
    cut = pieces.split(batch)

    def loss_of_piece(params, piece, key):
        prediction = _apply(state, params, piece, key)
        terms = losses.terms(prediction, piece, weights)
        whole = {name: term._replace(count=counts[name]) for name, term in terms.items()}
        return losses.total(whole, weights), terms

    def gradient_of_piece(piece_and_number):
        piece, number = piece_and_number
        key = jax.random.fold_in(step_key, number)
        return jax.grad(loss_of_piece, has_aux=True)(state.params, piece, key)

    gradient, terms = pieces.sum_over(gradient_of_piece, (cut, jnp.arange(pieces.number(cut))))
    params, adam, norm = optimisation.update(
        state.params, gradient, state.adam, state.hyper, state.step
    )
    metrics = {"loss": losses.total(terms, weights), **_means(terms), "gradient_norm": norm}
    return state.replace(params=params, adam=adam, step=state.step + 1), metrics


@jax.jit
def evaluate_step(state: TrainState, batch: Batch) -> dict[str, losses.Term]:
    """The loss terms of a batch; add them over batches, then take means."""

    def terms(piece):
        prediction = _apply(state, state.params, piece)
        return losses.terms(prediction, piece, state.hyper.weights)

    return pieces.sum_over(terms, pieces.split(batch))


@jax.jit(static_argnames="segments")
def predict_step(
    state: TrainState, X: Array, segment: Array, segments: int = 1, face: Array | None = None
) -> Prediction:
    """The model's prediction; `segments` is the largest number of events in a row."""
    module = MLPF(state.config, segments)

    def predict(piece):
        X, segment, face = piece
        return module.apply(state.variables, X, segment, face=face)

    return pieces.join(jax.lax.map(predict, pieces.split((X, segment, face))))


def _apply(state, params, batch: Batch, dropout_key=None) -> Prediction:
    rngs = None if dropout_key is None else {"dropout": dropout_key}
    return MLPF(state.config, batch.segments).apply(
        {"params": params, **state.constants}, batch.X, batch.segment,
        train=dropout_key is not None, face=batch.face, rngs=rngs,
    )  # fmt: skip


def evaluate(state: TrainState, batches: Sequence[Batch], mesh: Mesh | None = None) -> Metrics:
    """`loss` and the mean of each term over all batches together."""
    if not batches:
        raise ValueError("no batches to evaluate on")
    parts = [evaluate_step(state, place(batch, mesh)) for batch in batches]
    terms = jax.tree.map(lambda *x: sum(x), *parts)
    means = {"loss": losses.total(terms, state.hyper.weights), **_means(terms)}
    return {name: float(value) for name, value in means.items()}


def fit(
    state: TrainState,
    batch_at: Callable[[int], Batch],
    steps_per_epoch: int,
    validation: Sequence[Batch],
    epochs: range,
    mesh: Mesh | None = None,
) -> Iterator[Epoch]:
    """Trains over the epochs of the range, and yields after each of them.

    Batches are numbered through the whole training, so a run that starts at epoch 3 from the
    state of epoch 3 goes on as if it had never stopped. Metrics are means over the epoch's
    steps, the same of `validation` under `validation_...`. Raises `Diverged`.
    """
    for epoch in epochs:
        history = []
        for step in range(epoch * steps_per_epoch, (epoch + 1) * steps_per_epoch):
            state, metrics = train_step(state, place(batch_at(step), mesh))
            history.append(metrics)
        metrics = {name: float(np.mean([float(m[name]) for m in history])) for name in history[0]}
        if not np.isfinite(metrics["loss"]):
            raise Diverged(epoch + 1)
        if validation:
            held_out = evaluate(state, validation, mesh)
            if not np.isfinite(held_out["loss"]):
                raise Diverged(epoch + 1)
            metrics |= {f"validation_{name}": value for name, value in held_out.items()}
        yield Epoch(epoch + 1, state, metrics)


def data_mesh(devices: Sequence[jax.Device] | None = None) -> Mesh:
    """All devices along one axis, `data`."""
    devices = jax.devices() if devices is None else devices
    return jax.make_mesh((len(devices),), ("data",), axis_types=(AxisType.Auto,), devices=devices)


def place(batch: Batch, mesh: Mesh | None) -> Batch:
    """The batch split by rows over the mesh, or as it is without one."""
    if mesh is None:
        return batch
    if len(batch.X) % mesh.size:
        raise ValueError(
            f"a batch of {len(batch.X)} rows cannot be split over {mesh.size} devices; "
            "make the batch size a multiple of the number of devices"
        )
    return jax.device_put(batch, NamedSharding(mesh, PartitionSpec("data")))


def replicate(state: TrainState, mesh: Mesh) -> TrainState:
    """The state on every device of the mesh."""
    return jax.device_put(state, NamedSharding(mesh, PartitionSpec()))


def _means(terms: dict[str, losses.Term]) -> dict[str, Array]:
    return {name: term.mean() for name, term in terms.items()}
