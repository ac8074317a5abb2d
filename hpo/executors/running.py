"""What an objective does, as events: the same in every executor. Imports nothing heavy."""

import errno
import os
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from hpo.core.secrets import without_secrets
from hpo.core.types import Completed, Failed, Reported, Trial, one_line

Objective = Callable[[Trial], Iterator[Mapping[str, float]]]
_ENDED = object()
TOO_MANY = (
    "it must begin with the checkpoint of trial.first_epoch and end with trial.last_epoch; what it "
    "reported may be of other epochs"
)
_TROUBLE = (Exception, SystemExit)  # what a trial may raise, and the study goes on


class FolderGone(RuntimeError):
    """The folder with a trial's checkpoints was a passing one. No fault of the trial either."""


def run(
    objective: Objective, trial: Trial, log: IO[str] | None = None
) -> Iterator[Reported | Completed | Failed]:
    """The events of one job.

    What the objective raises, when it is called or later, becomes Failed, with the traceback kept
    in `log` and, where there is the trial's folder, in its `error.txt`. Raises where the disk is
    full: that is no fault of the trial, and the study stops there and goes on when there is room.
    The same with FolderGone.
    """
    try:
        yield from _train(objective, trial)
    except _TROUBLE as error:
        if _no_room(error) or isinstance(error, FolderGone):
            raise
        if log is not None:  # for the folder may be what is broken
            print(without_secrets(traceback.format_exc()), end="", file=log)
        yield Failed(
            trial.number, one_line(error) + _keep(trial, without_secrets(traceback.format_exc()))
        )


def _keep(trial: Trial, text: str) -> str:
    """Write the trial's `error.txt`; what to add to its error where that cannot be. Raises OSError
    where the disk is full."""
    try:
        if trial.folder.is_dir():
            path = trial.folder / "error.txt"
            path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        if _no_room(error):
            raise
        return f" (error.txt not written: {one_line(error)})"
    return ""


def with_folders(objective: Objective) -> Objective:
    """The objective, each of whose trials finds its folder made."""

    def begin(trial: Trial) -> Iterator[Mapping[str, float]]:
        trial.folder.mkdir(parents=True, exist_ok=True)
        return objective(trial)

    return begin


def with_folders_on_demand(objective: Objective) -> Objective:
    """The same where a folder is not to be made for a trial that has no use for it.

    The folders begin with the executor: where a trial that was begun elsewhere looks at its own,
    FolderGone is raised.
    """
    begun = set()

    def begin(trial: Trial) -> Iterator[Mapping[str, float]]:
        if trial.first_epoch == 0:
            begun.add(trial.number)
        kind = _OnDemand if trial.number in begun else _BegunElsewhere
        return objective(kind(**vars(trial)))

    return begin


class _OnDemand(Trial):
    """A trial whose folder is made when it is looked at, but not to show or to compare it."""

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        if name == "folder":
            self._look(value)
        return value

    def _look(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)

    def __repr__(self) -> str:
        return repr(_record(self))

    def __eq__(self, other: object) -> bool:
        return _record(self) == (_record(other) if isinstance(other, _OnDemand) else other)

    def __hash__(self) -> int:
        return hash(_record(self))


class _BegunElsewhere(_OnDemand):
    """A trial whose checkpoints are not in its folder."""

    def _look(self, folder: Path) -> None:
        raise FolderGone(
            f"trial {self.number} goes on from epoch {self.first_epoch} and looks for its "
            "checkpoint, but the temporary folder that it was begun in is gone: give "
            "InlineExecutor folder=... to resume a study whose objective checkpoints"
        )


def _record(trial: Trial) -> Trial:
    return Trial(**vars(trial))


def _train(objective: Objective, trial: Trial) -> Iterator[Reported | Completed]:
    """The events of a job that goes well. Raises ValueError where it ends too early or too late:
    who has more to give at the last epoch did not begin at the first. Asking also runs what stands
    behind the objective's last `yield`."""
    epoch, reports = trial.first_epoch, iter(objective(trial))
    while epoch < trial.last_epoch:
        metrics = next(reports, _ENDED)
        if metrics is _ENDED:
            raise ValueError(f"the objective ended after epoch {epoch} of {trial.last_epoch}")
        epoch += 1
        if not isinstance(metrics, Mapping):
            raise ValueError(f"epoch {epoch}: {metrics!r} is no mapping of metrics")
        yield Reported(trial.number, epoch, {k: plain(v) for k, v in metrics.items()})
    if next(reports, _ENDED) is not _ENDED:
        raise ValueError(f"the objective has more to give after epoch {epoch}: {TOO_MANY}")
    yield Completed(trial.number, epoch)


def _no_room(error: BaseException) -> bool:
    """Whether the disk, its quota or the limit of files is full; libraries hand on the system's
    words, not its code."""
    full = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    words = tuple(os.strerror(code) for code in full)
    return getattr(error, "errno", None) in full or any(word in str(error) for word in words)


def plain(value: Any) -> Any:
    """A metric as JSON: numbers and array scalars as floats, anything else as its text."""
    if isinstance(value, bool | str):
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        return repr(value)
