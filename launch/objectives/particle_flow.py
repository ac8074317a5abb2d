"""The objective of a study: one trial's training, epoch by epoch, in a worker process."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from launch.objectives import selection, training
from launch.shell import studies
from launch.shell.outcomes import with_values
from launch.shell.runs import RunError, open_run


def make(settings: Mapping[str, Any]) -> Callable[[Any], Iterator[Mapping[str, float]]]:
    """Called once in every worker: loads the data, and returns what trains a trial.

    `settings["run"]` is the run's folder. The objective yields the metrics of each epoch; where
    trials are ranked by jets, these too.
    """
    from launch.shell.compilation import drop_compilations, keep_compilations

    run = open_run(Path(settings["run"]))
    keep_compilations(run)
    material = training.load_material(run, run.config.tune, run.config.model)
    measure = None
    if studies.metric(run.config.tune) == "jets":
        measure = selection.jets_measure(material.held_out, material.validation)

    def train_trial(trial) -> Iterator[Mapping[str, float]]:
        drop_compilations()
        config = with_values(run.config, trial.configuration)
        span = range(trial.first_epoch, trial.last_epoch)
        horizon = run.config.tune.max_epochs
        seed = run.config.seed
        for epoch in training.epochs(
            config, material, trial.folder, span, horizon, seed, judge=run.config
        ):
            yield epoch.metrics | (_jets(measure(epoch.state)) if measure else {})

    return train_trial


def _jets(width: float | None) -> dict[str, float]:
    if width is None:
        raise RunError("tune.metric = jets: no jet of the trial's model is one of the events'")
    return {"jets": width}
