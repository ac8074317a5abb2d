"""Models as ONNX, which onnxruntime and others run without JAX."""

from collections.abc import Mapping

import onnx
from jaxtyping import PyTree

from mlpf_jax.export.onnx.conversion import converted
from mlpf_jax.export.program import inputs, program
from mlpf_jax.model.config import ModelConfig

OUTPUT = "particles"


def exported(
    config: ModelConfig, variables: Mapping[str, PyTree], rows: int = 0, elements: int = 0
) -> onnx.ModelProto:
    """The program of a model for every number of rows and elements, or (not 0) for a certain one.

    Its inputs are called as in `program.Inputs`. Raises ValueError where the model has no rows of
    that length, or computes in another precision than float32, which not all runtimes know.
    """
    if config.precision != "float32":
        raise ValueError(
            f"ONNX: the layers of this model compute in {config.precision}, which not all runtimes "
            'know; its parameters are float32: with "precision": "float32" in its config.json it '
            "can be exported"
        )
    shapes = inputs(config, rows, elements)
    return converted(program(config, variables), shapes._asdict(), OUTPUT)


def to_bytes(
    config: ModelConfig, variables: Mapping[str, PyTree], rows: int = 0, elements: int = 0
) -> bytes:
    """The same as the content of a file."""
    return exported(config, variables, rows, elements).SerializeToString()
