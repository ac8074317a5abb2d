"""Ray Tune: its ASHA at its defaults (eta 4), the scheduler's own object without actors.

Of a trial it looks at the identifier alone, so a stand-in that has one is all it is given.
"""

import importlib.metadata
import math
from collections.abc import Callable, Mapping
from types import SimpleNamespace

from benchmarks.hpo.quality.training import Training


def version() -> str:
    """Of the package."""
    return importlib.metadata.version("ray")


def _asha(training: Training) -> None:
    from ray.tune.schedulers import AsyncHyperBandScheduler, TrialScheduler

    scheduler = AsyncHyperBandScheduler(
        time_attr="epoch", metric="loss", mode="min", max_t=training.max_epochs
    )
    number = 0
    while True:
        trial, row = SimpleNamespace(trial_id=f"{number:08d}"), training.next_row()
        scheduler.on_trial_add(None, trial)
        for epoch in range(1, training.max_epochs + 1):
            result = {"epoch": epoch, "loss": training.epoch(row, epoch)}
            if not math.isfinite(result["loss"]):
                scheduler.on_trial_error(None, trial)
                break
            if scheduler.on_trial_result(None, trial, result) == TrialScheduler.STOP:
                break
        number += 1


METHODS: Mapping[str, Callable[[Training], None]] = {"Ray Tune ASHA": _asha}
