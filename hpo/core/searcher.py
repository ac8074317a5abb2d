"""What a searcher is, and what it may learn from."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from hpo.core.types import Configuration


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
        learn from results. `hpo.core.proposals.searched` calls it, under any scheduler.
    settings
        JSON; two searchers that may propose differently have different settings.
    """

    propose: Callable[[int, int], Configuration]
    settings: Mapping[str, Any]
    suggest: Callable[[int, int, tuple[Observed, ...]], Configuration] | None = None
