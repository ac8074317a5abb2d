"""One training, from any epoch to any later one: the trials of a study and the final training."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from datasets.batches import Sampler, sequential
from datasets.schema import Batch
from launch.shell import data
from launch.shell.runs import Run, RunError


@dataclass(frozen=True)
class Material:
    """What a training reads: batches by step, validation batches, input statistics."""

    sampler: Sampler
    validation: Sequence[Batch]
    statistics: Any


def load_material(run: Run, settings: ConfigDict, model: ConfigDict) -> Material:
    """Training and validation batches of a model, as `settings` (config.tune or fit) asks."""
    from mlpf_jax.model.config import ModelConfig, from_mapping
    from mlpf_jax.model.statistics import measure

    train = data.load(run, "train", settings.train_events)
    validation = data.load(run, "validation", settings.validation_events)
    counts = np.concatenate([np.diff(train.offsets), np.diff(validation.offsets)])
    bin_size = from_mapping(ModelConfig, model.to_dict()).bin_size
    plan = data.make_batch_plan(counts, settings, bin_size)
    return Material(
        Sampler(train, plan, run.config.seed),
        sequential(validation, plan),
        measure(np.asarray(train.X)),
    )


def epochs(
    config: ConfigDict, material: Material, folder: Path, epochs: range, horizon: int, seed: int
) -> Iterator[Any]:
    """Trains the epochs of a range, after those before it, and yields `train.Epoch`s.

    Every epoch is checkpointed in `folder` before it is yielded, and kept until the next call:
    who reads the epochs may be behind, and go on from any of them. The schedule reaches its end
    after `horizon` epochs, wherever the range ends.
    """
    import jax

    from mlpf_jax.model.config import ModelConfig, TrainConfig, from_mapping
    from mlpf_jax.training import checkpoint, train

    model_config = from_mapping(ModelConfig, config.model.to_dict())
    plan, steps = material.sampler.plan, material.sampler.steps_per_epoch
    if plan.packed and plan.bin_size != model_config.bin_size:
        raise RunError(
            f"events are packed for bins of {plan.bin_size}, and model.bin_size is "
            f"{model_config.bin_size}: set packed = False where bin_size is tuned"
        )
    train_config = config.train.to_dict() | {"total_steps": horizon * steps}
    state = train.create_state(
        jax.random.key(seed),
        model_config,
        from_mapping(TrainConfig, train_config),
        material.statistics,
    )
    checkpoint.forget_others(folder, epochs.start)
    if epochs.start:
        state = checkpoint.restore_state(folder, state, epochs.start)
    for epoch in train.fit(state, material.sampler, steps, material.validation, epochs):
        checkpoint.save_state(folder, epoch.epoch, epoch.state, keep=len(epochs) + 1)
        yield epoch
