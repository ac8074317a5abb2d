"""A trained model as one function of arrays: what an exported file computes.

One event a row, particles out; statistics, codebooks and the calibration are within.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import export
from jaxtyping import Array, Bool, Float, PyTree

from datasets import schema
from mlpf_jax.layers.segments import MOST_PLACES
from mlpf_jax.model.config import ModelConfig
from mlpf_jax.model.reconstruct import particle_rows

PARTICLE = ("PDG", "charge", "pt", "eta", "sin_phi", "cos_phi", "energy")
"""Columns of `schema.TARGET_FEATURES` that a model has values for."""
SPREADS = ("pt_spread", "energy_spread")
"""Standard deviations of log(pt) and log(energy), of models that predict them."""
MOST = 1 << 20  # elements of an event, where the model itself has no limit


class Inputs(NamedTuple):
    """What an exported program takes."""

    X: Float[Array, "rows elements features"]  # as in a dataset; GeV, mm
    mask: Bool[Array, "rows elements"]  # real elements; the others are padding
    face: Float[Array, "rows 2"]  # `schema.Face` of each row's detector; mm


Program = Callable[
    [Float[Array, "rows elements features"], Bool[Array, "rows elements"], Float[Array, "rows 2"]],
    Float[Array, "rows elements columns"],
]


def program(config: ModelConfig, variables: Mapping[str, PyTree]) -> Program:
    """The particle of every element, in `columns`; zero where there is none.

    The first column is the number of the class in `schema.CLASSES`. pt and energy are in GeV.
    """
    chosen = [schema.target(name) for name in PARTICLE]
    chosen += [schema.TARGET_WIDTH + i for i in range(len(columns(config)) - len(PARTICLE))]

    def particles(X, mask, face):
        rows = particle_rows(config, 1, config.spread, variables, (X, mask, face))
        return jnp.stack([rows[..., column] for column in chosen], -1)

    return particles


def columns(config: ModelConfig) -> tuple[str, ...]:
    """Names of what a program says of every element."""
    return ("class", *PARTICLE[1:], *(SPREADS if config.spread else ()))


def most_elements(config: ModelConfig) -> int:
    """The longest row that a program may be given: what is hashed needs a codebook as large."""
    hashed = config.backbone in ("gnn_lsh", "attention") and config.binning in ("learned", "face")
    longest = MOST_PLACES // 2
    return min(config.bin_size * config.max_bins, longest) if hashed else min(MOST, longest)


def inputs(config: ModelConfig, rows: int = 0, elements: int = 0) -> Inputs:
    """Shapes of what a program takes; 0: any number.

    Raises ValueError where a number is negative, or a row longer than the model allows.
    """
    most = most_elements(config)
    if rows < 0 or not 0 <= elements <= most:
        raise ValueError(
            f"an export for {rows} rows of {elements} elements is asked for; this model takes rows "
            f"of 1 to {most} elements, and 0 stands for any number"
        )
    limits = () if elements else (f"elements <= {most}",)
    b, n = export.symbolic_shape(f"{rows or 'rows'}, {elements or 'elements'}", constraints=limits)
    width = schema.ELEMENTS[config.elements].width
    return Inputs(
        jax.ShapeDtypeStruct((b, n, width), jnp.float32),
        jax.ShapeDtypeStruct((b, n), jnp.bool_),
        jax.ShapeDtypeStruct((b, 2), jnp.float32),
    )
