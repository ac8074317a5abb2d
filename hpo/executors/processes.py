"""Trials in worker processes of this machine.

Workers are fresh interpreters, never forks (JAX does not survive one), and are reused from job to
job, so that imports and compilations are paid once each.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from hpo.core.types import (
    Completed,
    Event,
    Failed,
    Job,
    WorkerLost,
    event_from_json,
    to_json,
)
from hpo.executors.common import trial_of

MAX_LOSSES = 3  # a job that took so many workers with it has failed


class ExecutorError(RuntimeError):
    """No worker can be had; the message says why. The journal holds all that was done."""


@dataclass
class _Worker:
    index: int
    process: subprocess.Popen
    connection: Connection
    log: Path
    ready: bool = False
    job: Job | None = None
    cancelled: bool = False

    def send(self, message: Mapping[str, Any]) -> None:
        with contextlib.suppress(OSError):  # a dead worker is found and replaced in `wait`
            self.connection.send_bytes(json.dumps(message).encode())


class ProcessExecutor:
    """`workers` processes, each with the objective made by `factory(settings)`.

    factory         "module:function", imported in the worker
    settings        JSON, the factory's argument
    folder          of the study: trial-0007/ for trial 7, workers/0.log for a worker's output
    seed            of the study; every trial gets its own from it
    environments    environment variables of each worker, over this process's: thread counts,
                    devices

    A context manager; leaving it kills the workers. Raises ExecutorError where a worker cannot
    make its objective.
    """

    def __init__(
        self,
        factory: str,
        settings: Mapping[str, Any],
        folder: str | Path,
        workers: int,
        seed: int = 0,
        environments: Sequence[Mapping[str, str]] = (),
    ):
        if workers < 1:
            raise ValueError(f"at least one worker is needed, not {workers}")
        if environments and len(environments) != workers:
            raise ValueError(f"{len(environments)} environments for {workers} workers")
        self.slots = workers
        self._setup = {"factory": factory, "settings": to_json(settings)}
        self._folder, self._seed = Path(folder).absolute(), seed
        self._environments = environments or [{}] * workers
        self._queue: deque[Job] = deque()
        self._losses: Counter[int] = Counter()
        self._stillborn = 0
        self._workers: list[_Worker] = []
        self._workers.extend(self._start(index) for index in range(workers))

    def submit(self, job: Job) -> None:
        """Give the job to an idle worker, or to the first that becomes idle."""
        self._queue.append(job)
        self._dispatch()

    def wait(self) -> list[Event]:
        """Block until there are events. Raises RuntimeError where nothing was submitted."""
        events: list[Event] = []
        while not events:
            if not self._queue and not any(worker.job for worker in self._workers):
                raise RuntimeError("nothing is running: submit a job before waiting")
            # A worker's children can hold its end of the pipe open when it dies: look every second.
            readable = wait([worker.connection for worker in self._workers], timeout=1.0)
            for worker in list(self._workers):
                dead = worker.process.poll() is not None
                if worker.connection in readable or dead:
                    closed = self._read(worker, events)
                    if dead or closed:
                        self._replace(worker, events)
            self._dispatch()
        return events

    def cancel(self, trial: int) -> None:
        """Stop the trial's job after its present epoch; nothing more is heard of it."""
        self._queue = deque(job for job in self._queue if job.trial != trial)
        for worker in self._workers:
            if worker.job is not None and worker.job.trial == trial:
                worker.cancelled = True
                worker.send({"cancel": trial})

    def close(self) -> None:
        """Kill the workers and whatever they have started."""
        for worker in self._workers:
            _kill(worker)
        self._workers.clear()

    def __enter__(self) -> "ProcessExecutor":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self, index: int) -> _Worker:
        log = self._folder / "workers" / f"{index}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        ours, theirs = socket.socketpair()
        with theirs, log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "hpo.executors.worker", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[theirs.fileno()],
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
                    **self._environments[index],
                },
                start_new_session=True,  # out of reach of Ctrl-C, and killable with its children
            )
        worker = _Worker(index, process, Connection(ours.detach()), log)
        worker.send(self._setup)
        return worker

    def _dispatch(self) -> None:
        for worker in self._workers:
            if self._queue and worker.job is None:
                worker.job, worker.cancelled = self._queue.popleft(), False
                trial = to_json(trial_of(worker.job, self._folder, self._seed))
                worker.send({"trial": {**trial, "folder": str(trial["folder"])}})

    def _read(self, worker: _Worker, events: list[Event]) -> bool:
        """Take what the worker has sent; True where its pipe has ended."""
        try:
            while worker.connection.poll():
                self._receive(worker, json.loads(worker.connection.recv_bytes()), events)
        except (EOFError, OSError):
            return True
        return False

    def _receive(self, worker: _Worker, message: Mapping[str, Any], events: list[Event]) -> None:
        if "fatal" in message:
            raise ExecutorError(f"worker {worker.index}: {message['fatal']} (see {worker.log})")
        if "ready" in message:
            worker.ready, self._stillborn = True, 0
            return
        event = event_from_json(message["event"]) if "event" in message else None
        if event is not None and not worker.cancelled:
            events.append(event)
        if event is None or isinstance(event, Completed | Failed):
            self._losses.pop(worker.job.trial, None)
            worker.job = None

    def _replace(self, worker: _Worker, events: list[Event]) -> None:
        """Put a new worker in a dead one's place and say what became of its job."""
        _kill(worker)
        code = worker.process.returncode
        cause = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        if not worker.ready:
            self._stillborn += 1
            if self._stillborn == MAX_LOSSES:
                raise ExecutorError(f"workers die before they are ready: {cause}; see {worker.log}")
        self._workers[worker.index] = self._start(worker.index)
        if worker.job is None or worker.cancelled:
            return
        trial = worker.job.trial
        self._losses[trial] += 1
        if self._losses[trial] < MAX_LOSSES:
            events.append(WorkerLost(trial))
        else:
            error = f"took {MAX_LOSSES} workers down with it, the last by {cause}: {worker.log}"
            events.append(Failed(trial, error))


def _kill(worker: _Worker) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(worker.process.pid, signal.SIGKILL)
    worker.process.wait()
    worker.connection.close()
