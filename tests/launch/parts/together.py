"""Processes of a group as threads of this one: all that they share is the folder."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from launch.parts.meeting import Group, meeting

WAIT_S = 20.0


def together(
    output: Path,
    size: int,
    work: Callable[[Group], Any],
    asked: Callable[[int], dict] = lambda n: {},
) -> list[Future]:
    """What `work` comes to in each process of a group that makes `output`."""

    def member(number: int) -> Any:
        with meeting(output, number, size, asked(number), WAIT_S) as group:
            return work(group)

    with ThreadPoolExecutor(size) as pool:
        ended = [pool.submit(member, number) for number in range(size)]
        wait(ended)
    return ended
