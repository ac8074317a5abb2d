"""What a sampler is, and what it returns.

A sampler is a value that, called with the upper-triangular matrix Q of `qsvr.qubo` and a seed,
returns a `SampleSet`. All of this package are deterministic: the same sampler, Q and seed give the
same bits.
"""

from dataclasses import dataclass
from time import perf_counter
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from qsvr.qubo import energy


@dataclass(frozen=True, eq=False)
class SampleSet:
    """Reads of a sampler, lowest energy first (equal energies in the order they were read)."""

    bits: Int[np.ndarray, "reads variables"]
    energies: Float[np.ndarray, " reads"]  # a' Q a
    sampler: str  # what made them, with its settings
    seed: int
    seconds: float  # wall clock of the solver, the conversion of Q included

    def __len__(self) -> int:
        return len(self.energies)


@runtime_checkable
class Sampler(Protocol):
    def __call__(self, Q: Float[np.ndarray, "variables variables"], seed: int) -> SampleSet: ...


def sample_set(
    sampler: Sampler, Q: np.ndarray, bits: np.ndarray, seed: int, start: float
) -> SampleSet:
    """Sort the reads. Energies are those of Q itself: no rounding of a solver enters."""
    energies = energy(Q, bits)
    order = np.argsort(energies, kind="stable")
    return SampleSet(
        bits[order].astype(np.int8),
        energies[order],
        repr(sampler),
        int(seed),
        perf_counter() - start,
    )


def checked(Q: np.ndarray) -> np.ndarray:
    """Q itself. Errors: not square, not finite, not upper-triangular."""
    if Q.ndim != 2 or Q.shape[0] != Q.shape[1] or not Q.size:
        raise ValueError(f"a QUBO is a square matrix, not an array of shape {Q.shape}")
    if not np.isfinite(Q).all():
        raise ValueError("the QUBO holds NaN or infinity: check the kernel and its gamma")
    if np.tril(Q, -1).any():
        raise ValueError("the QUBO has entries below its diagonal: give the upper-triangular form")
    return Q
