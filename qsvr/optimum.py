"""How far a sample is from the best: the optimum without bits, by quadratic programming."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from qsvr.problem import Problem
from qsvr.samplers.sampleset import SampleSet


class Optimum(NamedTuple):
    beta: Float[np.ndarray, " rows"]
    energy: float


def box_optimum(problem: Problem) -> Optimum:
    """The minimum of the problem's energy over all real beta in the box [-C', C'].

    scipy's L-BFGS-B over alpha and alphahat, whose problem is smooth and convex; started again from
    where it stopped until that no longer helps, because the valley can be very flat.
    """
    from scipy.optimize import minimize

    kernel, targets, epsilons = problem.penalised_kernel, problem.targets, problem.epsilons
    rows = problem.rows

    def energy(duals: np.ndarray) -> tuple[float, np.ndarray]:
        beta = duals[:rows] - duals[rows:]
        slope = kernel @ beta
        value = beta @ slope / 2 + epsilons @ (duals[:rows] + duals[rows:]) - targets @ beta
        return value, np.concatenate([slope + epsilons - targets, -slope + epsilons + targets])

    options = {"maxiter": 100_000, "maxfun": 200_000, "ftol": 0, "gtol": 1e-10, "maxcor": 20}
    limits = [(0, problem.encoding.box)] * (2 * rows)
    found = minimize(energy, np.zeros(2 * rows), jac=True, bounds=limits, options=options)
    before = np.inf
    while found.fun < before - 1e-9 * abs(found.fun):
        before = found.fun
        found = minimize(energy, found.x, jac=True, bounds=limits, options=options)
    duals = found.x
    beta = duals[:rows] - duals[rows:]
    return Optimum(beta, float(problem.energy(beta)))


def energy_gap(problem: Problem, samples: SampleSet) -> float:
    """How much of the optimum's depth below zero the best sample misses: 0 where it is as deep.

    beta = 0 has energy 0, so 1 means no better than not to learn, and more than 1 worse. NaN where
    beta = 0 is the optimum.
    """
    lowest = box_optimum(problem).energy
    return float(1 - samples.energies[0] / lowest) if lowest < 0 else float("nan")
