"""A Ray cluster as who plays a study on it sees it: joined or started, and whether it is there.

Ray ends a process that has not reached its cluster's head for a minute, without an exception; so
the head is looked after here, and its loss is said before.
"""

import math
import os
import socket
import time
import warnings
from dataclasses import dataclass
from typing import Any

from hpo.executors.devices import check_room, machine
from hpo.executors.pool import ExecutorError
from hpo.executors.resources import ALONE, GB, Resources

AUTH = "RAY_AUTH_MODE"  # what Ray reads it from
REACHED_S = 10.0
HEAD_S = 30.0  # without its head a cluster is given up; Ray would end this process after 60 s
LOOK_S = 1.0  # until the head is looked after again


@dataclass
class Head:
    """Whether a cluster's head is there. Actors are reached without it, and go on; none begins.

    address     HOST:PORT
    own         it was started here, for one study
    looked      when it was last asked, on this process's monotonic clock
    missed      since when it has not answered; None where it did
    lost        it is given up
    """

    address: str
    own: bool = False
    looked: float = -math.inf
    missed: float | None = None
    lost: bool = False

    def check(self) -> bool:
        """Whether it is there; asked once in LOOK_S. Raises ExecutorError where it has not been for
        HEAD_S."""
        now = time.monotonic()
        if now - self.looked < LOOK_S:
            return self.missed is None
        self.looked = now
        if (reason := unreachable(self.address, LOOK_S)) is None:
            self.missed = None
            return True
        self.missed = now if self.missed is None else self.missed
        if now - self.missed >= HEAD_S:
            self.lost = True
            raise ExecutorError(
                f"the Ray cluster at {self.address!r} is lost, its head has not answered for "
                f"{HEAD_S:g} s ({reason}); the journal has all that was done: {self._how_to_go_on}"
            )
        return False

    @property
    def _how_to_go_on(self) -> str:
        if self.own:
            return "the same command goes on from there"
        return "start a cluster, and the same command with its address goes on from there"

    def wait(self) -> None:
        """Until it is there. Raises ExecutorError as `check`."""
        while not self.check():
            time.sleep(LOOK_S)


def connect(address: str, workers: int, resources: Resources = ALONE) -> bool:
    """Joins a cluster, unless this process is in one; whether it was started here, with room for so
    many workers. Raises ExecutorError, and ValueError where this machine has no such room."""
    try:
        import ray
    except ImportError:
        raise ExecutorError(
            "Ray is not installed: pip install 'mlpf-jax[ray]', or take another executor"
        ) from None
    if ray.is_initialized():
        return False
    if address:
        _check_there(address)
    else:
        check_room(workers, resources, machine())
    # Ray forks and runs another program at once, which a process that has imported JAX warns of.
    warnings.filterwarnings("ignore", r"os\.fork\(\) was called", RuntimeWarning)
    quiet: dict[str, Any] = {
        "log_to_driver": False,
        "configure_logging": False,
        "include_dashboard": False,
    }
    try:
        if address:
            ray.init(address=address, **quiet)
        else:
            whole = workers * resources.processes
            cpus = max(1, math.ceil(whole * (resources.cores or 1)))
            memory = round(whole * resources.memory_gb * GB) or None
            room: dict[str, Any] = {
                "num_cpus": cpus,
                "_memory": memory,
                "object_store_memory": 100 * 2**20,
            }
            # "local": else it would join whatever runs on this machine, or fail to
            ray.init(address="local", **room, **quiet)
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


def head_address() -> str:
    import ray

    return ray.get_runtime_context().gcs_address


def _check_there(address: str) -> None:
    """Ray would try for five minutes."""
    host, _, port = address.rpartition(":")
    if not (host and port.isdecimal()):  # "auto", or what Ray has other names for
        return
    if (reason := unreachable(address, REACHED_S)) is not None:
        raise ExecutorError(f"no Ray cluster at {address!r}: {reason}")


def unreachable(address: str, limit_s: float) -> str | None:
    """Why nobody takes connections at HOST:PORT; None where somebody does."""
    host, _, port = address.rpartition(":")
    try:  # an address of IPv6 stands in brackets
        socket.create_connection((host.strip("[]"), int(port)), limit_s).close()
    except OSError as error:
        return str(error)
    return None
