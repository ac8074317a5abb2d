"""A training step of a configuration's model, compiled for a mesh of any devices."""

import importlib
from pathlib import Path
from typing import Any

import jax
import numpy as np

from datasets import schema
from datasets.schema import Batch
from mlpf_jax.model.config import ModelConfig, TrainConfig, from_mapping
from mlpf_jax.model.statistics import measure
from mlpf_jax.training import parallel, train


def configured(path: str, **changed: Any) -> tuple[ModelConfig, TrainConfig]:
    """Of a file in configs/; `changed` are other values of the model."""
    config = importlib.import_module(f"configs.{Path(path).stem}").get_config()
    model = config.model.to_dict() | changed
    return from_mapping(ModelConfig, model), from_mapping(TrainConfig, config.train.to_dict())


def batch_of(rows: int, elements: int, seed: int = 0) -> Batch:
    """Full rows of tracks and clusters whose values are of any size that is physical."""
    rng = np.random.default_rng(seed)
    X = np.abs(rng.normal(size=(rows, elements, schema.ELEMENT_WIDTH))).astype("f4") + 0.1
    X[..., 0] = np.where(np.arange(elements) % 2, schema.TRACK, schema.CLUSTER)
    y = np.abs(rng.normal(size=(rows, elements, schema.TARGET_WIDTH))).astype("f4") + 0.1
    y[..., 0] = rng.integers(0, len(schema.CLASSES), (rows, elements))
    segment = np.ones((rows, elements), np.int32)
    return Batch(X, y, segment, np.arange(rows)[:, None])


def state_of(path: str, mesh: Any = None, **changed: Any) -> tuple[train.TrainState, TrainConfig]:
    """The state before the first step, where it is to lie."""
    model, training = configured(path, **changed)
    inputs = measure(batch_of(2, 256).X.reshape(-1, schema.ELEMENT_WIDTH))
    return train.create_state(jax.random.key(0), model, training, inputs, mesh=mesh), training


def shapes_of(path: str, mesh: Any, **changed: Any) -> Any:
    """The same as shapes and places alone: a model of any size costs nothing."""
    model, training = configured(path, **changed)
    inputs = measure(batch_of(2, 256).X.reshape(-1, schema.ELEMENT_WIDTH))
    key = jax.random.key(0)
    made = jax.eval_shape(lambda: train.create_state(key, model, training, inputs, mesh=mesh))
    return jax.tree.map(
        lambda leaf, place: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=place),
        made, parallel.shardings(made, mesh),
    )  # fmt: skip
