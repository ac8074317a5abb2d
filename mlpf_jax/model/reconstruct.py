"""A trained model applied to padded batches."""

from collections.abc import Callable, Mapping
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from datasets.schema import Batch
from mlpf_jax.model.config import ModelConfig
from mlpf_jax.model.heads import particles
from mlpf_jax.model.mlpf import MLPF

Reconstructor = Callable[[Batch], Float[np.ndarray, "rows elements targets"]]
# How a function of (whole, rows) is applied, whose values belong to the rows.
ByRows = Callable[[Callable[[PyTree, PyTree], PyTree], PyTree, PyTree], PyTree]


def _at_once(function: Callable, whole: PyTree, rows: PyTree) -> PyTree:
    return function(whole, rows)


def particle_rows(
    config: ModelConfig, segments: int, spreads: bool, variables: Mapping[str, PyTree], rows: PyTree
) -> Float[Array, "rows elements targets"]:
    """What a model makes of (X, segment, face), as `reconstructor` describes it."""
    X, segment, face = rows
    prediction = MLPF(config, segments).apply(variables, X, segment, face=face)
    found = particles(prediction, X, segment > 0)
    if not spreads:
        return found
    logs = jnp.stack([prediction.log_pt_spread, prediction.log_energy_spread], -1)
    return jnp.concatenate([found, jnp.exp(logs)], -1)


def reconstructor(
    config: ModelConfig,
    variables: Mapping[str, PyTree],
    spreads: bool = False,
    by_rows: ByRows = _at_once,
) -> Reconstructor:
    """What makes particles of a batch: rows of `schema.TARGET_FEATURES`, zero where there is none.

    With `spreads` two more columns follow, the standard deviations of log(pt) and log(energy); the
    model must predict them (`ModelConfig.spread`). It is compiled once for each shape of batches.
    Inputs must be finite (`statistics.check_elements`). `by_rows` may divide the rows among
    devices, on which the batches lie then.
    """

    @partial(jax.jit, static_argnums=0)
    def apply(segments, variables, rows):
        return by_rows(partial(particle_rows, config, segments, spreads), variables, rows)

    def reconstruct(batch):
        return np.asarray(apply(batch.segments, variables, (batch.X, batch.segment, batch.face)))

    return reconstruct
