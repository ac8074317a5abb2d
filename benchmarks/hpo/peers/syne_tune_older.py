"""Syne Tune 0.13, the last version with PASHA, DyHPO and MOBSTER; at their defaults.

It lies in a folder of its own beside version 0.16 (`make bench-hpo-env`), so a process can play
one of the two.
"""

import datetime
import importlib.metadata
import math
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.hpo.peers.syne_tune import config_space, rows
from benchmarks.hpo.quality.training import Training

FOLDER = Path(sys.prefix) / "syne-tune-0.13"


def version() -> str:
    """Of the package in its folder."""
    for found in importlib.metadata.distributions(name="syne-tune", path=[str(FOLDER)]):
        return found.version
    raise ImportError(f"no syne-tune in {FOLDER}")


def _pasha(training: Training) -> None:
    baseline = _baselines().PASHA
    _play(baseline({"row": rows()}, **_settings(training)), training, by_row=True)


def _dyhpo(training: Training) -> None:
    _play(_modelled(_baselines().DyHPO, training), training, by_row=False)


def _mobster(training: Training) -> None:
    _play(_modelled(_baselines().MOBSTER, training), training, by_row=False)


METHODS: Mapping[str, Callable[[Training], None]] = {
    "Syne Tune PASHA": _pasha,
    "Syne Tune DyHPO": _dyhpo,
    "Syne Tune MOBSTER": _mobster,
}


def _baselines() -> Any:
    """The baselines of this version. Raises ImportError where the other one was imported."""
    sys.path.insert(0, str(FOLDER))
    from syne_tune.optimizer import baselines

    if not baselines.__file__.startswith(str(FOLDER)):
        raise ImportError(f"{baselines.__file__} was imported, not the one in {FOLDER}")
    return baselines


def _modelled(baseline: Callable[..., Any], training: Training) -> Any:
    quiet = {"search_options": {"debug_log": False}}
    return baseline(config_space(training), **_settings(training), **quiet)


def _settings(training: Training) -> dict[str, Any]:
    return {
        "metric": "loss",
        "mode": "min",
        "resource_attr": "epoch",
        "max_t": training.max_epochs,
        "random_seed": training.seed,
    }


def _play(scheduler: Any, training: Training, by_row: bool) -> None:
    """One worker: a trial runs until it is stopped or paused, then the next is suggested."""
    from syne_tune.backend.trial_status import Trial
    from syne_tune.optimizer.scheduler import SchedulerDecision

    np.random.seed(training.seed)  # noqa: NPY002 - it draws from the global generator
    trials, taken, done = [], [], []
    while True:
        suggestion = scheduler.suggest(len(trials))
        if suggestion.spawn_new_trial_id:
            number, configuration = len(trials), suggestion.config
            trials.append(Trial(number, configuration, datetime.datetime.now()))
            taken.append(training.next_row() if by_row else training.row_near(configuration))
            done.append(0)
            scheduler.on_trial_add(trials[number])
        else:
            number = suggestion.checkpoint_trial_id
        while True:
            done[number] += 1
            loss = training.epoch(taken[number], done[number])
            result = {"epoch": done[number], "loss": loss}
            if not math.isfinite(loss):
                scheduler.on_trial_error(trials[number])
                break
            decision = scheduler.on_trial_result(trials[number], result)
            if decision != SchedulerDecision.CONTINUE:
                scheduler.on_trial_remove(trials[number])
                break
            if done[number] == training.max_epochs:
                scheduler.on_trial_complete(trials[number], result)
                break
