"""Trials in this process on a virtual clock: what W workers would do, without waiting for them."""

import heapq
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from hpo.executors.common import Objective, trial_of
from hpo.types import Completed, Configuration, Event, Failed, Job, Reported, one_line


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
        self._running: dict[int, tuple[Job, Iterator[Mapping[str, float]]]] = {}
        self._due: list[tuple[float, int, int]] = []  # time, trial, epoch

    def submit(self, job: Job) -> None:
        """Start a job at the present virtual time."""
        trial = trial_of(job, self._folder, self._seed)
        self._running[job.trial] = (job, iter(self._objective(trial)))
        self._schedule(job, job.first_epoch + 1)

    def wait(self) -> list[Event]:
        """Move the clock to the next epoch's end. Raises RuntimeError where nothing runs."""
        while self._due:
            self.clock, number, epoch = heapq.heappop(self._due)
            if number in self._running:
                return self._epoch(number, epoch)
        raise RuntimeError("nothing is running: submit a job before waiting")

    def cancel(self, trial: int) -> None:
        """Forget the trial's job."""
        self._running.pop(trial, None)

    def _epoch(self, number: int, epoch: int) -> list[Event]:
        job, reports = self._running[number]
        self.busy += self._epoch_seconds(job.configuration)
        try:
            metrics = next(reports)
        except StopIteration:
            del self._running[number]
            return [Failed(number, f"the objective ended before epoch {epoch}")]
        except Exception as error:
            del self._running[number]
            return [Failed(number, one_line(error))]
        if epoch < job.last_epoch:
            self._schedule(job, epoch + 1)
            return [Reported(number, epoch, metrics)]
        del self._running[number]
        return [Reported(number, epoch, metrics), Completed(number, epoch)]

    def _schedule(self, job: Job, epoch: int) -> None:
        due = self.clock + self._epoch_seconds(job.configuration)
        heapq.heappush(self._due, (due, job.trial, epoch))
