"""Trials on the machines of a Ray cluster.

Each slot is an actor, which Ray puts wherever its resources are: on this machine, on others, on
those that autoscaling adds. The actor keeps a worker process there (`hpo.executors.worker`), the
same as on one machine, and passes on what it says. So a trial that takes its worker down is told
from a machine that is lost with the actor, for which no trial is to blame. Ray is the engine alone:
the journal stays the only record, and nothing is lost with the cluster but the epochs under way.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.core.types import Job
from hpo.executors.cluster import LOOK_S, Head, connect, head_address, unreachable
from hpo.executors.group import Group
from hpo.executors.handle import Handle, start
from hpo.executors.pool import Pool, Worker
from hpo.executors.resources import GB, Resources

SLOW_S = 1.0  # how long an actor waits for its worker to say something
ENDING_S = 5.0
UNMADE = "creation task"  # in what Ray says of an actor that failed to be made


class Keeper:
    """In an actor: one worker process on the actor's machine."""

    def __init__(self, log: str, environment: Mapping[str, str], setup: Mapping[str, Any] | None):
        if setup is not None and "group" in setup:
            setup = {**setup, "group": {**setup["group"], "host": _address()}}
        self._handle: Handle = start(Path(log), environment, setup)

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

    def end(self) -> None:
        """End the worker, where nobody can end the actor."""
        self._handle.kill()


def _address() -> str:
    """Of this machine, as others of the cluster reach it."""
    import ray

    return ray.util.get_node_ip_address()


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
    slot: int = 0

    @property
    def sources(self) -> list[Any]:
        """Its keeper's next answer."""
        return [self.pending]

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

        if not self.blameless:  # which is lost already, maybe with all the cluster
            ray.kill(self.actor)


class RayExecutor(Pool):
    """A `Pool` of actors; `folder` must be the same folder on every machine.

    address     of a cluster, "auto" or HOST:PORT; "" starts one on this machine, for this study
    resources   of each worker, as Ray counts them; devices of one process are all on one machine.
                Where it has several processes, a placement group has room for all of them, on as
                few machines as it takes

    Its slots are the workers that are ready: those that no machine has room for count when there
    is one. Raises ExecutorError where Ray is not installed, or does not answer, and ValueError
    where a cluster that is started here would have less than is asked for.
    """

    def __init__(
        self,
        factory: str,
        settings: Mapping[str, Any],
        folder: str | Path,
        workers: int,
        seed: int | None = None,
        places: Mapping[str, Any] | None = None,
        address: str = "",
        **options: Any,
    ):
        super().__init__(factory, settings, folder, workers, seed, places, **options)
        own = connect(address, workers, self.resources)
        self._head = Head(head_address(), own)
        if not own and (missing := lacking(self.resources)):
            self.note(
                f"the cluster has no room for a trial yet, it lacks {missing}: waiting for it"
            )
        self.fill(workers)

    def start(self, slot: int) -> RemoteHandle | Group:
        """An actor, on whatever machine has room for it, now or later; or several."""
        self._head.wait()  # or Ray would, and not for ever
        if self.resources.processes == 1:
            return self._started(slot, 0, self.setup, **_of_actor(self.resources))
        from ray.util import placement_group
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        bundles = [bundle(self.resources)] * self.resources.processes
        room = placement_group(bundles, strategy="PACK")
        members = []
        for process in range(self.resources.processes):
            place = PlacementGroupSchedulingStrategy(room, process)
            setup = None if process else self.setup_of(0)
            options = {"scheduling_strategy": place, **_of_actor(self.resources)}
            members.append(self._started(slot, process, setup, **options))
        return Group(members, self.setup_of, lambda: self._give_back(room))

    def readable(self) -> Sequence[Worker]:
        """Those whose keeper has answered."""
        import ray

        self._head.check()
        pending = [source for worker in self.workers for source in worker.sources]
        found, _ = ray.wait(pending, timeout=1.0) if pending else ((), ())
        return [worker for worker in self.workers if any(s in found for s in worker.sources)]

    def _started(
        self, slot: int, process: int, setup: Mapping[str, Any] | None, **options: Any
    ) -> RemoteHandle:
        import ray

        log = self.log_of(slot, process)
        threads = str(self.resources.threads)
        environment = {
            "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
            "NPROC": threads,
            "OMP_NUM_THREADS": threads,
        }
        actor: Any = ray.remote(Keeper).options(**options).remote(str(log), environment, setup)
        return RemoteHandle(actor, log, actor.received.remote())

    def _give_back(self, room: Any) -> None:
        """What was reserved; a head that is lost has forgotten it."""
        from ray.util import remove_placement_group

        if unreachable(self._head.address, LOOK_S) is None:
            remove_placement_group(room)

    def close(self) -> None:
        """Kill the workers, and the cluster if it was started for them; leave one that is lost, or
        Ray would end this process with it."""
        import ray

        if unreachable(self._head.address, LOOK_S) is not None:
            self._end_without_head()
        super().close()
        if self._head.own or self._head.lost:
            ray.shutdown()

    def _end_without_head(self) -> None:
        """Ray cannot kill actors then, but they hear what they are told."""
        import ray

        members = [m for worker in self.workers for m in getattr(worker, "members", [worker])]
        ending = [member.actor.end.remote() for member in members if not member.dead]
        if ending:
            ray.wait(ending, num_returns=len(ending), timeout=ENDING_S)
        self.workers.clear()


def bundle(resources: Resources) -> dict[str, float]:
    """What Ray keeps for a process, in its words."""
    wanted = {
        "CPU": resources.cores or 1.0,
        "GPU": resources.devices,
        "memory": round(resources.memory_gb * GB),
    }
    return {name: amount for name, amount in wanted.items() if amount}


def lacking(resources: Resources) -> str:
    """What of it a whole cluster has too little of for one trial; nothing: ""."""
    import ray

    there = ray.cluster_resources()
    wanted = {name: resources.processes * each for name, each in bundle(resources).items()}
    return ", ".join(
        f"{name} ({amount:g}, has {there.get(name, 0):g})"
        for name, amount in wanted.items()
        if amount > there.get(name, 0)
    )


def _of_actor(resources: Resources) -> dict[str, Any]:
    wanted = bundle(resources)
    names = {"CPU": "num_cpus", "GPU": "num_gpus", "memory": "memory"}
    return {"max_concurrency": 2, **{names[name]: amount for name, amount in wanted.items()}}
