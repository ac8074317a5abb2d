"""NePS: PriorBand and its asynchronous Hyperband at their defaults, by ask and tell.

Tables have no prior of an expert, so PriorBand draws uniformly and around its best so far. ifBO is
not here: the weights of its network come with no package.
"""

import importlib.metadata
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from benchmarks.hpo.quality.training import Training
from hpo.space.parameters import Categorical, Parameter, plain

_EPOCHS = "epochs"  # the fidelity among the hyperparameters


def version() -> str:
    """Of the package."""
    return importlib.metadata.version("neural-pipeline-search")


def _priorband(training: Training) -> None:
    _play("priorband", training)


def _async_hyperband(training: Training) -> None:
    _play("async_hb", training)


METHODS: Mapping[str, Callable[[Training], None]] = {
    "NePS PriorBand": _priorband,
    "NePS async Hyperband": _async_hyperband,
}


def _play(algorithm: str, training: Training) -> None:
    """A trial is a configuration at an epoch; one that is promoted trains on from where it was."""
    import neps
    import torch

    np.random.seed(training.seed)  # noqa: NPY002 - it draws from the global generator
    torch.manual_seed(training.seed)
    names = {f"p{i}": name for i, name in enumerate(training.space.names)}
    asked = neps.AskAndTell(getattr(neps.algorithms, algorithm)(_space(names, training)))
    rows, done = {}, {}
    while True:
        trial = asked.ask()
        number = trial.metadata.id.split("_rung_")[0]
        if number not in rows:
            proposed = {name: trial.config[short] for short, name in names.items()}
            rows[number], done[number] = training.row_near(proposed), 0
        loss = math.inf
        for epoch in range(done[number] + 1, trial.config[_EPOCHS] + 1):
            loss, done[number] = training.epoch(rows[number], epoch), epoch
            if not math.isfinite(loss):
                break
        failed = ValueError(f"the loss is {loss}")
        asked.tell(trial, loss if math.isfinite(loss) else failed)


def _space(names: Mapping[str, str], training: Training) -> Any:
    """A class of its own for the table: hyperparameters are p0, p1 ..., for names have dots."""
    import neps

    found = {short: _parameter(training.space.parameters[n]) for short, n in names.items()}
    found[_EPOCHS] = neps.IntegerFidelity(1, training.max_epochs)
    return type("Space", (neps.PipelineSpace,), found)()


def _parameter(parameter: Parameter) -> Any:
    import neps

    kind = plain(parameter)
    if isinstance(kind, Categorical):
        return neps.Categorical(tuple(kind.values))
    make = neps.Integer if kind.integer else neps.Float
    return make(kind.low, kind.high, log=kind.log)
