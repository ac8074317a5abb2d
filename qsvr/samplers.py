"""Samplers of low-energy bit strings of a QUBO: one protocol, several solvers.

A sampler is a value that, called with the upper-triangular matrix Q of `qsvr.qubo` and a seed,
returns a `SampleSet`. All here are deterministic: the same sampler, Q and seed give the same bits.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from types import MappingProxyType
from typing import Protocol

import numpy as np
from jaxtyping import Float, Int

from qsvr.qubo import energy

MAX_EXACT = 20  # variables; 2^20 energies are 8 MB, and each further variable doubles it


@dataclass(frozen=True)
class SampleSet:
    """Reads of a sampler, lowest energy first (equal energies in the order they were read)."""

    bits: Int[np.ndarray, "reads variables"]
    energies: Float[np.ndarray, " reads"]  # a' Q a
    sampler: str  # what made them, with its settings
    seed: int
    seconds: float  # wall clock of the solver, the conversion of Q included

    def __len__(self) -> int:
        return len(self.energies)


class Sampler(Protocol):
    def __call__(self, Q: Float[np.ndarray, "variables variables"], seed: int) -> SampleSet: ...


@dataclass(frozen=True)
class SimulatedAnnealing:
    """Metropolis annealing, `reads` independent runs of `sweeps` sweeps on a geometric schedule.

    `beta_range` = (first, last) inverse temperature, in 1 / energy; None derives both from Q.
    """

    reads: int = 50
    sweeps: int = 400
    beta_range: tuple[float, float] | None = None

    def __call__(self, Q, seed):
        from dwave.samplers import SimulatedAnnealingSampler

        settings = {"num_reads": self.reads, "num_sweeps": self.sweeps}
        return _ocean(
            self, SimulatedAnnealingSampler(), Q, seed, beta_range=self.beta_range, **settings
        )


@dataclass(frozen=True)
class Tabu:
    """Tabu search, `reads` runs of about `sweeps` considered updates for each variable.

    Bounded by updates and not by time, so that a seed decides the result.
    """

    reads: int = 50
    sweeps: int = 400

    def __call__(self, Q, seed):
        from dwave.samplers import TabuSampler

        settings = {"coefficient_z_first": self.sweeps, "lower_bound_z": 1, "num_restarts": 0}
        return _ocean(self, TabuSampler(), Q, seed, num_reads=self.reads, timeout=None, **settings)


@dataclass(frozen=True)
class SteepestDescent:
    """Steepest descent to a local minimum from `reads` random states."""

    reads: int = 500

    def __call__(self, Q, seed):
        from dwave.samplers import SteepestDescentSolver

        return _ocean(self, SteepestDescentSolver(), Q, seed, num_reads=self.reads)


@dataclass(frozen=True)
class Exact:
    """The `keep` lowest of all 2^variables states; refuses more than MAX_EXACT variables."""

    keep: int = 50

    def __call__(self, Q, seed):
        start = perf_counter()
        variables = len(_checked(Q))
        if variables > MAX_EXACT:
            raise ValueError(
                f"{variables} variables have 2^{variables} states: the exact sampler stops at "
                f"{MAX_EXACT}; take fewer rows or bits, or simulated annealing"
            )
        states = np.argsort(_all_energies(Q), kind="stable")[: self.keep]
        bits = (states[:, None] >> np.arange(variables)) & 1
        return _sample_set(self, Q, bits, seed, start)


def _all_energies(Q: Float[np.ndarray, "variables variables"]) -> Float[np.ndarray, " states"]:
    """Energies of all states, bit i of the state's number being variable i.

    Variable by variable: setting variable k in all states of the variables before it costs
    Q_kk + sum_{i<k} a_i Q_ik, itself a table over those states.
    """
    energies = np.zeros(1)
    for k in range(len(Q)):
        added = np.full(1, Q[k, k])
        for coupling in Q[:k, k]:
            added = np.concatenate([added, added + coupling])
        energies = np.concatenate([energies, energies + added])
    return energies


def _ocean(sampler: Sampler, solver, Q: np.ndarray, seed: int, **settings) -> SampleSet:
    """Run one of Ocean's solvers on the dense matrix (a dictionary would take 70 times longer)."""
    import dimod

    start = perf_counter()
    model = dimod.BinaryQuadraticModel(_checked(Q), "BINARY")
    result = solver.sample(model, seed=int(seed), **settings)
    order = np.argsort(np.asarray(result.variables, dtype=int))
    bits = np.repeat(result.record.sample[:, order], result.record.num_occurrences, axis=0)
    return _sample_set(sampler, Q, bits, seed, start)


def _sample_set(
    sampler: Sampler, Q: np.ndarray, bits: np.ndarray, seed: int, start: float
) -> SampleSet:
    """Energies are those of Q itself, so that no rounding of a solver enters."""
    energies = energy(Q, bits)
    order = np.argsort(energies, kind="stable")
    return SampleSet(
        bits[order].astype(np.int8),
        energies[order],
        repr(sampler),
        int(seed),
        perf_counter() - start,
    )


def _checked(Q: np.ndarray) -> np.ndarray:
    if Q.ndim != 2 or Q.shape[0] != Q.shape[1] or not Q.size:
        raise ValueError(f"a QUBO is a square matrix, not an array of shape {Q.shape}")
    if not np.isfinite(Q).all():
        raise ValueError("the QUBO holds NaN or infinity: check the kernel and its gamma")
    if np.tril(Q, -1).any():
        raise ValueError("the QUBO has entries below its diagonal: give the upper-triangular form")
    return Q


SAMPLERS: Mapping[str, Callable[[int, int], Sampler]] = MappingProxyType(
    {
        "simulated_annealing": SimulatedAnnealing,
        "tabu": Tabu,
        "steepest_descent": lambda reads, sweeps: SteepestDescent(reads),
        "exact": lambda reads, sweeps: Exact(reads),
    }
)
"""Samplers by name, made from (reads, sweeps); what a solver has no use for it leaves out."""


def sampler_of(name: str, reads: int, sweeps: int) -> Sampler:
    """The sampler a configuration names. Errors: an unknown name; fewer than one read or sweep."""
    if name not in SAMPLERS:
        raise ValueError(f"unknown sampler {name!r}: choose from {', '.join(SAMPLERS)}")
    if reads < 1 or sweeps < 1:
        raise ValueError(f"reads and sweeps must be at least 1, not {reads} and {sweeps}")
    return SAMPLERS[name](reads, sweeps)
