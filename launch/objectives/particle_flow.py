"""The objective of a study: one trial's training, epoch by epoch, in a worker process."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from launch.objectives import selection, training
from launch.shell import group, studies
from launch.shell.outcomes import with_values
from launch.shell.runs import RunError, open_run


def make(settings: Mapping[str, Any]) -> Callable[[Any], Iterator[Mapping[str, float]]]:
    """Called once in every worker: loads the data, and returns what trains a trial.

    `settings["run"]` is the run's folder. The objective yields the metrics of each epoch; where
    trials are ranked by jets, these too. Events are packed for the bins of each trial's model. All
    devices of settings["mesh"] share each batch, those of other processes too where the worker is
    one of settings["group"].
    """
    from launch.shell.compilation import drop_compilations, keep_compilations
    from mlpf_jax.model.config import ModelConfig, from_mapping
    from mlpf_jax.training import parallel

    with group.lost_together():
        if "group" in settings:
            group.join(**settings["group"])
            parallel.connect_processes()
        mesh = parallel.mesh_of(settings.get("mesh", {}))
        parallel.connect(mesh)
    run = open_run(Path(settings["run"]))
    keep_compilations(run)
    by_jets = studies.metric(run.config.tune) == "jets"

    made: dict[int, tuple[training.Material, selection.Measure | None]] = {}

    def material_of(config: ConfigDict) -> tuple[training.Material, selection.Measure | None]:
        bin_size = from_mapping(ModelConfig, config.model.to_dict()).bin_size
        if bin_size not in made:
            material = training.load_material(run, config.tune, config.model, mesh)
            held_out, batches = material.held_out, material.validation
            measure = selection.jets_measure(held_out, batches, mesh) if by_jets else None
            made[bin_size] = material, measure
        return made[bin_size]

    material_of(run.config)  # what is wrong with the data shows before any trial

    def train_trial(trial) -> Iterator[Mapping[str, float]]:
        drop_compilations()
        config = with_values(run.config, trial.configuration)
        material, measure = material_of(config)
        span = range(trial.first_epoch, trial.last_epoch)
        horizon = run.config.tune.max_epochs
        seed = run.config.seed
        trained = training.epochs(
            config, material, trial.folder, span, horizon, seed, judge=run.config
        )
        with group.lost_together():
            for epoch in trained:
                yield epoch.metrics | (_jets(measure(epoch.state)) if measure else {})

    return train_trial


make.in_groups = True


def _jets(width: float | None) -> dict[str, float]:
    if width is None:
        raise RunError("tune.metric = jets: no jet of the trial's model is one of the events'")
    return {"jets": width}
