"""Workers and the jobs they have, wherever the workers are.

Each has an objective made once and runs one job after another. One that is lost is replaced; its
job is told as lost, and may be asked again; a job that takes workers with it fails in the end.
"""

import time
import warnings
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from hpo.executors.protocol import Told, Trials, checked_workers
from hpo.executors.resources import ALONE, Resources
from mlpf_install.wording import counted

MAX_LOSSES = 3  # a job that took so many workers with it and came no epoch further has failed
MAX_UNREADY = 3  # a slot whose workers died so often in a row before they were ready is given up,
MAX_UNREADY_LOST = 10  # or were lost so often with their actors or machines
SILENCE_S = 300.0  # a worker says that it lives every few seconds, however long its epochs are


def warned(text: str) -> None:
    """Say it as a RuntimeWarning."""
    warnings.warn(text, RuntimeWarning, stacklevel=2)


class ExecutorError(RuntimeError):
    """No worker can be had; the message says why. The journal holds all that was done."""


class Worker(Protocol):
    """A worker as the pool sees it, and the job it has.

    attempt     the job's
    heard       when it last said something, on this process's monotonic clock
    cancelled   no more is to be heard of the job
    slot        whose place it has
    sources     what has something when it has said something
    accepts     it can be given a job, ready or not
    blameless   it is dead, and not by anything that it did
    """

    ready: bool
    job: Job | None
    attempt: int
    heard: float
    cancelled: bool
    slot: int

    @property
    def log(self) -> Path: ...

    @property
    def sources(self) -> Sequence[Any]: ...

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
    ahead           how many jobs may be submitted beyond the workers, so that each can choose: for
                    objectives that keep a trial's runner in its worker
    silence_s       a worker that is heard of no more for so long, in s, is taken for dead, as one
                    is whose process or machine was stopped; a slow one is not
    resources       of each trial; where it has several processes, they are one worker (`Group`)
    note            is told of slots that are given up

    A slot whose workers die one after another before they are ready is given up. A context manager;
    leaving it kills the workers. Raises ExecutorError where a worker cannot make its objective, and
    where the last slot is given up.
    """

    def __init__(
        self,
        factory: str,
        settings: Mapping[str, Any],
        folder: str | Path,
        workers: int,
        seed: int | None = None,
        places: Mapping[str, Any] | None = None,
        silence_s: float = SILENCE_S,
        resources: Resources = ALONE,
        note: Callable[[str], None] = warned,
        ahead: int = 0,
    ):
        checked_workers(workers)
        places = places or {}
        if settings.keys() & places.keys():
            raise ValueError(f"settings and places both have {sorted(settings.keys() & places)}")
        self._factory, self._settings = factory, to_json(settings)
        self.setup = {"factory": factory, "settings": to_json({**settings, **places})}
        self.trials = Trials(folder, seed)
        self.resources, self.note, self._silence_s = resources, note, silence_s
        self._ahead = ahead
        self._queue: deque[tuple[Job, int]] = deque()
        self._losses: Counter[int] = Counter()  # of each trial since its last epoch
        self._holders: dict[int, Worker] = {}  # who had a trial last
        # in a row, of a slot, blameless or not
        self._unready: Counter[tuple[int, bool]] = Counter()
        self.workers: list[Worker] = []

    @abstractmethod
    def start(self, slot: int) -> Worker:
        """A new worker in one of the slots, or at least the beginning of one."""

    @abstractmethod
    def readable(self) -> Sequence[Worker]:
        """Workers that have said something, as soon as there are any, or none after a second."""

    @property
    def slots(self) -> int:
        """As many as there are workers that can be given a job, and those `ahead` of them."""
        accepting = sum(worker.accepts for worker in self.workers)
        return accepting + self._ahead * (accepting > 0)

    def fill(self, workers: int) -> None:
        """Start a worker in each slot."""
        self.workers.extend(self._begun(slot) for slot in range(workers))

    def log_of(self, slot: int, process: int = 0) -> Path:
        """Where the output of a slot's workers goes, of each process of a group."""
        name = f"{slot}.{process}.log" if process else f"{slot}.log"
        return self.trials.folder / "workers" / name

    def setup_of(self, process: int) -> dict[str, Any]:
        """What a process is told first; one of several, which of them it is."""
        if self.resources.processes == 1:
            return self.setup
        group = {"process": process, "processes": self.resources.processes}
        return {**self.setup, "group": group}

    @property
    def description(self) -> Mapping[str, Any]:
        """The objective's factory and settings, and the seed of the trials."""
        seed = self.trials.seed
        return {"objective": self._factory, "settings": self._settings, "seed": seed}

    def begin(self, seed: int) -> None:
        """Let the trials' seeds follow this one, unless the executor has its own."""
        self.trials.begin(seed)

    def submit(self, job: Job, attempt: int) -> None:
        """Give the job to an idle worker, or to the first that becomes idle."""
        self._queue.append((job, attempt))
        self._dispatch()

    def wait(self) -> list[Told]:
        """Block until something was heard of a job, or there are more or fewer slots. Raises
        RuntimeError where there are slots and nothing was submitted."""
        told: list[Told] = []
        before = self.slots
        while not told and self.slots == before:
            if before and not self._queue and not any(worker.job for worker in self.workers):
                raise RuntimeError("nothing is running: submit a job before waiting")
            readable = self.readable()
            for worker in list(self.workers):
                dead = worker.dead
                if worker in readable or dead:
                    messages, closed = worker.received()
                    for message in messages:
                        self._receive(worker, message, told)
                    if closed or (dead and worker.dead):  # a group may have said why it ends
                        self._replace(worker, told)
                elif worker.ready and time.monotonic() - worker.heard > self._silence_s:
                    self._replace(worker, told, f"silence for {self._silence_s:g} s")
            self._dispatch()
        return told

    def cancel(self, trial: int) -> None:
        """Stop the trial's job after its present epoch; nothing more is heard of it."""
        self._queue = deque(each for each in self._queue if each[0].trial != trial)
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
        """Give jobs to idle workers: to each first those of trials that it had last, then of those
        that nobody alive had, and only then, rather than none, of those that a busy one had."""
        for theirs in (self._own, self._nobodys, self._others):
            for worker in self.workers:
                if worker.job is None and worker.accepts:
                    self._give(worker, theirs(worker))

    def _give(self, worker: Worker, found: tuple[Job, int] | None) -> None:
        if found is None:
            return
        self._queue.remove(found)
        (worker.job, worker.attempt), worker.cancelled = found, False
        self._holders[worker.job.trial] = worker
        trial = to_json(self.trials.of(worker.job))
        worker.send({"trial": {**trial, "folder": str(trial["folder"])}})

    def _free(self) -> Iterator[tuple[Job, int]]:
        """Jobs whose trial is in nobody's hands: one that was cancelled is, and writes in the
        trial's folder, until its epoch ends."""
        held = {worker.job.trial for worker in self.workers if worker.job is not None}
        return (each for each in self._queue if each[0].trial not in held)

    def _own(self, worker: Worker) -> tuple[Job, int] | None:
        own = (each for each in self._free() if self._holders.get(each[0].trial) is worker)
        return next(own, None)

    def _nobodys(self, worker: Worker) -> tuple[Job, int] | None:
        alive = {id(each) for each in self.workers}
        holders = ((each, self._holders.get(each[0].trial)) for each in self._free())
        return next((each for each, had in holders if id(had) not in alive), None)

    def _others(self, worker: Worker) -> tuple[Job, int] | None:
        """The one with the fewest epochs: they may have to be made again."""
        return min(self._free(), key=lambda each: each[0].first_epoch, default=None)

    def _receive(self, worker: Worker, message: Mapping[str, Any], told: list[Told]) -> None:
        worker.heard = time.monotonic()
        if "alive" in message:
            return
        if "fatal" in message:
            raise ExecutorError(f"worker {worker.slot}: {message['fatal']} (see {worker.log})")
        if "ready" in message:
            worker.ready = True
            self._forget_unready(worker.slot)
            return
        assert worker.job is not None, f"worker {worker.slot} has no job and says {message}"
        self._losses.pop(worker.job.trial, None)  # it came an epoch further, or is over
        event = event_from_json(message["event"]) if "event" in message else None
        if isinstance(event, TrialEvent) and not worker.cancelled:
            told.append(Told(worker.attempt, event, worker.slot))
        if event is None or isinstance(event, Completed | Failed):
            worker.job = None

    def _replace(self, worker: Worker, told: list[Told], cause: str = "") -> None:
        """Put a new worker in a dead one's place and say what became of its job; `cause` is what
        it is taken for dead for, unless it is."""
        worker.kill()
        cause = cause or worker.cause
        at = self.workers.index(worker)
        if worker.ready or not self._is_hopeless(worker):
            self.workers[at] = self._begun(worker.slot)
        else:
            del self.workers[at]
            self._give_up(worker, cause)
        if worker.job is None or worker.cancelled:
            return
        trial = worker.job.trial
        self._losses[trial] += worker.ready and not worker.blameless
        if self._losses[trial] < MAX_LOSSES:
            told.append(Told(worker.attempt, WorkerLost(trial), worker.slot))
        else:
            error = f"took {MAX_LOSSES} workers down with it, the last by {cause}: {worker.log}"
            told.append(Told(worker.attempt, Failed(trial, error), worker.slot))

    def _begun(self, slot: int) -> Worker:
        worker = self.start(slot)
        worker.slot = slot
        return worker

    def _is_hopeless(self, unready: Worker) -> bool:
        """Whether the slot of a worker that died before it was ready is not to be filled again."""
        kind = unready.slot, unready.blameless
        self._unready[kind] += 1
        return self._unready[kind] >= (MAX_UNREADY_LOST if unready.blameless else MAX_UNREADY)

    def _forget_unready(self, slot: int) -> None:
        for blameless in (False, True):
            del self._unready[slot, blameless]

    def _give_up(self, worker: Worker, cause: str) -> None:
        if not self.workers:
            raise ExecutorError(f"workers die before they are ready: {cause}; see {worker.log}")
        deaths = self._unready[worker.slot, worker.blameless]
        self.note(
            f"worker {worker.slot} is given up: {deaths} in a row died before they were ready, the "
            f"last by {cause} ({worker.log}); the study goes on with "
            f"{counted(len(self.workers), 'worker')}"
        )
