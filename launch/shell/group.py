"""Processes that train one model together, maybe on several machines: who they are, and who writes.

Every process runs the same program with the same flags, and has its share of the devices. Flags
name them (`--coordinator`, `--processes`, `--process`), or what started them does: Slurm's `srun`
and Open MPI's `mpirun` number their processes. The first one makes datasets, writes and speaks;
all of them read the folder of the run, which must be the same one for all.
"""

import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from absl import flags
from ml_collections import ConfigDict

from launch.shell import program, runs
from launch.shell.runs import Run, RunError

WAIT_S = 120  # in which all processes must have met
HEARTBEAT_S = 60  # without a sign of life, after which a process counts as dead
# Variables in which a starter of processes says how many there are.
STARTERS = {"slurm": "SLURM_STEP_NUM_TASKS", "ompi": "OMPI_COMM_WORLD_SIZE"}


def define() -> Callable[[], AbstractContextManager[None]]:
    """Defines the flags of a group; returns the block in which this process is one of it."""
    coordinator = flags.DEFINE_string(
        "coordinator", "", "HOST:PORT of the first of several processes that train together."
    )
    processes = flags.DEFINE_integer("processes", 1, "With --coordinator: how many.", 1)
    process = flags.DEFINE_integer("process", 0, "With --coordinator: which, from 0.", 0)
    wait = flags.DEFINE_integer("wait", WAIT_S, "Seconds in which all processes must have met.", 1)

    def joining() -> bool:
        given = [f.name for f in (processes, process) if f.present]
        if given and not coordinator.value:
            raise RunError(f"--{given[0]}: give --coordinator=HOST:PORT of the first process, too")
        if coordinator.value:
            join(coordinator.value, processes.value, process.value, wait.value)
        elif starter := starter_of(os.environ):
            where = f"as {STARTERS[starter]} says"
            _initialise(where, wait.value, cluster_detection_method=starter)
        else:
            return False
        return True

    return lambda: _member(joining)


def define_devices() -> Callable[..., Any]:
    """Defines --devices of a program each of whose processes has its own; returns what makes their
    mesh, given that of a run's configuration. Raises RunError where there are not so many."""
    devices = flags.DEFINE_integer(
        "devices", 0, "That share every batch; -1: all there are; 0: as the run's config.mesh.", -1
    )

    def mesh(configured: Mapping[str, int] | None = None) -> Any:
        from mlpf_jax.training import parallel

        sizes = {"data": devices.value} if devices.value else configured or {}
        try:
            return parallel.mesh_of(sizes)
        except ValueError as error:
            raise RunError(f"{error} (--devices=1 takes one of them)") from None

    return mesh


@contextmanager
def _member(join: Callable[[], bool]) -> Iterator[None]:
    joined = join()
    try:
        if joined:
            from mlpf_jax.training import parallel

            parallel.connect_processes()
        yield
    except BaseException as error:
        import jax

        if jax.process_count() == 1:
            raise
        # At once: an orderly end would wait for the others, and they may wait for this one.
        os._exit(program.failed(_of_group(error)))


@contextmanager
def lost_together() -> Iterator[None]:
    """Around a trial: where one process of a group does not reach the others, or not in time, it is
    lost, and no trial has failed. Its end is the group's, which the executor starts again. Out of
    memory a trial has failed."""
    import jax

    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if jax.process_count() == 1 or "RESOURCE_EXHAUSTED" in str(error):
            raise
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


def _of_group(error: BaseException) -> BaseException:
    """What a collective says when another process is gone, in words of ours."""
    import jax

    if not isinstance(error, jax.errors.JaxRuntimeError):
        return error
    return RunError(
        "another process of the group is gone, or its network: start all of them again, and the "
        f"training goes on from its last checkpoint ({str(error).splitlines()[0]})"
    )


def starter_of(environment: Mapping[str, str]) -> str | None:
    """What started this process as one of several: "slurm" or "ompi"; None: nobody."""
    for starter, variable in STARTERS.items():
        value = environment.get(variable, "")
        if value.isdecimal() and int(value) > 1:
            return starter
    return None


def join(coordinator: str, processes: int, process: int, wait: int = WAIT_S) -> None:
    """This process is one of a group from now on. Raises RunError where it cannot be; ends it where
    the others do not come within `wait` s."""
    host, _, port = coordinator.rpartition(":")
    if not host or not port.isdecimal():
        raise RunError(f"--coordinator={coordinator}: write HOST:PORT, as node1:4321")
    if process >= processes:
        raise RunError(f"--process={process}: {processes} processes are numbered from 0")
    if processes > 1:
        who = {"num_processes": processes, "process_id": process}
        where = f"at --coordinator={coordinator}"
        _initialise(where, wait, coordinator_address=coordinator, **who)


def _initialise(where: str, wait: int, **arguments) -> None:
    import jax

    def too_late() -> None:  # JAX would abort the process, with a page of addresses
        print(
            f"error: not all processes of the group met within {wait} s {where}: start all of "
            "them, with the same address, or give them more time (--wait)",
            file=sys.stderr,
        )
        sys.stderr.flush()
        os._exit(1)

    late = threading.Timer(wait, too_late)
    late.daemon = True
    late.start()
    try:
        jax.distributed.initialize(
            initialization_timeout=2 * wait + HEARTBEAT_S,
            heartbeat_timeout_seconds=HEARTBEAT_S,
            shutdown_timeout_seconds=HEARTBEAT_S,
            **arguments,
        )
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise RunError(f"this process cannot join the group {where}: {reason}") from None
    finally:
        late.cancel()
    if jax.process_index():
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - until the process ends


@contextmanager
def working_in(folder: Path, config: ConfigDict) -> Iterator[Run]:
    """`runs.working_in` of the first process; the others get the run once that one has begun it."""
    import jax

    from mlpf_jax.training import parallel

    if jax.process_index():
        parallel.wait("run")
        run = runs.open_run(folder)
        runs.check_same(run, config)
        yield Run(folder, config, first=False)
    else:
        with runs.working_in(folder, config) as run:
            parallel.wait("run")
            yield run


def by_first(run: Run, work: Callable[[Run], None]) -> None:
    """What one process does while the others wait, such as making datasets."""
    from mlpf_jax.training import parallel

    if run.first:
        work(run)
    parallel.wait(work.__name__)
