"""What events do to the record of a trial: the same under every scheduler, checked once."""

import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from hpo.core.state import FAILED, PAUSED, RUNNING, WAITING, TrialState
from hpo.core.types import (
    Completed,
    Failed,
    Proposed,
    Reported,
    TrialEvent,
    WorkerLost,
)
from hpo.core.vector import Vector

_MAPPINGS = (dict, Mapping)  # dict first: that test is fast


def told(trials: Vector[TrialState], event: TrialEvent | Proposed, metric: str) -> TrialState:
    """The trial after the event; its status says what became of its job.

    RUNNING: it goes on. WAITING: its worker died and the job has to be asked again. PAUSED: it
    has done its job. FAILED: it is out. Raises ValueError where the event cannot be.
    """
    trial = _running(trials, event)
    if isinstance(event, Reported):
        number, bracket, configuration, curve, status, goal, error = trial
        done = len(curve)
        curve = curve.put(done, _value(trial, done, event, metric))
        # A third of the time that `_replace` takes: this happens in every epoch.
        return TrialState(number, bracket, configuration, curve, status, goal, error)
    if isinstance(event, Proposed):
        return trial._replace(configuration=event.configuration)
    if isinstance(event, Failed):
        return trial._replace(status=FAILED, error=event.error)
    done = len(trial.curve) == trial.goal
    if isinstance(event, WorkerLost) and not done:
        return trial._replace(status=WAITING)
    if isinstance(event, Completed) and not (done and event.epoch == trial.goal):
        raise ValueError(f"{event} but {len(trial.curve)} of {trial.goal} epochs reported")
    return trial._replace(status=PAUSED)


def extended(state: Any, reports: Sequence[Reported], metric: str) -> Any:
    """The state after many reports: each trial's record is replaced once.

    All schedulers share it, because none decides anything before a job has ended. Raises
    ValueError where a report cannot be.
    """
    known: dict[int, tuple[TrialState, list[float]]] = {}
    for event in reports:
        if event.trial not in known:
            known[event.trial] = (_running(state.trials, event), [])
        trial, new = known[event.trial]
        new.append(_value(trial, len(trial.curve) + len(new), event, metric))
    trials = state.trials
    for number, (trial, new) in known.items():
        trials = trials.put(number, trial._replace(curve=trial.curve.extend(new)))
    return state._replace(trials=trials)


def _running(trials: Vector[TrialState], event: TrialEvent | Proposed) -> TrialState:
    if not (isinstance(event.trial, int) and 0 <= event.trial < len(trials)):
        raise ValueError(f"{event}: there is no such trial")
    trial = trials[event.trial]
    if trial.status != RUNNING:
        raise ValueError(f"{event}: the trial is {trial.status}, not running")
    return trial


def _value(trial: TrialState, done: int, event: Reported, metric: str) -> float:
    """What the report says of the epoch after the `done` ones."""
    if event.epoch != done + 1 or event.epoch > trial.goal:
        raise ValueError(
            f"trial {event.trial} reported epoch {event.epoch}; after {done} epochs of "
            f"{trial.goal} that is not the next one"
        )
    value = event.metrics.get(metric) if isinstance(event.metrics, _MAPPINGS) else None
    if type(value) is not float or not math.isfinite(value):
        defect = defect_of(event, metric)
        if defect is not None:
            raise ValueError(f"{event}: {defect}; tell Failed for a trial that diverged")
        value = float(event.metrics[metric])
    return value


def defect_of(event: Reported, metric: str) -> str | None:
    """What is wrong with the reported metric, if anything."""
    if not isinstance(event.metrics, _MAPPINGS):
        return f"its metrics are {event.metrics!r}, not values by name"
    if metric not in event.metrics:
        return f"no metric {metric!r} among {', '.join(event.metrics) or 'none'}"
    value = event.metrics[metric]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"{metric} is {value!r}, not a number"
    if isinstance(value, int) and abs(value) > sys.float_info.max:
        return f"{metric} is a whole number of {value.bit_length()} bits, too large for a float"
    return None if math.isfinite(value) else f"{metric} is {value}, it must be finite"
