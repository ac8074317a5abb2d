"""Trials in this process on a virtual clock: what W workers would do, without waiting for them."""

import heapq
from collections.abc import Callable, Iterator
from pathlib import Path

from hpo.core.types import Completed, Configuration, Event, Job, Reported, Trial
from hpo.executors.common import trial_of
from hpo.executors.running import TROUBLE, Objective, failed, train


class InlineExecutor:
    """Runs `objective` with `workers` virtual workers; events come in a deterministic order.

    `epoch_seconds(configuration)` is how long an epoch takes on the virtual clock. `clock` is the
    time of the last event and `busy` the time spent training by all workers, both in seconds: a
    study's wall time and how much of it the barriers left idle.
    """

    def __init__(
        self,
        objective: Objective,
        workers: int = 1,
        epoch_seconds: Callable[[Configuration], float] = lambda configuration: 1.0,
        seed: int = 0,
        folder: Path = Path(),
    ):
        self.slots, self.clock, self.busy = workers, 0.0, 0.0
        self._objective, self._epoch_seconds = objective, epoch_seconds
        self._seed, self._folder = seed, folder
        self._running: dict[int, tuple[Trial, Iterator[Reported | Completed]]] = {}
        self._due: list[tuple[float, int, int]] = []  # time, trial, epoch

    def submit(self, job: Job) -> None:
        """Start a job at the present virtual time."""
        trial = trial_of(job, self._folder, self._seed)
        self._running[job.trial] = (trial, train(self._objective, trial))
        self._schedule(trial, job.first_epoch + 1)

    def wait(self) -> list[Event]:
        """Move the clock to the next epoch's end. Raises RuntimeError where nothing runs, and what
        the objective raises where the disk is full."""
        while self._due:
            self.clock, number, epoch = heapq.heappop(self._due)
            if number in self._running:
                return self._epoch(number, epoch)
        raise RuntimeError("nothing is running: submit a job before waiting")

    def cancel(self, trial: int) -> None:
        """Forget the trial's job."""
        self._running.pop(trial, None)

    def _epoch(self, number: int, epoch: int) -> list[Event]:
        trial, coming = self._running[number]
        self.busy += self._epoch_seconds(trial.configuration)
        try:
            events = [next(coming)]
            if epoch == trial.last_epoch:
                events.append(next(coming))
        except TROUBLE as error:
            events = [failed(trial, error)]
        if isinstance(events[-1], Reported):
            self._schedule(trial, epoch + 1)
        else:
            del self._running[number]
        return events

    def _schedule(self, trial: Trial, epoch: int) -> None:
        due = self.clock + self._epoch_seconds(trial.configuration)
        heapq.heappush(self._due, (due, trial.number, epoch))
