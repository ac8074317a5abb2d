"""Annealers by name: mock ones, complete graphs of a topology, and those behind Leap.

    pegasus16, zephyr12, zephyr15, chimera16    Ocean's MockDWaveSampler of that size, offline
    leap, leap:Advantage_system5.4              the default or the named solver of Ocean's
                                                configuration (`dwave config create`)

Connections and embeddings are remembered for the life of the process: the graph of a device does
not change, and a clique embedding depends on it and on the number of variables alone.
"""

import re
import warnings
from functools import lru_cache
from time import perf_counter
from typing import Any, NamedTuple

from qsvr.samplers.remote import ProblemTooLarge

_MOCK = re.compile(r"(pegasus|zephyr|chimera)(\d+)")
_EMBEDDING_SEED = 1
SMALLEST = 2  # size of a mock
# minorminer 0.2 takes all memory over cliques of these sizes, whatever the size of the device; part
# of a larger clique serves as well
_ENDLESS = {"chimera": (3, 4), "zephyr": (5, 8)}


class Embedding(NamedTuple):
    """A clique, found in `seconds`; `chains[i]` are the qubits of variable i."""

    chains: dict[int, tuple[int, ...]]
    seconds: float

    @property
    def qubits(self) -> int:
        return sum(map(len, self.chains.values()))

    @property
    def longest(self) -> int:
        """Qubits of the longest chain."""
        return max(map(len, self.chains.values()))


def is_mock(name: str) -> bool:
    """Whether a device is played on this machine. Raises ValueError for a name that is none, and
    for a mock too small for any problem: Ocean's embedding aborts the process there, or never ends.
    """
    if mock := _MOCK.fullmatch(name):
        if int(mock[2]) < SMALLEST:
            raise ValueError(f"{name} is too small: mock annealers begin at {mock[1]}{SMALLEST}")
        return True
    if name == "leap" or name.startswith("leap:"):
        return False
    raise ValueError(
        f"unknown device {name!r}: pegasus16, zephyr15 and the like are mock annealers, leap is "
        "the default solver of Ocean's configuration and leap:NAME a named one"
    )


def ocean_system() -> Any:
    """The module `dwave.system`, whose dependency `homebase` warns when it is first compiled."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "invalid escape sequence")
        import dwave.system
    return dwave.system


@lru_cache(maxsize=8)
def solver_of(name: str) -> Any:
    """Ocean's structured sampler. Errors: an unknown name; whatever Ocean raises on connecting."""
    system = ocean_system()
    if not is_mock(name):
        chosen = name.partition(":")[2]
        return system.DWaveSampler(solver=chosen) if chosen else system.DWaveSampler()
    from dwave.samplers import SimulatedAnnealingSampler
    from dwave.system.testing import MockDWaveSampler

    if (found := _MOCK.fullmatch(name)) is None:
        raise ValueError(f"{name!r} is no mock of an annealer")
    topology, size = found.groups()
    shape = {"pegasus": [int(size)], "zephyr": [int(size), 4], "chimera": [int(size)] * 2 + [4]}
    return MockDWaveSampler(
        topology_type=topology,
        topology_shape=shape[topology],
        parameter_warnings=False,  # real parameters, such as the annealing time, are passed on
        substitute_sampler=SimulatedAnnealingSampler(),
        exact_solver_cutoff=0,  # no answers from enumeration: a real annealer has none
    )


@lru_cache(maxsize=64)
def embedding(name: str, variables: int) -> Embedding:
    """Chains for a clique of `variables`. Raises ProblemTooLarge."""
    solver_of(name)  # connected before the clock starts
    start = perf_counter()
    chains = _clique(name, variables)
    if chains is None:
        raise ProblemTooLarge(f"no clique of {variables} variables fits {name}")
    return Embedding(chains, perf_counter() - start)


@lru_cache(maxsize=8)
def largest_clique(name: str) -> int:
    """The most variables that can all be coupled with each other, by bisection."""
    fits, too_many = 1, 8192
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        if _clique(name, middle) is None:
            too_many = middle
        else:
            fits = middle
    return fits


def _clique(name: str, variables: int) -> dict[int, tuple[int, ...]] | None:
    graph = solver_of(name).to_networkx_graph()  # imports Ocean, quietly
    from minorminer.busclique import find_clique_embedding

    first, last = _ENDLESS.get(graph.graph.get("family"), (1, 0))
    asked = last + 1 if first <= variables <= last else variables
    # Not minorminer's cache: it would write into the user's home
    chains = find_clique_embedding(asked, graph, seed=_EMBEDDING_SEED, use_cache=False)
    return {i: tuple(chains[i]) for i in range(variables)} if chains else None
