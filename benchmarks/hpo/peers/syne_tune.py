"""Syne Tune: ASHA and its kin with densities (BOHB) at their defaults."""

import datetime
import importlib.metadata
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from benchmarks.hpo.quality.training import Training
from hpo.space.parameters import Categorical, Parameter, plain


def version() -> str:
    """Of the package."""
    return importlib.metadata.version("syne-tune")


def _asha(training: Training) -> None:
    from syne_tune.optimizer.baselines import ASHA

    _play(ASHA({"row": rows()}, **_settings(training)), training, by_row=True)


def _bohb(training: Training) -> None:
    from syne_tune.optimizer.baselines import BOHB

    _play(BOHB(config_space(training), **_settings(training)), training, by_row=False)


METHODS: Mapping[str, Callable[[Training], None]] = {
    "Syne Tune ASHA": _asha,
    "Syne Tune BOHB": _bohb,
}


def _settings(training: Training) -> dict[str, Any]:
    return {
        "metric": "loss",
        "time_attr": "epoch",
        "max_t": training.max_epochs,
        "random_seed": training.seed,
    }


def _play(scheduler: Any, training: Training, by_row: bool) -> None:
    """Trials one after another, as its tuner tells of them; rows in order where it draws them."""
    from syne_tune.backend.trial_status import Trial
    from syne_tune.optimizer.scheduler import SchedulerDecision

    np.random.seed(training.seed)  # noqa: NPY002 - it draws from the global generator
    number = 0
    while True:
        configuration = scheduler.suggest().config
        row = training.next_row() if by_row else training.row_near(_inside(configuration, training))
        trial = Trial(number, configuration, datetime.datetime.now())
        scheduler.on_trial_add(trial)
        for epoch in range(1, training.max_epochs + 1):
            result = {"epoch": epoch, "loss": training.epoch(row, epoch)}
            if not math.isfinite(result["loss"]):
                scheduler.on_trial_error(trial)
                break
            if scheduler.on_trial_result(trial, result) == SchedulerDecision.STOP:
                scheduler.on_trial_remove(trial)
                break
        number += 1


def _inside(configuration: Mapping[str, Any], training: Training) -> dict[str, Any]:
    """The configuration at the face of the space where its densities go beyond: they give whole
    numbers below their least (a batch of 10 in 16 to 64)."""
    kinds = {n: plain(p) for n, p in training.space.parameters.items()}
    return {
        n: v if isinstance(kinds[n], Categorical) else min(max(v, kinds[n].low), kinds[n].high)
        for n, v in configuration.items()
    }


def rows() -> Any:
    """A space of one number that nothing depends on, where trials are rows in the seed's order."""
    from syne_tune.config_space import uniform

    return uniform(0.0, 1.0)


def config_space(training: Training) -> dict[str, Any]:
    """The hyperparameters of the table in Syne Tune's words, of whichever version is imported."""
    return {n: _domain(p) for n, p in training.space.parameters.items()}


def _domain(parameter: Parameter) -> Any:
    from syne_tune import config_space as of

    kind = plain(parameter)
    if isinstance(kind, Categorical):
        return of.choice(list(kind.values))
    if kind.integer:
        return (of.lograndint if kind.log else of.randint)(int(kind.low), int(kind.high))
    return (of.loguniform if kind.log else of.uniform)(float(kind.low), float(kind.high))
