"""One training, from any epoch to any later one: the trials of a study and the final training."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from datasets.batches import Sampler, links_without_room, sequential
from datasets.events import Samples
from datasets.schema import Batch
from launch.objectives.speed import Meter, matmul_rate, step_flops
from launch.shell import data
from launch.shell.fitting import Fitting, start_model
from launch.shell.progress import say
from launch.shell.runs import Run, RunError


@dataclass(frozen=True)
class Material:
    """What a training reads: batches by step, validation batches, input statistics."""

    sampler: Sampler
    validation: Sequence[Batch]
    statistics: Any
    held_out: Samples  # the events of `validation`
    mesh: Any = None  # of the devices that share every batch; None: one


@dataclass(frozen=True)
class Extras:
    """What the final training has, and trials have not."""

    fitting: Fitting = field(default_factory=Fitting)
    kept: tuple[int, ...] = ()  # epochs whose states are not forgotten
    broken: Path | None = None  # where the batches go that break the training
    watch: Any = None  # told of every update: `train.Watch`
    start: Any = None  # the state before the first epoch, where it is made already


PLAIN = Extras()


def load_material(run: Run, settings: ConfigDict, model: ConfigDict, mesh: Any = None) -> Material:
    """Training and validation batches of a model, as `settings` (config.tune or fit) asks; in a
    group of processes, this one's share of the training batches.

    Raises RunError where shares are to be learned that the datasets do not know.
    """
    from mlpf_jax.model.config import ModelConfig, from_mapping
    from mlpf_jax.model.statistics import measure
    from mlpf_jax.training import parallel

    parts = data.by_process(run, "train", settings.train_events)
    train, validation = (
        data.joined(parts), data.load(run, "validation", settings.validation_events)
    )  # fmt: skip
    counts = np.concatenate([np.diff(train.offsets), np.diff(validation.offsets)])
    model_config = from_mapping(ModelConfig, model.to_dict())
    wanted = model_config.sharing and run.config.train.get("share_weight", 0.0) > 0
    if wanted and None in (train.shares, validation.shares):
        raise RunError(
            f"train.share_weight is {run.config.train.share_weight}, and the datasets in "
            f"{run.data} do not know the shares of tracks in clusters: simulate or convert them "
            "again, or set train.share_weight = 0, and the energies alone teach them"
        )
    if wanted and (lost := links_without_room(train)):
        known = len(train.shares["energy"])
        say(
            f"  note: up to {lost} of {known} shares of tracks are not learned from, the smallest "
            "of events that have more than batches hold"
        )
    plan = data.make_batch_plan(counts, settings, model_config.bin_size, parallel.size(mesh))
    number, processes = parallel.process(mesh)
    own = replace(plan, batch_size=plan.batch_size // processes)
    return Material(
        Sampler(train, own, run.config.seed, number, processes, data.mix_of(run.config, parts)),
        sequential(validation, plan),
        measure(np.asarray(train.X)),
        validation,
        mesh,
    )


def first_state(
    config: ConfigDict, material: Material, horizon: int, seed: int, fitting: Fitting
) -> Any:
    """The state before the first epoch: from the seed, or from a trained model."""
    import jax

    from mlpf_jax.model.config import ModelConfig, TrainConfig, from_mapping
    from mlpf_jax.training import train

    model, steps = config.model.to_dict(), material.sampler.steps_per_epoch
    updates = horizon * train.updates_per_epoch(steps, fitting.accumulate)
    return train.create_state(
        jax.random.key(seed),
        from_mapping(ModelConfig, model),
        from_mapping(TrainConfig, config.train.to_dict() | {"total_steps": updates}),
        material.statistics,
        fitting.frozen,
        start_model(fitting.start, model) if fitting.start else None,
        material.mesh,
    )


def meter(start: Any, material: Material, horizon: int, fitting: Fitting) -> Meter:
    """What tells how fast a training from a state is; measures a matrix product first."""
    import jax

    from mlpf_jax.training import parallel, train

    shapes = jax.eval_shape(lambda state: state, start)  # as they are without a mesh
    updates = train.updates_per_epoch(material.sampler.steps_per_epoch, fitting.accumulate)
    peak = matmul_rate(start.config.precision) * parallel.size(material.mesh)
    _, processes = parallel.process(material.mesh)
    return Meter(
        horizon * updates, peak, lambda batch: step_flops(shapes, batch), processes=processes
    )


def epochs(
    config: ConfigDict,
    material: Material,
    folder: Path,
    epochs: range,
    horizon: int,
    seed: int,
    extras: Extras = PLAIN,
    judge: ConfigDict | None = None,
) -> Iterator[Any]:
    """Trains the epochs of a range, after those before it, and yields `train.Epoch`s.

    Every epoch is checkpointed in `folder` before it is yielded, and kept until the next call:
    who reads the epochs may be behind, and go on from any of them. The schedule reaches its end
    after `horizon` epochs, wherever the range ends. The validation loss has the weights of `judge`,
    the configuration of the study: by its own, a trial would win with a weight of zero.
    """
    from mlpf_jax.model.config import TrainConfig, from_mapping
    from mlpf_jax.training import checkpoint, optimisation, train

    fitting, sampler = extras.fitting, material.sampler
    state = extras.start or first_state(config, material, horizon, seed, fitting)
    if sampler.plan.packed and sampler.plan.bin_size != state.config.bin_size:
        raise RunError(
            f"events are packed for bins of {sampler.plan.bin_size}, and model.bin_size is "
            f"{state.config.bin_size}: set packed = False where bin_size is tuned"
        )
    if epochs.start:
        state = checkpoint.restore_state(folder, state, epochs.start)
    checkpoint.forget_others(folder, epochs.start, *extras.kept)  # where that one can be read
    keep, steps = len(epochs) + 1 + len(extras.kept), sampler.steps_per_epoch
    settings = (judge or config).train.to_dict()
    weights = optimisation.hyper(from_mapping(TrainConfig, settings)).weights
    trained = train.fit(
        state, sampler, steps, material.validation, epochs,
        mesh=material.mesh, accumulate=fitting.accumulate, watch=extras.watch, judge=weights,
    )  # fmt: skip
    try:
        for epoch in trained:
            checkpoint.save_state(folder, epoch.epoch, epoch.state, keep)
            yield epoch
    except train.Diverged as error:
        raise _kept(error, extras, sampler) from None


def _kept(error: Any, extras: Extras, sampler: Sampler) -> Exception:
    """The same error once the batches that did it are written down, where they are to be."""
    from mlpf_jax.training import divergence, train

    if extras.broken is None or error.step is None:
        return error
    numbers = train.batches_of(error.step, sampler.steps_per_epoch, extras.fitting.accumulate)
    divergence.save_batches(extras.broken, [sampler(number) for number in numbers])
    return train.Diverged(error.epoch, error.step, error.term, str(extras.broken))
