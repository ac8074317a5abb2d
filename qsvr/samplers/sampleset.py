"""What a sampler is, and what it returns.

A sampler is a value that, called with a `qsvr.problem.Problem` and a seed, returns a `SampleSet`.
The samplers that run on this machine are deterministic: the same sampler, problem and seed give the
same reads.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter, process_time
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from qsvr.problem import Problem
from qsvr.qubo import energy
from qsvr.samplers.remote import AnnealerError


@dataclass(frozen=True, eq=False)
class SampleSet:
    """Reads of a sampler, lowest energy first (equal energies in the order they were read).

    Raises AnnealerError where there are none: nothing can be made of that.
    """

    bits: Int[np.ndarray, "reads variables"] | None  # None where finer than the problem's bits
    betas: Float[np.ndarray, "reads rows"]
    energies: Float[np.ndarray, " reads"]  # a' Q a
    sampler: str  # what made them, with its settings
    seed: int
    seconds: float  # wall clock, the conversion of the problem included
    cpu_seconds: float  # of this process
    details: Mapping[str, Any] = field(default_factory=dict)
    """Provenance in plain values: `variables`, `reads`, and what the sampler has to tell beyond."""

    def __post_init__(self) -> None:
        if not len(self.energies):
            raise AnnealerError(f"{self.sampler} returned no reads")

    def __len__(self) -> int:
        return len(self.energies)


@runtime_checkable
class Sampler(Protocol):
    """A sampler with a limit also has `capacity() -> int`, the most variables that it takes."""

    def __call__(self, problem: Problem, seed: int) -> SampleSet: ...


class Clock(NamedTuple):
    """When a call began."""

    wall: float
    cpu: float

    @classmethod
    def start(cls) -> "Clock":
        return cls(perf_counter(), process_time())


def from_bits(
    sampler: Sampler,
    problem: Problem,
    bits: Int[np.ndarray, "reads variables"],
    seed: int,
    clock: Clock,
    **details: Any,
) -> SampleSet:
    """Sort the reads. Energies are those of Q itself: no rounding of a solver enters."""
    return _sorted(
        sampler, problem, bits, problem.decode(bits), energy(problem.Q, bits), seed, clock, details
    )


def from_betas(
    sampler: Sampler,
    problem: Problem,
    betas: Float[np.ndarray, "reads rows"],
    bits: Int[np.ndarray, "reads variables"] | None,
    seed: int,
    clock: Clock,
    **details: Any,
) -> SampleSet:
    """Sort the reads of a sampler that moves whole betas; Q need not be built."""
    return _sorted(sampler, problem, bits, betas, problem.energy(betas), seed, clock, details)


def _sorted(
    sampler: Sampler,
    problem: Problem,
    bits: np.ndarray | None,
    betas: np.ndarray,
    energies: np.ndarray,
    seed: int,
    clock: Clock,
    details: Mapping[str, Any],
) -> SampleSet:
    order = np.argsort(energies, kind="stable")
    return SampleSet(
        None if bits is None else np.asarray(bits)[order].astype(np.int8),
        betas[order],
        energies[order],
        repr(sampler),
        int(seed),
        perf_counter() - clock.wall,
        process_time() - clock.cpu,
        {"variables": problem.variables, "reads": len(energies), **details},
    )
