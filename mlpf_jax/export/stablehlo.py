"""Models as StableHLO: serialized by `jax.export`, run by JAX without this project."""

from collections.abc import Mapping

import jax
from jax import export
from jaxtyping import PyTree

from mlpf_install import extras
from mlpf_jax.export.program import inputs, program
from mlpf_jax.model.config import ModelConfig

PLATFORMS = ("cpu", "cuda", "rocm", "tpu")


def exported(
    config: ModelConfig, variables: Mapping[str, PyTree], rows: int = 0, elements: int = 0
) -> export.Exported:
    """The program of a model for every number of rows and elements, or (not 0) for a certain one.

    Of short rows one of a certain length is faster: that it is short need not be assumed.
    Raises ValueError where the model has no rows of that length.
    """
    shapes = inputs(config, rows, elements)
    return export.export(jax.jit(program(config, variables)), platforms=PLATFORMS)(*shapes)


def to_bytes(
    config: ModelConfig, variables: Mapping[str, PyTree], rows: int = 0, elements: int = 0
) -> bytes:
    """The same as bytes, which `jax.export.deserialize` opens. Raises ImportError, too, where the
    extra `deploy` is missing."""
    extras.require("deploy", "exporting StableHLO", "flatbuffers")
    return bytes(exported(config, variables, rows, elements).serialize())
