"""Optuna: samplers and pruners at their defaults, told every epoch; `Hyperband` is of 1 to R."""

import importlib.metadata
import math
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.hpo.quality.training import Training
from hpo.space.parameters import Categorical, Parameter, plain


def version() -> str:
    """Of the package."""
    return importlib.metadata.version("optuna")


def _random_hyperband(training: Training) -> None:
    optuna = _optuna()
    sampler = optuna.samplers.RandomSampler(seed=training.seed)
    _play(training, sampler, _hyperband(training), {})


def _tpe_hyperband(training: Training) -> None:
    sampler = _optuna().samplers.TPESampler(seed=training.seed)
    _play(training, sampler, _hyperband(training), _distributions(training))


def _tpe_median(training: Training) -> None:
    optuna = _optuna()
    sampler = optuna.samplers.TPESampler(seed=training.seed)
    _play(training, sampler, optuna.pruners.MedianPruner(), _distributions(training))


METHODS: Mapping[str, Callable[[Training], None]] = {
    "Optuna random, Hyperband": _random_hyperband,
    "Optuna TPE, Hyperband": _tpe_hyperband,
    "Optuna TPE, median": _tpe_median,
}


def _play(training: Training, sampler: Any, pruner: Any, distributions: Mapping) -> None:
    """Trials one after another; without distributions they are the table's rows in order."""
    optuna = _optuna()
    # The pruner draws a trial's bracket from the study's name.
    name = f"study {training.seed}"
    study = optuna.create_study(study_name=name, sampler=sampler, pruner=pruner)
    while True:
        trial = study.ask(distributions)
        row = training.row_near(trial.params) if distributions else training.next_row()
        study.tell(trial, **_result(optuna, trial, row, training))


def _result(optuna: Any, trial: Any, row: int, training: Training) -> dict[str, Any]:
    for epoch in range(1, training.max_epochs + 1):
        loss = training.epoch(row, epoch)
        if not math.isfinite(loss):
            return {"state": optuna.trial.TrialState.FAIL}
        trial.report(loss, epoch)
        if trial.should_prune():
            return {"state": optuna.trial.TrialState.PRUNED}
    return {"values": loss}


def _hyperband(training: Training) -> Any:
    return _optuna().pruners.HyperbandPruner(max_resource=training.max_epochs)


def _distributions(training: Training) -> dict[str, Any]:
    return {n: _distribution(p) for n, p in training.space.parameters.items()}


def _distribution(parameter: Parameter) -> Any:
    of, kind = _optuna().distributions, plain(parameter)
    if isinstance(kind, Categorical):
        return of.CategoricalDistribution(kind.values)
    make = of.IntDistribution if kind.integer else of.FloatDistribution
    return make(kind.low, kind.high, log=kind.log)


def _optuna() -> Any:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna
