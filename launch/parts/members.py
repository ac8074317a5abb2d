"""Which of several processes this one is, that share the events of a program: by its flags, or by
what started it (`srun`, `mpirun`)."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from absl import flags

from launch.parts.meeting import ALONE, Group, meeting
from launch.shell.group import STARTERS, starter_of
from launch.shell.runs import RunError

NUMBERS = {"slurm": "SLURM_PROCID", "ompi": "OMPI_COMM_WORLD_RANK"}
# Flags in which the processes of a group may differ.
OWN = ("member", "wait", "devices", "workers", "traceback")


def define() -> Callable[..., Any]:
    """Defines the flags of a group; returns the block in which this process is one of it, given
    what the group writes. (`--process` says of `launch.evaluate` what is simulated.)"""
    members = flags.DEFINE_integer(
        "members", 1, "Processes that share the events; they meet beside the output.", 1
    )
    member = flags.DEFINE_integer("member", 0, "With --members: which, from 0.", 0)
    wait = flags.DEFINE_integer("wait", 120, "Seconds in which all of them must have met.", 1)

    @contextmanager
    def joined(output: Path | None) -> Iterator[Group]:
        if member.present and not members.present:
            raise RunError("--member: give --members, their number, too")
        given = (member.value, members.value) if members.present else None
        number, size = given or started(os.environ)
        if number >= size:
            raise RunError(f"process {number}: {size} processes are numbered from 0")
        if size == 1:
            yield ALONE
            return
        if output is None:
            raise RunError(
                f"{size} processes meet beside what they write: give --json, --parquet or --page"
            )
        with ExitStack() as stack:
            if number:  # only the first process speaks; what goes wrong each of them says
                stack.enter_context(redirect_stdout(stack.enter_context(open(os.devnull, "w"))))
            yield stack.enter_context(meeting(output, number, size, asked(), wait.value))

    return joined


def started(environment: Mapping[str, str]) -> tuple[int, int]:
    """Which of how many processes this is, as what started it says; (0, 1): nobody did."""
    starter = starter_of(environment)
    if starter is None:
        return 0, 1
    number = environment.get(NUMBERS[starter], "")
    if not number.isdecimal():
        raise RunError(
            f"{STARTERS[starter]} = {environment[STARTERS[starter]]}, but {NUMBERS[starter]} does "
            "not say which process this is: give --members and --member"
        )
    return int(number), int(environment[STARTERS[starter]])


def asked() -> dict[str, str]:
    """What this program was asked for, by flag, as all processes of a group must be."""
    given = (name for name in flags.FLAGS if flags.FLAGS[name].present and name not in OWN)
    return {name: str(flags.FLAGS[name].value) for name in given}
