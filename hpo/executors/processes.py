"""Trials in worker processes of this machine.

Workers are fresh interpreters, never forks (JAX does not survive one), and are reused from job to
job, so that imports and compilations are paid once each.
"""

from collections.abc import Mapping, Sequence
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from hpo.executors.group import Group
from hpo.executors.handle import Handle, start
from hpo.executors.pool import Pool, Worker


class ProcessExecutor(Pool):
    """A `Pool` of processes.

    environments    environment variables of each worker, over this process's: thread counts,
                    devices; of each process, worker by worker, where `resources` asks for several
    """

    def __init__(
        self,
        factory: str,
        settings: Mapping[str, Any],
        folder: str | Path,
        workers: int,
        seed: int | None = None,
        environments: Sequence[Mapping[str, str]] = (),
        places: Mapping[str, Any] | None = None,
        **options: Any,
    ):
        super().__init__(factory, settings, folder, workers, seed, places, **options)
        count = workers * self.resources.processes
        if environments and len(environments) != count:
            raise ValueError(f"{len(environments)} environments for {count} workers")
        self._environments = environments or [{}] * count
        self.fill(workers)

    def start(self, slot: int) -> Handle | Group:
        """A fresh interpreter, or several that are one worker."""
        processes = self.resources.processes
        members = [self._started(slot, process) for process in range(processes)]
        return members[0] if processes == 1 else Group(members, self.setup_of)

    def readable(self) -> Sequence[Worker]:
        """Those whose pipe has something."""
        # A worker's children can hold its end of the pipe open when it dies: look every second.
        found = wait([each for worker in self.workers for each in worker.sources], timeout=1.0)
        return [worker for worker in self.workers if any(s in found for s in worker.sources)]

    def _started(self, slot: int, process: int) -> Handle:
        environment = self._environments[slot * self.resources.processes + process]
        setup = None if process else self.setup_of(0)
        return start(self.log_of(slot, process), environment, setup)
