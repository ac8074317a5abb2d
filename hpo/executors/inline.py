"""Trials in this process on a virtual clock: what W workers would do, without waiting for them."""

import functools
import heapq
import shutil
import tempfile
import uuid
import weakref
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from hpo.core.types import Configuration, Job, Reported, Trial, TrialEvent
from hpo.executors.protocol import Told, Trials, checked_workers
from hpo.executors.running import Objective, run, with_folders, with_folders_on_demand


class InlineExecutor:
    """Runs `objective` with `workers` virtual workers; events come in a deterministic order.

    epoch_seconds    (configuration): how long an epoch takes on the virtual clock, in s
    seed             of the trials, each of which gets its own from it; the study's unless given
    folder           of the study: trial-0007/ for trial 7. Unless given, objectives that look at it
                     have a temporary one, gone with the executor: to resume a study whose objective
                     checkpoints, one that stays is needed

    `clock` is the time of the last event and `busy` the time spent training by all workers, both in
    s: a study's wall time and how much of it the barriers left idle.
    """

    def __init__(
        self,
        objective: Objective,
        workers: int = 1,
        epoch_seconds: Callable[[Configuration], float] = lambda configuration: 1.0,
        seed: int | None = None,
        folder: str | Path | None = None,
    ):
        self.slots, self.clock, self.busy = checked_workers(workers), 0.0, 0.0
        self._name = name_of(objective)
        self._epoch_seconds = epoch_seconds
        if folder is None:
            # Studies of tables have no use for folders, and do not wait for the disk.
            self._objective = with_folders_on_demand(objective)
            folder = _passing_folder(self)
        else:
            self._objective = with_folders(objective)
        self._trials = Trials(folder, seed)
        self._running: dict[int, tuple[int, Trial, Iterator[TrialEvent]]] = {}  # with the attempt
        self._due: list[tuple[float, int]] = []  # time, trial

    @property
    def description(self) -> Mapping[str, Any]:
        """The objective's module and name, and the seed of the trials; what a closure or a partial
        function holds cannot be seen."""
        return {"objective": self._name, "seed": self._trials.seed}

    def begin(self, seed: int) -> None:
        """Let the trials' seeds follow this one, unless the executor has its own."""
        self._trials.begin(seed)

    def submit(self, job: Job, attempt: int) -> None:
        """Start a job at the present virtual time, in the place of one that its trial has."""
        if job.trial in self._running:
            self.cancel(job.trial)
        trial = self._trials.of(job)
        self._running[job.trial] = (attempt, trial, run(self._objective, trial))
        self._schedule(trial)

    def wait(self) -> list[Told]:
        """Move the clock to the next epoch's end. Raises RuntimeError where nothing runs, what
        the objective raises where the disk is full, and FolderGone (a RuntimeError) where it looks
        for a checkpoint of an earlier executor's temporary folder."""
        if not self._due:
            raise RuntimeError("nothing is running: submit a job before waiting")
        self.clock, number = heapq.heappop(self._due)
        attempt, trial, coming = self._running[number]
        self.busy += self._epoch_seconds(trial.configuration)
        events = [next(coming)]
        if isinstance(events[0], Reported) and events[0].epoch == trial.last_epoch:
            events.append(next(coming))
        if isinstance(events[-1], Reported):
            self._schedule(trial)
        else:
            del self._running[number]
        return [Told(attempt, event) for event in events]

    def cancel(self, trial: int) -> None:
        """Forget the trial's job."""
        self._running.pop(trial, None)
        self._due = [(time, number) for time, number in self._due if number != trial]
        heapq.heapify(self._due)

    def _schedule(self, trial: Trial) -> None:
        due = self.clock + self._epoch_seconds(trial.configuration)
        heapq.heappush(self._due, (due, trial.number))


def name_of(objective: Objective) -> str:
    """Its "module:name", that of the function where it is a partial one; a module that is run as a
    script goes by another name whenever it is imported, and has none here."""
    while isinstance(objective, functools.partial):
        objective = objective.func
    named = objective if hasattr(objective, "__qualname__") else type(objective)
    module = getattr(named, "__module__", None)
    return named.__qualname__ if module in (None, "__main__") else f"{module}:{named.__qualname__}"


def _passing_folder(owner: object) -> Path:
    """A place that nobody else has; what comes to lie there is removed with its owner, or when the
    process ends."""
    folder = Path(tempfile.gettempdir()) / f"hpo-{uuid.uuid4().hex}"
    weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)
    return folder
