"""Clusters of Ray whose machines are this one, several times."""

import gc
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

TIMES = (
    4  # that a machine is begun: on a busy one it is not there within the seconds that Ray allows
)


@contextmanager
def cluster(*cpus: int) -> Iterator[Any]:
    """One machine for each number of CPUs, the first of which has the head. Skips the test where
    Ray does not start here."""
    utils = pytest.importorskip("ray.cluster_utils", reason="needs the extra [ray]")
    made = utils.Cluster()
    try:
        for each in cpus:
            add_machine(made, each)
        yield made
    finally:
        made.shutdown()


def add_machine(made: Any, cpus: int) -> Any:
    """One more, which is returned."""
    return begun(lambda: made.add_node(num_cpus=cpus, include_dashboard=False), TIMES)


def begun(begin: Callable[[], Any], times: int = 1) -> Any:
    """What `begin` returns, which starts Ray; skips the test where it does not start here."""
    reason = ""
    for _ in range(times):
        try:
            return begin()
        except Exception as error:  # whatever a machine forbids
            reason = str(error)
        with warnings.catch_warnings():  # Ray forgets what it has started, which ends with it
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
    pytest.skip(f"Ray does not start here: {reason}")
