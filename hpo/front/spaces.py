"""A user's space as a `Space`, and what is to be tried first."""

from collections.abc import Mapping, Sequence
from typing import Any

from hpo.core.searcher import Observed, Searcher
from hpo.core.types import Configuration
from hpo.space import Categorical, Float, Int, LogFloat, LogInt, Parameter, Space
from hpo.space.parameters import KINDS, without_numpy


def space_of(given: Space | Mapping[str, Any]) -> Space:
    """A Space, or a dict of parameters or of Optuna's distributions. Raises ValueError that names
    the entry, and TypeError where it is no space at all."""
    if isinstance(given, Space):
        return given
    if not isinstance(given, Mapping):
        raise TypeError(f"the space is {given!r:.200}: give a dict of names and {KINDS}")
    return Space({name: parameter_of(name, entry) for name, entry in given.items()})


def parameter_of(name: str, entry: Any) -> Parameter:
    """An entry of a space, or one of Optuna's distributions, as a parameter. Raises ValueError that
    names it."""
    if isinstance(entry, Parameter):
        return entry
    if type(entry).__name__.endswith("Distribution"):
        try:
            return _of_optuna(entry)
        except (AttributeError, TypeError, ValueError) as error:
            raise ValueError(f"{name}: {entry!r:.200}: {error}") from error
    hint = ""
    if isinstance(entry, list | tuple | set | range):
        hint = f"; where it is one of several, Categorical(*{entry!r:.100})"
        if len(entry) == 2 and not isinstance(entry, set):
            hint = f"; a range is Float(*{entry!r:.100})" + hint
    raise ValueError(f"{name}: {entry!r:.200} is no {KINDS}, nor one of Optuna's{hint}")


def _of_optuna(entry: Any) -> Parameter:
    """Told by what it has, so that Optuna is not needed: the three kinds of today, and the older
    ones with a kind for each scale."""
    if hasattr(entry, "choices"):
        return Categorical(*entry.choices)
    kind = type(entry).__name__
    log = getattr(entry, "log", "Log" in kind)
    step = getattr(entry, "step", getattr(entry, "q", None))
    if kind.startswith("Int"):
        if log:
            return LogInt(entry.low, entry.high)
        return Int(entry.low, entry.high, None if step == 1 else step)
    return LogFloat(entry.low, entry.high) if log else Float(entry.low, entry.high, step)


def with_first(
    searcher: Searcher, space: Space, first: Sequence[Mapping[str, Any]], seed: int
) -> Searcher:
    """The searcher, whose first trials have these configurations; what one does not name is as
    the searcher proposes it. Raises ValueError that says which is wrong."""
    if isinstance(first, Mapping):
        raise TypeError(
            f"enqueue is {dict(first)!r:.200}: give a list of configurations, [{{...}}]"
        )
    if not first:
        return searcher
    whole = [
        _completed(searcher.propose(seed, number), space, given, number)
        for number, given in enumerate(first)
    ]

    def propose(seed: int, number: int) -> Configuration:
        if number < len(whole):
            return whole[number]
        return searcher.propose(seed, number - len(whole))

    settings = {**searcher.settings, "first": whole}
    learned = searcher.suggest
    if learned is None:
        return Searcher(propose, settings, None)

    def suggest(seed: int, number: int, observed: tuple[Observed, ...]) -> Configuration:
        return whole[number] if number < len(whole) else learned(seed, number, observed)

    return Searcher(propose, settings, suggest)


def _completed(
    proposed: Configuration, space: Space, given: Mapping[str, Any], number: int
) -> Configuration:
    given = {
        name: without_numpy(tuple(value) if isinstance(value, list) else value)
        for name, value in given.items()
    }
    try:
        space.check(given)
        return given
    except ValueError:
        whole = {**proposed, **given}
    try:
        space.check(whole)
    except ValueError as error:
        raise ValueError(f"enqueue[{number}]: {error}") from None
    return whole


def further(searcher: Searcher, trials: int, known: Sequence[Observed]) -> Searcher:
    """What the searcher proposes after so many trials, of which it knows what is `known`."""

    def propose(seed: int, number: int) -> Configuration:
        return searcher.propose(seed, number + trials)

    settings = {**searcher.settings, "after": trials}
    learned = searcher.suggest
    if learned is None:
        return Searcher(propose, settings, None)

    def suggest(seed: int, number: int, observed: tuple[Observed, ...]) -> Configuration:
        renumbered = (each._replace(trial=each.trial + trials) for each in observed)
        return learned(seed, number + trials, (*known, *renumbered))

    return Searcher(propose, settings, suggest)
