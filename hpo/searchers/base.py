"""Searchers propose configurations: those that know nothing of results, and what a searcher is.

Those that learn from results stand in `hpo.searchers.bayesian` and `hpo.searchers.bohb`.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from hpo.core.types import Configuration
from hpo.space import Space

_BLOCK = 256  # points of a quasi-random sequence that are made together


class Observed(NamedTuple):
    """What a study knows of one of its trials.

    `curve[i]` is the loss after epoch i+1: the metric, negated where it is maximised. `failed`
    trials bring no more; any other may be training, paused or stopped.
    """

    trial: int
    configuration: Configuration
    curve: tuple[float, ...]
    failed: bool


class Searcher(NamedTuple):
    """Where configurations come from.

    propose(seed, number) -> Configuration
        of trial `number`, a pure function of the two. Trials can therefore be proposed in any
        order, and schedulers given the same searcher and seed compete on the same configurations.
    suggest(seed, number, observed) -> Configuration
        of trial `number` in the light of the trials before it; None where a searcher does not
        learn from results. `hpo.searchers.proposals.searched` calls it, under any scheduler.
    settings
        JSON; two searchers that may propose differently have different settings.
    """

    propose: Callable[[int, int], Configuration]
    settings: Mapping[str, Any]
    suggest: Callable[[int, int, tuple[Observed, ...]], Configuration] | None = None


def random_search(space: Space) -> Searcher:
    """Independent draws from the space."""

    def propose(seed: int, number: int) -> Configuration:
        return space.draw(np.random.default_rng(np.random.SeedSequence((seed, number))))

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

    sequence = qmc.Sobol(dimensions, rng=np.random.default_rng(np.random.SeedSequence((seed, 2))))
    if block:
        sequence.fast_forward(block * _BLOCK)
    return sequence.random(_BLOCK)
