"""What an exported file is, in plain values: what its reader must know and cannot see in it."""

import importlib.metadata
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from hashlib import sha256
from typing import Any

import jax

from datasets import schema
from mlpf_jax.export.program import Inputs, columns, most_elements
from mlpf_jax.model.config import ModelConfig

FORMAT = 1


def describe(
    name: str,
    config: ModelConfig,
    shapes: Inputs,
    program: bytes,
    faces: Mapping[str, schema.Face],
) -> dict[str, Any]:
    """Inputs and outputs with their columns, units, classes, detectors, configuration, versions."""
    form = schema.ELEMENTS[config.elements]

    def described(names: tuple[str, ...]) -> list[dict[str, str]]:
        return [{"name": each, "unit": schema.UNITS.get(each, "")} for each in names]

    return {
        "format": FORMAT,
        "model": name,
        "sha256": sha256(program).hexdigest(),
        "versions": _versions("mlpf-jax", "jax"),
        "inputs": {
            "X": _array(shapes.X)
            | {
                "columns": {
                    part.kind: {"type": part.elemtype, "features": described(part.features)}
                    for part in form.parts
                }
            },
            "mask": _array(shapes.mask) | {"meaning": "true: an element, false: padding"},
            "face": _array(shapes.face)
            | {"columns": [{"name": field, "unit": "mm"} for field in schema.Face._fields]},
        },
        "outputs": {"particles": {"columns": described(columns(config))}},
        "most_elements": most_elements(config),
        "classes": list(schema.CLASSES),
        "class_pdg": list(schema.CLASS_PDG),
        "faces": {detector: list(face) for detector, face in faces.items()},
        "config": asdict(config),
    }


def _array(shape: jax.ShapeDtypeStruct) -> dict[str, Any]:
    sizes = [size if isinstance(size, int) else str(size) for size in shape.shape]
    return {"shape": sizes, "type": str(shape.dtype)}


def _versions(*packages: str) -> dict[str, str]:
    """Of those that are installed; a checkout of this project is not."""
    found = {}
    for package in packages:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found
