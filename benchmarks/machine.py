"""What a figure was taken on, and how a time is taken on a machine that others share."""

import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path


def machine() -> str:
    """Processor, cores, Python: one line."""
    names = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    processor, cores = names[0] if names else platform.machine(), len(os.sched_getaffinity(0))
    return f"{processor}, {cores} cores, Python {platform.python_version()}"


def cpu_seconds(work: Callable[[], object], repeats: int) -> float:
    """Median CPU time of this process, all threads, over repeats after one that warms up.

    At least a nanosecond, the clock's resolution: on some machines it stands still for a while.
    """
    work()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return max(statistics.median(times), 1e-9)
