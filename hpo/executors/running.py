"""What an objective does, as events: the same in every executor. Imports nothing heavy."""

import errno
import os
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any

from hpo.core.types import Completed, Failed, Reported, Trial, one_line

Objective = Callable[[Trial], Iterator[Mapping[str, float]]]
_ENDED = object()
_TROUBLE = (Exception, SystemExit)  # what a trial may raise, and the study goes on


def run(
    objective: Objective, trial: Trial, log: IO[str] | None = None
) -> Iterator[Reported | Completed | Failed]:
    """The events of one job.

    What the objective raises, when it is called or later, becomes Failed, with the traceback kept
    in `log` and, where there is the trial's folder, in its `error.txt`. Raises where the disk is
    full: that is no fault of the trial, and the study stops there and goes on when there is room.
    """
    try:
        yield from _train(objective, trial)
    except _TROUBLE as error:
        if _no_room(error):
            raise
        if log is not None:  # for the folder may be what is broken
            traceback.print_exc(file=log)
        if trial.folder.is_dir():
            (trial.folder / "error.txt").write_text(traceback.format_exc())
        yield Failed(trial.number, one_line(error))


def with_folders(objective: Objective) -> Objective:
    """The objective, each of whose trials finds its folder made."""

    def begin(trial: Trial) -> Iterator[Mapping[str, float]]:
        trial.folder.mkdir(parents=True, exist_ok=True)
        return objective(trial)

    return begin


def with_folders_on_demand(objective: Objective) -> Objective:
    """The same where a folder is not to be made for a trial that has no use for it."""
    return lambda trial: objective(_OnDemand(**vars(trial)))


class _OnDemand(Trial):
    """A trial whose folder is made when it is looked at."""

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        if name == "folder":
            value.mkdir(parents=True, exist_ok=True)
        return value


def _train(objective: Objective, trial: Trial) -> Iterator[Reported | Completed]:
    """The events of a job that goes well. Raises ValueError where it ends too early."""
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
