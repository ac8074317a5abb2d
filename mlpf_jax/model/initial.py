"""Variables of a model before any training."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from datasets.schema import ELEMENTS
from mlpf_jax.model.config import ModelConfig
from mlpf_jax.model.mlpf import MLPF
from mlpf_jax.model.statistics import Statistics

# Of code that runs once, and would take seconds to compile with all optimisations.
UNOPTIMISED = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}


def inline(config: ModelConfig, key: Array, X: Array, mask: Array) -> PyTree:
    """All variables, as a part of a larger program."""
    return MLPF(config).init(key, X, mask)


# X is an argument because XLA would sort a constant while it compiles, slowly.
compiled = jax.jit(inline, static_argnums=0, compiler_options=UNOPTIMISED)


def fresh(
    config: ModelConfig,
    key: Array,
    statistics: Statistics,
    init: Callable[..., Any] = compiled,
) -> dict[str, PyTree]:
    """Parameters and codebook from the key, with the statistics of inputs as they were measured.

    Raises ValueError where these are of another form of elements.
    """
    elements = 2 * config.bin_size  # enough for the hash to be used
    X = jnp.zeros((1, elements, ELEMENTS[config.elements].width))
    variables = dict(init(config, key, X, jnp.zeros((1, elements), bool)))
    expected = variables["statistics"]["inputs"]["mean"].shape
    if np.shape(statistics.mean) != expected:
        raise ValueError(f"statistics of shape {np.shape(statistics.mean)}, expected {expected}")
    variables["statistics"] = {"inputs": statistics._asdict()}
    return variables
