"""The samplers by name, for configurations; each is a value that can be passed itself, too."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from qsvr.problem import Problem
from qsvr.samplers.exact import Exact
from qsvr.samplers.level_gibbs import LevelGibbs
from qsvr.samplers.ocean import (
    Ocean,
    PathIntegral,
    SimulatedAnnealing,
    SteepestDescent,
    Tabu,
)
from qsvr.samplers.qpu import QPU, LeapHybrid
from qsvr.samplers.remote import AnnealerError, ProblemTooLarge
from qsvr.samplers.sampleset import Sampler, SampleSet
from qsvr.samplers.zoom import Zoom, capacity

__all__ = [
    "QPU", "SAMPLERS", "AnnealerError", "Exact", "Fallback", "LeapHybrid", "LevelGibbs", "Ocean",
    "PathIntegral", "ProblemTooLarge", "SimulatedAnnealing", "SteepestDescent", "Tabu", "Zoom",
    "capacity", "sampler_of",
]  # fmt: skip


@dataclass(frozen=True)
class Fallback:
    """`first`; where it gives no answer (AnnealerError) `second`, and `details` says why."""

    first: Sampler
    second: Sampler

    def capacity(self) -> int | None:
        """That of the first, or of the second where the first gives no answer; None: no limit."""
        try:
            return capacity(self.first)
        except AnnealerError:
            return capacity(self.second)

    def __call__(self, problem: Problem, seed: int) -> SampleSet:
        try:
            return self.first(problem, seed)
        except AnnealerError as error:
            samples = self.second(problem, seed)
            return replace(samples, details={**samples.details, "fallback": str(error)})


SAMPLERS: Mapping[str, Callable[[int, int], Sampler]] = MappingProxyType(
    {
        "simulated_annealing": SimulatedAnnealing,
        "path_integral": PathIntegral,
        "tabu": Tabu,
        "steepest_descent": lambda reads, sweeps: SteepestDescent(reads),
        "level_gibbs": LevelGibbs,
        "zoom": lambda reads, sweeps: Zoom(LevelGibbs(reads, sweeps)),
        "zoom_simulated_annealing": lambda reads, sweeps: Zoom(SimulatedAnnealing(reads, sweeps)),
        "exact": lambda reads, sweeps: Exact(reads),
        "mock_qpu": lambda reads, sweeps: QPU("pegasus16", reads, sweeps=sweeps),
        "mock_zephyr": lambda reads, sweeps: QPU("zephyr15", reads, sweeps=sweeps),
        "qpu": lambda reads, sweeps: QPU("leap", reads),
        "hybrid": lambda reads, sweeps: LeapHybrid(),
    }
)
"""Made from (reads, sweeps); what a solver has no use for it leaves out."""


def sampler_of(name: str, reads: int, sweeps: int) -> Sampler:
    """The sampler a configuration names. Errors: an unknown name; fewer than one read or sweep."""
    if name not in SAMPLERS:
        raise ValueError(f"unknown sampler {name!r}: choose from {', '.join(SAMPLERS)}")
    if reads < 1 or sweeps < 1:
        raise ValueError(f"reads and sweeps must be at least 1, not {reads} and {sweeps}")
    return SAMPLERS[name](reads, sweeps)
