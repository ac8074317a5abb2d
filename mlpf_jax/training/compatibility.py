"""Whether a saved model is one of this version: its schema, its configuration, its arrays.

A model that was made for features in another order would run, and be wrong; so would one from
before a key of `ModelConfig` existed, under the default of today. The first is refused; the second
has what there was before the key, where that is known, and is refused else.
"""

from collections.abc import Mapping
from dataclasses import fields

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from datasets import schema
from mlpf_jax.model.config import ModelConfig, from_mapping
from mlpf_jax.model.mlpf import MLPF

FORMAT = 1
ADDED = {
    "elements": "clusters",
    "sharing": False,
    "momenta": "free",
    "shapes": False,
    "pairs": 0,
    "hadron_bias": 0.0,
    "photon_bias": 0.0,
    "neutral_scale": 1.0,
}  # what models were before there was a choice


def current_schema(elements: str) -> dict[str, list[str]]:
    """Names and order of all that goes into a model of such elements and comes out of it."""
    return {
        **{part.kind: list(part.features) for part in schema.ELEMENTS[elements].parts},
        "target": list(schema.TARGET_FEATURES),
        "classes": list(schema.CLASSES),
    }


def checked_config(description: Mapping) -> ModelConfig:
    """The configuration of a model's `config.json`.

    Raises `ValueError` with what was expected and what was found.
    """
    if (found := description.get("format")) != FORMAT:
        raise ValueError(f"its format is {found!r}, expected {FORMAT}")
    for key in ("schema", "model"):
        if not isinstance(description[key], Mapping):
            raise ValueError(f"its {key} is {description[key]!r}, expected names and values")
    elements = description["model"].get("elements", ADDED["elements"])
    if elements not in schema.ELEMENTS:
        raise ValueError(f"its elements are {elements!r}: choose {', '.join(schema.ELEMENTS)}")
    given, expected = description["schema"], current_schema(elements)
    for name in sorted(set(given) | set(expected)):
        _check_names(name, given.get(name, []), expected.get(name, []))
    stored = ADDED | dict(description["model"])
    known = [f.name for f in fields(ModelConfig)]
    if missing := [name for name in known if name not in stored]:
        raise ValueError(
            f"its configuration has no {', '.join(missing)}: it was saved before there was such a "
            "choice; train it again, or write into config.json what it was"
        )
    return from_mapping(ModelConfig, stored)


def check_arrays(config: ModelConfig, arrays: Mapping[str, np.ndarray]) -> None:
    """Raises `ValueError` where arrays are not those of a model of this configuration."""
    X = jax.ShapeDtypeStruct(
        (1, 2 * config.bin_size, schema.ELEMENTS[config.elements].width), jnp.float32
    )
    mask = jax.ShapeDtypeStruct(X.shape[:2], bool)
    variables = jax.eval_shape(
        MLPF(config).init, jax.eval_shape(lambda: jax.random.key(0)), X, mask
    )
    expected = {
        name: leaf.shape for name, leaf in traverse_util.flatten_dict(variables, sep="/").items()
    }
    found = {name: np.shape(array) for name, array in arrays.items()}
    for name in sorted(set(expected) | set(found)):
        if expected.get(name) != found.get(name):
            raise ValueError(
                f"array {name} has shape {found.get(name, 'none')}, its configuration expects "
                f"{expected.get(name, 'none')}"
            )


def _check_names(kind: str, found: list[str], expected: list[str]) -> None:
    if len(found) != len(expected):
        raise ValueError(f"it has {len(found)} {kind} names, expected {len(expected)}")
    for place, (a, b) in enumerate(zip(found, expected, strict=True)):
        if a != b:
            raise ValueError(f"{kind} name {place} is {a!r}, expected {b!r}")
