"""What each of several workers on one machine gets of it: accelerators where there are any."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence

MEMORY = 0.9  # of an accelerator, for the workers that share it
LISTED_S = 10.0


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


def environments(workers: int, devices: Sequence[str]) -> list[dict[str, str]]:
    """Variables of each worker: its own devices, or its share of one where workers are more than
    devices; and one thread, as trials side by side use cores better than one trial's threads.

    >>> [each["CUDA_VISIBLE_DEVICES"] for each in environments(2, ["0", "1", "2", "3"])]
    ['0,1', '2,3']
    """
    threads = {"NPROC": "1", "OMP_NUM_THREADS": "1"}
    if not devices:
        return [dict(threads) for _ in range(workers)]
    each, sharing = len(devices) // workers, -(-workers // len(devices))
    found = []
    for worker in range(workers):
        own = devices[worker * each : (worker + 1) * each] or [devices[worker % len(devices)]]
        share = {"XLA_PYTHON_CLIENT_MEM_FRACTION": f"{MEMORY / sharing:.3f}"} if not each else {}
        found.append({"CUDA_VISIBLE_DEVICES": ",".join(own), **share, **threads})
    return found
