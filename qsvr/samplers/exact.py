"""All states of a small QUBO."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from qsvr.problem import Problem
from qsvr.samplers.sampleset import Clock, SampleSet, from_bits

MAX_EXACT = 20  # variables; 2^20 energies are 8 MB, and each further variable doubles it


@dataclass(frozen=True)
class Exact:
    """The `keep` lowest of all 2^variables states; refuses more than MAX_EXACT variables."""

    keep: int = 50

    def capacity(self) -> int:
        """The most variables that are taken."""
        return MAX_EXACT

    def __call__(self, problem: Problem, seed: int) -> SampleSet:
        clock, variables = Clock.start(), problem.variables
        if variables > MAX_EXACT:
            raise ValueError(
                f"{variables} variables have 2^{variables} states: the exact sampler stops at "
                f"{MAX_EXACT}; take fewer rows or bits, or another sampler"
            )
        states = np.argsort(_all_energies(problem.Q), kind="stable")[: self.keep]
        bits = (states[:, None] >> np.arange(variables)) & 1
        return from_bits(self, problem, bits, seed, clock)


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
