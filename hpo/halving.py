"""Hyperband and successive halving, synchronous, with trials that pause and resume."""

from hpo.brackets import halving_bracket, hyperband_brackets
from hpo.rounds import synchronous
from hpo.searchers import Searcher, random_search
from hpo.space import Space
from hpo.types import Scheduler


def searcher_of(space: Space | Searcher) -> Searcher:
    """Random search, unless a searcher is given."""
    return random_search(space) if isinstance(space, Space) else space


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
