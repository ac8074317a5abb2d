"""What each of several workers on one machine gets of it: accelerators where there are any."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from hpo.executors.resources import ALONE, GB, Resources
from mlpf_install.wording import counted

MEMORY = 0.9  # of an accelerator, for the workers that share it
LISTED_S = 10.0
LIMIT = Path("/sys/fs/cgroup/memory.max")  # of a container


class Machine(NamedTuple):
    """What this process may use of a machine: devices as CUDA_VISIBLE_DEVICES names them."""

    devices: Sequence[str]
    cores: int
    memory_gb: float


def machine() -> Machine:
    """This one."""
    held = getattr(os, "sched_getaffinity", None)  # not on macOS
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):
        memory = min(memory, int(LIMIT.read_text()))
    return Machine(accelerators(), len(held(0)) if held else os.cpu_count() or 1, memory / GB)


def accelerators(environment: Mapping[str, str] = os.environ) -> list[str]:
    """The NVIDIA devices that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    if (visible := environment.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [name.strip() for name in visible.split(",") if name.strip() not in ("", "-1")]
    if shutil.which("nvidia-smi") is None:
        return []
    try:
        listed = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, check=True, timeout=LISTED_S
        )
    except (OSError, subprocess.SubprocessError):
        return []
    lines = [line for line in listed.stdout.splitlines() if line.startswith("GPU ")]
    return [str(number) for number in range(len(lines))]


def check_room(workers: int, resources: Resources, there: Machine) -> None:
    """Raises ValueError, in one line, where a machine has less than its workers are to be given."""
    count = workers * resources.processes
    asked = {
        "devices": (_needed(count, resources.devices), len(there.devices)),
        "cores": (count * resources.cores, there.cores),
        "memory_gb": (count * resources.memory_gb, round(there.memory_gb, 1)),
    }
    group = f" x {resources.processes} processes" if resources.processes > 1 else ""
    for name, (wanted, has) in asked.items():
        if wanted > has:
            raise ValueError(
                f"{counted(workers, 'worker')}{group} with resources.{name} = "
                f"{getattr(resources, name):g} need {wanted:g}, and this machine has {has:g}: take "
                "fewer workers, or give them less"
            )
    if resources.processes > 1 and 0 < len(there.devices) < count:
        raise ValueError(
            f"{counted(workers, 'worker')}{group} need a device each, and this machine has "
            f"{len(there.devices)}: take fewer workers"
        )


def environments(
    workers: int, there: Machine, resources: Resources = ALONE
) -> list[dict[str, str]]:
    """Variables of each process, worker by worker: its own devices, or its share of one; and its
    threads. One unless cores are asked for: trials side by side use them better than one trial.

    Raises ValueError where there is less than is asked for, or where processes of a group would
    have to share a device.

    >>> there = Machine(["0", "1", "2", "3"], cores=8, memory_gb=64.0)
    >>> [each["CUDA_VISIBLE_DEVICES"] for each in environments(2, there)]
    ['0,1', '2,3']
    """
    check_room(workers, resources, there)
    count, asked = workers * resources.processes, resources.devices
    threads = {"NPROC": str(resources.threads), "OMP_NUM_THREADS": str(resources.threads)}
    if not there.devices:
        return [dict(threads) for _ in range(count)]
    own = int(asked) if asked else len(there.devices) // count
    shares = _own(count, own, there.devices) if own else _shared(count, asked, there.devices)
    return [share | threads for share in shares]


def _needed(count: int, asked: float) -> int:
    """Devices; a fraction of one is not put together from two."""
    return -(-count // _users(asked)) if 0 < asked < 1 else count * int(asked)


def _users(asked: float) -> int:
    """Of a device of which each is given a fraction."""
    return int(1 / asked + 1e-9)


def _own(count: int, each: int, devices: Sequence[str]) -> list[dict[str, str]]:
    return [_visible(devices[first * each : (first + 1) * each]) for first in range(count)]


def _shared(count: int, asked: float, devices: Sequence[str]) -> list[dict[str, str]]:
    """A fraction of a device for each: the one asked for, or as many as there are processes."""
    users = _users(asked) if asked else -(-count // len(devices))
    fraction = f"{MEMORY * (asked or 1 / users):.3f}"
    places = [n // users if asked else n % len(devices) for n in range(count)]
    return [
        _visible([devices[place]]) | {"XLA_PYTHON_CLIENT_MEM_FRACTION": fraction}
        for place in places
    ]


def _visible(devices: Sequence[str]) -> dict[str, str]:
    return {"CUDA_VISIBLE_DEVICES": ",".join(devices)}
