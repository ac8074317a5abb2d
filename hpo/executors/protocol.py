"""What a study asks of an executor, and what executors share: workers, folders and seeds."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from hpo.core import streams
from hpo.core.types import Job, Trial, TrialEvent
from hpo.executors.folders import folder_of


class Told(NamedTuple):
    """What was heard of a trial's job; `attempt` is the number it was submitted with, by which the
    last words of a job that was given up are told from those of the one that followed. `worker` is
    the place, counted from 0, of the one that had the job, None where there are none."""

    attempt: int
    event: TrialEvent
    worker: int | None = None


class Unavailable(RuntimeError):
    """No worker can take the job now; it may be submitted again."""


class Executor(Protocol):
    """Runs jobs somewhere.

    slots          how many jobs can run at once now: they may come and go, and none may be left
    description    what it runs, as JSON: the objective, its settings, the seed of the trials; a
                   study that was written down goes on with the same alone
    """

    @property
    def slots(self) -> int: ...

    @property
    def description(self) -> Mapping[str, Any]: ...

    def begin(self, seed: int) -> None:
        """A study begins, or goes on, whose trials have their seeds from this one; an executor
        that was given a seed of its own keeps that."""

    def submit(self, job: Job, attempt: int) -> None:
        """Start a job, the trial's `attempt`-th, counted from 0 over the whole study; the study
        keeps at most `slots` running. May raise Unavailable."""

    def wait(self) -> Sequence[Told]:
        """Block until something was heard, in a trial's jobs one after another, or until there are
        more or fewer slots, which may be all that happened."""

    def cancel(self, trial: int) -> None:
        """Stop the trial's job; it ends without a further Completed or Failed."""


class Trials:
    """The trials of a study's jobs, each with a folder and a seed of its own.

    `seed` is the executor's own, None where the trials are to follow the study's (0 without one).
    Raises ValueError where it is negative, as does `begin`.
    """

    def __init__(self, folder: str | Path, seed: int | None):
        self.folder = Path(folder).absolute()
        self.seed = 0 if seed is None else streams.checked_seed(seed)
        self._follows = seed is None

    def begin(self, seed: int) -> None:
        """Follow the seed of this study, unless there is one of the executor's own."""
        if self._follows:
            self.seed = streams.checked_seed(seed)

    def of(self, job: Job) -> Trial:
        """A job as its objective sees it. Jobs of one trial share its folder and its seed."""
        entropy = streams.training(self.seed, job.trial)
        return Trial(
            number=job.trial,
            configuration=job.configuration,
            folder=folder_of(self.folder, job.trial),
            first_epoch=job.first_epoch,
            last_epoch=job.last_epoch,
            seed=int(entropy.generate_state(1)[0]),
        )


def checked_workers(workers: int) -> int:
    """The number of workers. Raises ValueError where there are none."""
    if workers < 1:
        raise ValueError(f"at least one worker is needed, not {workers}")
    return workers
