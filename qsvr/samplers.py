"""The samplers by name, for configurations; each is a value that can be passed itself, too."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from qsvr.exact import Exact
from qsvr.level_gibbs import LevelGibbs
from qsvr.ocean import SimulatedAnnealing, SteepestDescent, Tabu
from qsvr.sampleset import Sampler

SAMPLERS: Mapping[str, Callable[[int, int, int], Sampler]] = MappingProxyType(
    {
        "simulated_annealing": lambda reads, sweeps, bits: SimulatedAnnealing(reads, sweeps),
        "tabu": lambda reads, sweeps, bits: Tabu(reads, sweeps),
        "steepest_descent": lambda reads, sweeps, bits: SteepestDescent(reads),
        "level_gibbs": lambda reads, sweeps, bits: LevelGibbs(bits, reads, sweeps),
        "exact": lambda reads, sweeps, bits: Exact(reads),
    }
)
"""Made from (reads, sweeps, bits of the encoding); what a solver has no use for it leaves out."""


def sampler_of(name: str, reads: int, sweeps: int, bits: int) -> Sampler:
    """The sampler a configuration names. Errors: an unknown name; fewer than one read or sweep."""
    if name not in SAMPLERS:
        raise ValueError(f"unknown sampler {name!r}: choose from {', '.join(SAMPLERS)}")
    if reads < 1 or sweeps < 1:
        raise ValueError(f"reads and sweeps must be at least 1, not {reads} and {sweeps}")
    return SAMPLERS[name](reads, sweeps, bits)
