"""Hyperband, successive halving and what they are compared with: top-n and full training.

All are synchronous, with trials that pause and resume.
"""

from hpo.core.searcher import Searcher
from hpo.core.types import Scheduler
from hpo.schedulers.brackets import Round, halving_bracket, hyperband_brackets, top_n_bracket
from hpo.schedulers.common import searcher_of
from hpo.schedulers.rounds import synchronous
from hpo.space import Space


def hyperband(
    space: Space | Searcher,
    max_epochs: int,
    eta: int = 3,
    *,
    metric: str = "loss",
    mode: str = "minimise",
    concurrent_brackets: int = 1,
) -> Scheduler:
    """Hyperband (Li et al., JMLR 18 (2018) 185) with epochs as the resource.

    With `concurrent_brackets` above 1, workers that would idle at a barrier start on a later
    bracket; brackets share nothing, so the outcome is the same.
    """
    return synchronous(
        searcher_of(space),
        hyperband_brackets(max_epochs, eta),
        metric=metric,
        mode=mode,
        concurrent_brackets=concurrent_brackets,
    )


def successive_halving(
    space: Space | Searcher,
    trials: int,
    max_epochs: int,
    eta: int = 3,
    *,
    rounds: int,
    metric: str = "loss",
    mode: str = "minimise",
) -> Scheduler:
    """One bracket of `rounds` rounds (Jamieson and Talwalkar, AISTATS 2016).

    The baseline that a saving claimed over Hyperband has to be held against. One round of it is
    random search.
    """
    bracket = halving_bracket(trials, max_epochs, eta, rounds)
    return synchronous(searcher_of(space), (bracket,), metric=metric, mode=mode)


def top_n(
    space: Space | Searcher,
    trials: int,
    max_epochs: int,
    *,
    epochs: int,
    places: int,
    metric: str = "loss",
    mode: str = "minimise",
) -> Scheduler:
    """Train all for a few epochs, and the best few of them to the end: a baseline
    that costs k * trials + places * (max_epochs - k) epochs and is hard to beat."""
    bracket = top_n_bracket(trials, places, epochs, max_epochs)
    return synchronous(searcher_of(space), (bracket,), metric=metric, mode=mode)


def full_training(
    space: Space | Searcher,
    trials: int,
    max_epochs: int,
    *,
    metric: str = "loss",
    mode: str = "minimise",
) -> Scheduler:
    """Every trial to the end: with random configurations, random search."""
    if trials < 1 or max_epochs < 1:
        raise ValueError(f"it needs at least one trial and epoch, got {trials}, {max_epochs}")
    bracket = (Round(trials, 0, max_epochs, 1),)
    return synchronous(searcher_of(space), (bracket,), metric=metric, mode=mode)
