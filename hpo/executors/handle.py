"""A worker process as its parent sees it: started, spoken to, killed with all that it started."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from hpo.core.types import Job


@dataclass(eq=False)
class Handle:
    """A worker and the job it has; `cancelled` where no more is to be heard of that job."""

    process: subprocess.Popen[bytes]
    connection: Connection
    log: Path
    ready: bool = False
    job: Job | None = None
    attempt: int = 0
    heard: float = 0.0
    cancelled: bool = False
    slot: int = 0

    accepts = True  # what is sent waits in the pipe
    blameless = False

    @property
    def sources(self) -> list[Connection]:
        """What has something when it has said something."""
        return [self.connection]

    @property
    def dead(self) -> bool:
        return self.process.poll() is not None

    @property
    def cause(self) -> str:
        """What a dead worker died of."""
        code = self.process.returncode
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def send(self, message: Mapping[str, Any]) -> None:
        """Say something to it; one that is dead does not hear it."""
        with contextlib.suppress(OSError):
            self.connection.send_bytes(json.dumps(message).encode())

    def received(self) -> tuple[list[Mapping[str, Any]], bool]:
        """What it has sent since, and whether its pipe has ended."""
        messages = []
        try:
            while self.connection.poll():
                messages.append(json.loads(self.connection.recv_bytes()))
        except (EOFError, OSError):
            return messages, True
        return messages, False

    def kill(self) -> None:
        """End it and whatever it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.connection.close()


def start(log: Path, environment: Mapping[str, str], setup: Mapping[str, Any] | None) -> Handle:
    """A fresh interpreter that serves `hpo.executors.worker`; its output is appended to `log`. One
    without a setup waits for it."""
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
                **environment,
            },
            start_new_session=True,  # out of reach of Ctrl-C, and killable with its children
        )
    handle = Handle(process, Connection(ours.detach()), log)
    if setup is not None:
        handle.send(setup)
    return handle
