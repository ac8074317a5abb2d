"""Ocean's classical solvers as samplers, and any other dimod sampler as one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from qsvr.problem import Problem
from qsvr.samplers.sampleset import Clock, Sampler, SampleSet, from_bits


@dataclass(frozen=True)
class SimulatedAnnealing:
    """Metropolis annealing, `reads` independent runs of `sweeps` sweeps on a geometric schedule.

    `beta_range` = (first, last) inverse temperature, in 1 / energy; None derives both from Q.
    """

    reads: int = 50
    sweeps: int = 400
    beta_range: tuple[float, float] | None = None

    def __call__(self, problem: Problem, seed: int) -> SampleSet:
        from dwave.samplers import SimulatedAnnealingSampler

        settings = {"num_reads": self.reads, "num_sweeps": self.sweeps}
        return _ocean(
            self, SimulatedAnnealingSampler(), problem, seed, beta_range=self.beta_range, **settings
        )


@dataclass(frozen=True)
class PathIntegral:
    """Path-integral annealing: simulated annealing with a transverse field, world lines instead of
    bits. `reads` runs of `sweeps` sweeps; `beta_range` as for `SimulatedAnnealing`."""

    reads: int = 50
    sweeps: int = 400
    beta_range: tuple[float, float] | None = None

    def __call__(self, problem: Problem, seed: int) -> SampleSet:
        from dwave.samplers import PathIntegralAnnealingSampler

        settings = {"num_reads": self.reads, "num_sweeps": self.sweeps}
        solver = PathIntegralAnnealingSampler()
        return _ocean(self, solver, problem, seed, beta_range=self.beta_range, **settings)


@dataclass(frozen=True)
class Tabu:
    """Tabu search, `reads` runs of about `sweeps` considered updates for each variable.

    Bounded by updates and not by time, so that a seed decides the result.
    """

    reads: int = 50
    sweeps: int = 400

    def __call__(self, problem: Problem, seed: int) -> SampleSet:
        from dwave.samplers import TabuSampler

        settings = {"coefficient_z_first": self.sweeps, "lower_bound_z": 1, "num_restarts": 0}
        return _ocean(
            self, TabuSampler(), problem, seed, num_reads=self.reads, timeout=None, **settings
        )


@dataclass(frozen=True)
class SteepestDescent:
    """Steepest descent to a local minimum from `reads` random states."""

    reads: int = 500

    def __call__(self, problem: Problem, seed: int) -> SampleSet:
        from dwave.samplers import SteepestDescentSolver

        return _ocean(self, SteepestDescentSolver(), problem, seed, num_reads=self.reads)


@dataclass(frozen=True)
class Ocean:
    """Any `dimod.Sampler`, called with `settings`; with `seed` as well if it knows that word."""

    solver: Any
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, problem: Problem, seed: int) -> SampleSet:
        settings = dict(self.settings)
        if "seed" in self.solver.parameters:
            settings.setdefault("seed", int(seed))
        clock = Clock.start()
        result = self.solver.sample(model_of(problem), **settings)
        return from_bits(self, problem, bits_of(result), seed, clock)


def model_of(problem: Problem) -> Any:
    """The QUBO as dimod's model, handed over dense: a dictionary would take 70 times longer."""
    import dimod

    return dimod.BinaryQuadraticModel(problem.Q, "BINARY")


def bits_of(result: Any) -> Int[np.ndarray, "reads variables"]:
    """The reads of a dimod sample set over variables 0, 1, ..., in any order and vartype."""
    order = np.argsort(np.asarray(result.variables, dtype=int))
    states = np.repeat(result.record.sample[:, order], result.record.num_occurrences, axis=0)
    return (states > 0).astype(np.int8)


def descend(
    problem: Problem, bits: Int[np.ndarray, "reads variables"]
) -> Int[np.ndarray, "reads variables"]:
    """Each state's local minimum under single bit flips, by steepest descent."""
    from dwave.samplers import SteepestDescentSolver

    states = (bits, list(range(problem.variables)))
    return bits_of(SteepestDescentSolver().sample(model_of(problem), initial_states=states))


def couplings(problem: Problem) -> Float[np.ndarray, " pairs"]:
    """The couplings between spins s = 2 a - 1 of the same problem."""
    return problem.Q[np.triu_indices(problem.variables, 1)] / 4


def _ocean(
    sampler: Sampler, solver: Any, problem: Problem, seed: int, **settings: Any
) -> SampleSet:
    clock = Clock.start()
    result = solver.sample(model_of(problem), seed=int(seed), **settings)
    return from_bits(sampler, problem, bits_of(result), seed, clock)
