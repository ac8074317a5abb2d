"""Workers and the jobs they have, wherever the workers are.

Each has an objective made once and runs one job after another. One that is lost is replaced; its
job is told as lost, and may be asked again; a job that takes workers with it fails in the end.
"""

from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

from hpo.core.types import (
    Completed,
    Failed,
    Job,
    TrialEvent,
    WorkerLost,
    event_from_json,
    to_json,
)
from hpo.executors.protocol import Trials, checked_workers

MAX_LOSSES = 3  # a job that took so many workers with it and came no epoch further has failed


class ExecutorError(RuntimeError):
    """No worker can be had; the message says why. The journal holds all that was done."""


class Worker(Protocol):
    """A worker as the pool sees it, and the job it has.

    cancelled   no more is to be heard of the job
    accepts     it can be given a job, ready or not
    blameless   it is dead, and not by anything that it did
    """

    log: Path
    ready: bool
    job: Job | None
    cancelled: bool

    @property
    def accepts(self) -> bool: ...

    @property
    def dead(self) -> bool: ...

    @property
    def blameless(self) -> bool: ...

    @property
    def cause(self) -> str:
        """What a dead worker died of."""

    def send(self, message: Mapping[str, Any]) -> None:
        """Say something to it; one that is dead does not hear it."""

    def received(self) -> tuple[Sequence[Mapping[str, Any]], bool]:
        """What it has sent since, and whether that was all."""

    def kill(self) -> None:
        """End it and whatever it has started."""


class Pool(ABC):
    """`workers` workers, each with the objective made by `factory(settings)`.

    factory         "module:function", imported in the worker
    settings        JSON, the factory's argument; a study goes on with the same alone
    folder          of the study: trial-0007/ for trial 7, workers/0.log for a worker's output
    seed            of the trials, each of which gets its own from it; the study's unless given
    places          more of the factory's settings: where things lie, which may be elsewhere when
                    the study goes on

    A context manager; leaving it kills the workers. Raises ExecutorError where a worker cannot
    make its objective.
    """

    def __init__(
        self,
        factory: str,
        settings: Mapping[str, Any],
        folder: str | Path,
        workers: int,
        seed: int | None = None,
        places: Mapping[str, Any] | None = None,
    ):
        self.slots = checked_workers(workers)
        places = places or {}
        if settings.keys() & places.keys():
            raise ValueError(f"settings and places both have {sorted(settings.keys() & places)}")
        self._factory, self._settings = factory, to_json(settings)
        self.setup = {"factory": factory, "settings": to_json({**settings, **places})}
        self.trials = Trials(folder, seed)
        self._queue: deque[Job] = deque()
        self._losses: Counter[int] = Counter()  # of each trial since its last epoch
        self._stillborn = 0
        self.workers: list[Worker] = []

    @abstractmethod
    def start(self, index: int) -> Worker:
        """A new worker in one of the slots, or at least the beginning of one."""

    @abstractmethod
    def readable(self) -> Sequence[Worker]:
        """Workers that have said something, as soon as there are any, or none after a second."""

    def log_of(self, index: int) -> Path:
        """Where the output of a slot's workers goes."""
        return self.trials.folder / "workers" / f"{index}.log"

    @property
    def description(self) -> Mapping[str, Any]:
        """The objective's factory and settings, and the seed of the trials."""
        seed = self.trials.seed
        return {"objective": self._factory, "settings": self._settings, "seed": seed}

    def begin(self, seed: int) -> None:
        """Let the trials' seeds follow this one, unless the executor has its own."""
        self.trials.begin(seed)

    def submit(self, job: Job) -> None:
        """Give the job to an idle worker, or to the first that becomes idle."""
        self._queue.append(job)
        self._dispatch()

    def wait(self) -> list[TrialEvent]:
        """Block until there are events. Raises RuntimeError where nothing was submitted."""
        events: list[TrialEvent] = []
        while not events:
            if not self._queue and not any(worker.job for worker in self.workers):
                raise RuntimeError("nothing is running: submit a job before waiting")
            readable = self.readable()
            for index, worker in enumerate(self.workers):
                dead = worker.dead
                if worker in readable or dead:
                    messages, closed = worker.received()
                    for message in messages:
                        self._receive(index, message, events)
                    if dead or closed:
                        self._replace(index, events)
            self._dispatch()
        return events

    def cancel(self, trial: int) -> None:
        """Stop the trial's job after its present epoch; nothing more is heard of it."""
        self._queue = deque(job for job in self._queue if job.trial != trial)
        for worker in self.workers:
            if worker.job is not None and worker.job.trial == trial:
                worker.cancelled = True
                worker.send({"cancel": trial})

    def close(self) -> None:
        """Kill the workers and whatever they have started."""
        for worker in self.workers:
            worker.kill()
        self.workers.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _dispatch(self) -> None:
        for worker in self.workers:
            free = worker.job is None and worker.accepts
            job = self._next() if free else None
            if job is not None:
                self._queue.remove(job)
                worker.job, worker.cancelled = job, False
                trial = to_json(self.trials.of(job))
                worker.send({"trial": {**trial, "folder": str(trial["folder"])}})

    def _next(self) -> Job | None:
        """The first job whose trial is in nobody's hands: one that was cancelled is, and writes in
        the trial's folder, until its epoch ends."""
        held = {worker.job.trial for worker in self.workers if worker.job is not None}
        return next((job for job in self._queue if job.trial not in held), None)

    def _receive(self, index: int, message: Mapping[str, Any], events: list[TrialEvent]) -> None:
        worker = self.workers[index]
        if "fatal" in message:
            raise ExecutorError(f"worker {index}: {message['fatal']} (see {worker.log})")
        if "ready" in message:
            worker.ready, self._stillborn = True, 0
            return
        self._losses.pop(worker.job.trial, None)  # it came an epoch further, or is over
        event = event_from_json(message["event"]) if "event" in message else None
        if event is not None and not worker.cancelled:
            events.append(event)
        if event is None or isinstance(event, Completed | Failed):
            worker.job = None

    def _replace(self, index: int, events: list[TrialEvent]) -> None:
        """Put a new worker in a dead one's place and say what became of its job."""
        worker = self.workers[index]
        worker.kill()
        if not worker.ready and not worker.blameless:
            self._stillborn += 1
            if self._stillborn == MAX_LOSSES:
                raise ExecutorError(
                    f"workers die before they are ready: {worker.cause}; see {worker.log}"
                )
        self.workers[index] = self.start(index)
        if worker.job is None or worker.cancelled:
            return
        trial = worker.job.trial
        self._losses[trial] += not worker.blameless
        if self._losses[trial] < MAX_LOSSES:
            events.append(WorkerLost(trial))
        else:
            error = (
                f"took {MAX_LOSSES} workers down with it, the last by {worker.cause}: {worker.log}"
            )
            events.append(Failed(trial, error))
