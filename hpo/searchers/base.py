"""Searchers that know nothing of results.

Those that learn from them stand in `hpo.searchers.bayesian` and `hpo.searchers.bohb`.
"""

import functools

import numpy as np

from hpo.core import streams
from hpo.core.searcher import Searcher
from hpo.core.types import Configuration
from hpo.space import Space

_BLOCK = 256  # points of a quasi-random sequence that are made together


def random_search(space: Space) -> Searcher:
    """Independent draws from the space."""

    def propose(seed: int, number: int) -> Configuration:
        return space.draw(np.random.default_rng(streams.configuration(seed, number)))

    return Searcher(propose, {"searcher": "random", "space": space.settings})


def quasi_random_search(space: Space) -> Searcher:
    """The points of a scrambled Sobol' sequence: as random draws, but without holes and clusters.

    Any first n points fill the unit cube of the space evenly, which random draws do only for
    large n (Owen, SIAM J. Numer. Anal. 34 (1997) 1884; scipy.stats.qmc).
    """

    def propose(seed: int, number: int) -> Configuration:
        block, row = divmod(number, _BLOCK)
        return space.decode(_sobol(len(space.parameters), seed, block)[row])

    return Searcher(propose, {"searcher": "quasi random", "space": space.settings})


@functools.lru_cache(maxsize=64)
def _sobol(dimensions: int, seed: int, block: int) -> np.ndarray:
    """Points block * _BLOCK ... of the sequence of that seed."""
    from scipy.stats import qmc

    sequence = qmc.Sobol(dimensions, rng=np.random.default_rng(streams.scrambling(seed)))
    if block:
        sequence.fast_forward(block * _BLOCK)
    return sequence.random(_BLOCK)
