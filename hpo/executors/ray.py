"""Trials on the machines of a Ray cluster.

Each slot is an actor, which Ray puts wherever its resources are: on this machine, on others, on
those that autoscaling adds. The actor keeps a worker process there (`hpo.executors.worker`), the
same as on one machine, and passes on what it says. So a trial that takes its worker down is told
from a machine that is lost with the actor, for which no trial is to blame. Ray is the engine alone:
the journal stays the only record, and nothing is lost with the cluster but the epochs under way.
"""

import os
import socket
import subprocess
import sys
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.core.types import Job
from hpo.executors.handle import Handle, start
from hpo.executors.pool import SILENCE_S, ExecutorError, Pool

AUTH = "RAY_AUTH_MODE"  # what Ray reads it from
SLOW_S = 1.0  # how long an actor waits for its worker to say something
ENDING_S, REACHED_S = 5.0, 10.0
UNMADE = "creation task"  # in what Ray says of an actor that failed to be made


class Keeper:
    """In an actor: one worker process on the actor's machine."""

    def __init__(self, log: str, paths: str, setup: Mapping[str, Any]):
        self._handle: Handle = start(Path(log), {"PYTHONPATH": paths}, setup)

    def send(self, message: Mapping[str, Any]) -> None:
        self._handle.send(message)

    def received(self) -> tuple[list[Mapping[str, Any]], bool, str | None]:
        """What the worker has said, as soon as there is something; whether that was all; and what
        it died of, if it did."""
        handle = self._handle
        handle.connection.poll(SLOW_S)
        dead = handle.dead  # before what it said last, which is read after
        messages, closed = handle.received()
        if closed and not dead:  # its pipe has ended, so it is about to
            with suppress(subprocess.TimeoutExpired):
                handle.process.wait(ENDING_S)
            dead = handle.dead
        return messages, closed, handle.cause if dead else None


@dataclass(eq=False)
class RemoteHandle:
    """A worker whose keeper is an actor."""

    actor: Any
    log: Path
    pending: Any  # the keeper's next answer, to come
    ready: bool = False
    job: Job | None = None
    attempt: int = 0
    heard: float = 0.0
    cancelled: bool = False
    cause: str = ""
    dead: bool = False
    blameless: bool = False

    @property
    def accepts(self) -> bool:
        """One that is not ready may be waiting for a machine that never comes."""
        return self.ready

    def send(self, message: Mapping[str, Any]) -> None:
        """Say something to it."""
        self.actor.send.remote(message)

    def received(self) -> tuple[Sequence[Mapping[str, Any]], bool]:
        """What it has said, and whether it is dead."""
        import ray

        if self.dead or not ray.wait([self.pending], timeout=0)[0]:
            return (), self.dead
        try:
            messages, closed, cause = ray.get(self.pending)
        except ray.exceptions.RayActorError as error:
            self.dead, self.blameless = True, UNMADE not in str(error)
            self.cause = f"the loss of its machine or its actor ({str(error).splitlines()[0]})"
            return (), True
        if cause is not None:
            self.dead, self.cause = True, cause
        else:
            self.pending = self.actor.received.remote()
        return messages, closed or self.dead

    def kill(self) -> None:
        """End the actor; the worker ends with it, and whatever it has started."""
        import ray

        ray.kill(self.actor)


class RayExecutor(Pool):
    """A `Pool` of actors; `folder` must be the same folder on every machine.

    address     of a cluster, "auto" or HOST:PORT; "" starts one on this machine, for this study
    cpus, gpus  what each worker is given; with several GPUs, all of them on one machine

    Its slots are the workers that are ready: those that no machine has room for count when there
    is one. Raises ExecutorError where Ray is not installed, or does not answer.
    """

    workers: list[RemoteHandle]

    def __init__(
        self,
        factory: str,
        settings: Mapping[str, Any],
        folder: str | Path,
        workers: int,
        seed: int | None = None,
        places: Mapping[str, Any] | None = None,
        address: str = "",
        cpus: float = 1.0,
        gpus: float = 0.0,
        silence_s: float = SILENCE_S,
        ahead: int = 0,
    ):
        super().__init__(factory, settings, folder, workers, seed, places, silence_s, ahead)
        self._own_cluster = connect(address, workers * cpus)
        self._options = {"num_cpus": cpus, "num_gpus": gpus, "max_concurrency": 2}
        self.workers.extend(self.start(index) for index in range(workers))

    def start(self, index: int) -> RemoteHandle:
        """An actor, on whatever machine has room for it, now or later."""
        import ray

        log = self.log_of(index)
        paths = os.pathsep.join(path or os.getcwd() for path in sys.path)
        actor = ray.remote(Keeper).options(**self._options).remote(str(log), paths, self.setup)
        return RemoteHandle(actor, log, actor.received.remote())

    def readable(self) -> list[RemoteHandle]:
        """Those whose keeper has answered."""
        import ray

        found, _ = ray.wait([worker.pending for worker in self.workers], timeout=1.0)
        return [worker for worker in self.workers if worker.pending in found]

    def close(self) -> None:
        """Kill the workers, and the cluster if it was started for them."""
        import ray

        super().close()
        if self._own_cluster:
            ray.shutdown()


def connect(address: str, cpus: float) -> bool:
    """Joins a cluster, unless this process is in one; whether it was started here, with so many
    CPUs whatever the machine has. Raises ExecutorError."""
    try:
        import ray
    except ImportError:
        raise ExecutorError(
            "Ray is not installed: pip install 'mlpf-jax[ray]', or take another executor"
        ) from None
    if ray.is_initialized():
        return False
    _check_there(address)
    # Ray forks and runs another program at once, which a process that has imported JAX warns of.
    warnings.filterwarnings("ignore", r"os\.fork\(\) was called", RuntimeWarning)
    quiet = {"log_to_driver": False, "configure_logging": False, "include_dashboard": False}
    try:
        if address:
            ray.init(address=address, **quiet)
        else:
            ray.init(num_cpus=max(1, round(cpus)), object_store_memory=100 * 2**20, **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        at = f"at {address!r}" if address else "on this machine"
        hint = (
            ""
            if os.environ.get(AUTH)
            else f"; one with tokens, as of `ray start`, needs {AUTH}=token"
        )
        reason = str(error).splitlines()[0]
        raise ExecutorError(f"no Ray cluster {at}: {reason}{hint if address else ''}") from error
    return not address


def _check_there(address: str) -> None:
    """Ray would try for five minutes."""
    host, _, port = address.rpartition(":")
    if not (host and port.isdecimal()):  # "auto", or what Ray has other names for
        return
    try:
        socket.create_connection((host, int(port)), REACHED_S).close()
    except OSError as error:
        raise ExecutorError(f"no Ray cluster at {address!r}: {error}") from None
