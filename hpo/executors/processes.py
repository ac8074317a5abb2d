"""Trials in worker processes of this machine.

Workers are fresh interpreters, never forks (JAX does not survive one), and are reused from job to
job, so that imports and compilations are paid once each.
"""

from collections.abc import Mapping, Sequence
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from hpo.executors.handle import Handle, start
from hpo.executors.pool import SILENCE_S, Pool


class ProcessExecutor(Pool):
    """A `Pool` of processes.

    environments    environment variables of each worker, over this process's: thread counts,
                    devices
    """

    workers: list[Handle]

    def __init__(
        self,
        factory: str,
        settings: Mapping[str, Any],
        folder: str | Path,
        workers: int,
        seed: int | None = None,
        environments: Sequence[Mapping[str, str]] = (),
        places: Mapping[str, Any] | None = None,
        silence_s: float = SILENCE_S,
        ahead: int = 0,
    ):
        super().__init__(factory, settings, folder, workers, seed, places, silence_s, ahead)
        if environments and len(environments) != workers:
            raise ValueError(f"{len(environments)} environments for {workers} workers")
        self._environments = environments or [{}] * workers
        self.workers.extend(self.start(index) for index in range(workers))

    def start(self, index: int) -> Handle:
        """A fresh interpreter."""
        return start(self.log_of(index), self._environments[index], self.setup)

    def readable(self) -> list[Handle]:
        """Those whose pipe has something."""
        # A worker's children can hold its end of the pipe open when it dies: look every second.
        found = wait([worker.connection for worker in self.workers], timeout=1.0)
        return [worker for worker in self.workers if worker.connection in found]
