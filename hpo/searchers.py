"""Searchers propose configurations."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from hpo.space import Space
from hpo.types import Configuration


class Searcher(NamedTuple):
    """`propose(seed, number)` is the configuration of trial `number`, a pure function of the two.

    Trials can therefore be proposed in any order, and schedulers given the same searcher and seed
    compete on the same configurations.
    """

    propose: Callable[[int, int], Configuration]
    settings: Mapping[str, Any]


def random_search(space: Space) -> Searcher:
    """Independent draws from the space."""

    def propose(seed: int, number: int) -> Configuration:
        return space.draw(np.random.default_rng(np.random.SeedSequence((seed, number))))

    return Searcher(propose, {"searcher": "random", "space": space.settings})
