"""A trained model applied to padded batches."""

from collections.abc import Callable, Mapping
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PyTree

from datasets.schema import Batch
from mlpf_jax.model.config import ModelConfig
from mlpf_jax.model.heads import particles
from mlpf_jax.model.mlpf import MLPF

Reconstructor = Callable[[Batch], Float[np.ndarray, "rows elements targets"]]


def reconstructor(
    config: ModelConfig, variables: Mapping[str, PyTree], spreads: bool = False
) -> Reconstructor:
    """What makes particles of a batch: rows of `schema.TARGET_FEATURES`, zero where there is none.

    With `spreads` two more columns follow, the standard deviations of log(pt) and log(energy); the
    model must predict them (`ModelConfig.spread`). It is compiled once for each shape of batches.
    Inputs must be finite (`statistics.check_elements`).
    """

    @partial(jax.jit, static_argnums=4)
    def apply(variables, X, segment, face, segments):
        prediction = MLPF(config, segments).apply(variables, X, segment, face=face)
        rows = particles(prediction, X, segment > 0)
        if not spreads:
            return rows
        logs = jnp.stack([prediction.log_pt_spread, prediction.log_energy_spread], -1)
        return jnp.concatenate([rows, jnp.exp(logs)], -1)

    def reconstruct(batch):
        inputs = batch.X, batch.segment, batch.face, batch.segments
        return np.asarray(apply(variables, *inputs))

    return reconstruct
