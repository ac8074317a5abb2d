"""The work of a training, counted before there are events: parameters, bytes, FLOPs."""

from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
from ml_collections import ConfigDict

from datasets import schema
from launch.objectives.speed import matmul_rate, step_flops
from launch.planning.sizes import EFFICIENCY, SIZES
from launch.shell import data

EVENTS = 256  # of a made-up dataset, whose sizes spread by a third


class Work(NamedTuple):
    """Of one model in one kind of batches."""

    parameters: int
    state_bytes: int  # of a checkpoint, which has the optimiser's moments, too
    flops: float  # of a step, for one event


def of_training(config: ConfigDict, settings: ConfigDict) -> Work:
    """Of `config.model` in the batches that `settings` (config.tune or fit) asks for."""
    import jax

    from mlpf_jax.model import initial
    from mlpf_jax.model.config import ModelConfig, TrainConfig, from_mapping
    from mlpf_jax.model.statistics import measure
    from mlpf_jax.training import train

    model = from_mapping(ModelConfig, config.model.to_dict())
    form = schema.ELEMENTS[model.elements]
    kinds = np.zeros((len(form.parts), form.width), np.float32)
    kinds[:, schema.SHARED["elemtype"]] = [part.elemtype for part in form.parts]
    make = partial(
        train.created,
        model_config=model,
        train_config=from_mapping(TrainConfig, config.train.to_dict()),
        statistics=measure(kinds),
        init=initial.inline,
    )
    state = jax.eval_shape(make, jax.random.key(0))
    batch, events = _batch(model, settings, SIZES[model.elements].elements)
    return Work(
        sum(leaf.size for leaf in jax.tree.leaves(state.params)),
        sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(state)),
        step_flops(state, batch) / events,
    )


def _batch(model: Any, settings: ConfigDict, mean: int) -> tuple[schema.Batch, float]:
    """An empty batch, of the longest rows, and how many events cost as much as it."""
    rng = np.random.default_rng(0)
    counts = np.maximum(1, rng.normal(mean, mean / 3, EVENTS).astype(int))
    plan = data.make_batch_plan(counts, settings, model.bin_size)
    rows, length = plan.batch_size, plan.lengths[-1]
    padded = counts if plan.packed else np.take(plan.lengths, np.searchsorted(plan.lengths, counts))
    places = (rows, length)
    links = (rows, 2 * length)
    shares = schema.Shares(*(np.zeros(links, kind) for kind in ("i4", "i4", "f4")))
    batch = schema.Batch(
        X=np.zeros((*places, schema.ELEMENTS[model.elements].width), np.float32),
        ytarget=np.zeros((*places, schema.TARGET_WIDTH), np.float32),
        segment=np.zeros(places, np.int32),
        event=np.full((rows, plan.segments), -1, np.int32),
        shares=shares,
        face=np.tile(np.float32(schema.CLIC_FACE), (rows, 1)),
    )
    return batch, rows * length / padded.mean()


@cache
def rate(precision: str) -> float:
    """FLOP/s that a training may reach here, by what a matrix product does."""
    return EFFICIENCY * matmul_rate(precision)
