"""Ocean's classical solvers as samplers."""

from dataclasses import dataclass
from time import perf_counter

import numpy as np
from jaxtyping import Float

from qsvr.sampleset import Sampler, SampleSet, checked, sample_set


@dataclass(frozen=True)
class SimulatedAnnealing:
    """Metropolis annealing, `reads` independent runs of `sweeps` sweeps on a geometric schedule.

    `beta_range` = (first, last) inverse temperature, in 1 / energy; None derives both from Q.
    """

    reads: int = 50
    sweeps: int = 400
    beta_range: tuple[float, float] | None = None

    def __call__(self, Q: Float[np.ndarray, "variables variables"], seed: int) -> SampleSet:
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

    def __call__(self, Q: Float[np.ndarray, "variables variables"], seed: int) -> SampleSet:
        from dwave.samplers import TabuSampler

        settings = {"coefficient_z_first": self.sweeps, "lower_bound_z": 1, "num_restarts": 0}
        return _ocean(self, TabuSampler(), Q, seed, num_reads=self.reads, timeout=None, **settings)


@dataclass(frozen=True)
class SteepestDescent:
    """Steepest descent to a local minimum from `reads` random states."""

    reads: int = 500

    def __call__(self, Q: Float[np.ndarray, "variables variables"], seed: int) -> SampleSet:
        from dwave.samplers import SteepestDescentSolver

        return _ocean(self, SteepestDescentSolver(), Q, seed, num_reads=self.reads)


def _ocean(sampler: Sampler, solver, Q: np.ndarray, seed: int, **settings) -> SampleSet:
    """Run one of Ocean's solvers on the dense matrix (a dictionary would take 70 times longer)."""
    import dimod

    start = perf_counter()
    model = dimod.BinaryQuadraticModel(checked(Q), "BINARY")
    result = solver.sample(model, seed=int(seed), **settings)
    order = np.argsort(np.asarray(result.variables, dtype=int))
    bits = np.repeat(result.record.sample[:, order], result.record.num_occurrences, axis=0)
    return sample_set(sampler, Q, bits, seed, start)
