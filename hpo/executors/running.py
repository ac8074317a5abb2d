"""What an objective does, as events: the same in every executor. Imports nothing heavy."""

import errno
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hpo.core.types import Completed, Failed, Reported, Trial, one_line

Objective = Callable[[Trial], Iterator[Mapping[str, float]]]
_ENDED = object()
TROUBLE = (Exception, SystemExit)  # what a trial may raise, and the study goes on


def train(objective: Objective, trial: Trial) -> Iterator[Reported | Completed]:
    """The events of one job. Raises what the objective raises, when it is called or later, and
    ValueError where it ends too early."""
    epoch, reports = trial.first_epoch, iter(objective(trial))
    while epoch < trial.last_epoch:
        metrics = next(reports, _ENDED)
        if metrics is _ENDED:
            raise ValueError(f"the objective ended after epoch {epoch} of {trial.last_epoch}")
        epoch += 1
        if not isinstance(metrics, Mapping):
            raise ValueError(f"epoch {epoch}: {metrics!r} is no mapping of metrics")
        yield Reported(trial.number, epoch, {k: _plain(v) for k, v in metrics.items()})
    yield Completed(trial.number, epoch)


def failed(trial: Trial, error: BaseException) -> Failed:
    """The event that this error is. Raises it where the disk is full: that is no fault of the
    trial, and the study stops there and goes on when there is room."""
    if _no_room(error):
        raise error
    return Failed(trial.number, one_line(error))


def _no_room(error: BaseException) -> bool:
    """Whether the disk or its quota is full; libraries hand on the system's words, not its code."""
    full = (errno.ENOSPC, errno.EDQUOT)
    words = tuple(os.strerror(code) for code in full)
    return getattr(error, "errno", None) in full or any(word in str(error) for word in words)


def _plain(value: Any) -> Any:
    """A metric as JSON: numbers and array scalars as floats, anything else as its text."""
    if isinstance(value, bool | str):
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        return repr(value)
