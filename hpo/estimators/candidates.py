"""What is searched, as users of scikit-learn say it, for a study: distributions of scipy, lists,
entries of a space; one mapping of names to these, or several of which each trial has one."""

import functools
import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator

from hpo.core import streams
from hpo.core.searcher import Searcher
from hpo.core.types import Configuration, Value
from hpo.front.spaces import parameter_of
from hpo.searchers.base import random_search
from hpo.space import Categorical, Float, Int, LogFloat, Space, When
from hpo.space.parameters import Parameter, Plain

_GRID = 100_000  # configurations of lists alone, up to which none is drawn twice
_EDGE = 1e-12  # quantiles stay so far from 0 and 1, where distributions may be infinite
_WHICH = "mapping"  # of several, the one that a trial has


class Candidates(NamedTuple):
    """Where configurations come from.

    limit    how many there are, None where there is no end of them
    values   what `set_params` is given for a configuration
    """

    searcher: Searcher
    limit: int | None
    values: Callable[[Configuration], dict[str, Any]]


def told(given: Any) -> Any:
    """What users gave, as plain values that differ where it does, the same in every process."""
    if isinstance(given, Space):
        return told(given.parameters)
    if isinstance(given, Mapping):
        return {str(name): told(each) for name, each in given.items()}
    if isinstance(given, np.ndarray | Sequence) and not isinstance(given, str | bytes):
        return [told(each) for each in given]
    if hasattr(given, "rvs") and hasattr(given, "dist"):  # whose text has nothing but an address
        return f"{given.dist.name} {told(given.args)} {told(given.kwds)}"
    whole = isinstance(given, BaseEstimator)
    text = given.__repr__(N_CHAR_MAX=sys.maxsize) if whole else repr(given)
    return re.sub(r" at 0x[0-9A-Fa-f]+", "", text)


class _Entry(NamedTuple):
    """A parameter of the study, and the value that one of its values stands for."""

    name: str
    parameter: Parameter
    value: Callable[[Value], Any]


def candidates(given: Space | Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Candidates:
    """Raises ValueError or TypeError, which name the entry, on what cannot be drawn from."""
    if isinstance(given, Space):
        given = given.parameters
    if isinstance(given, Mapping):
        entries = {name: _entry(name, each) for name, each in given.items()}
    elif isinstance(given, Sequence) and given and all(isinstance(g, Mapping) for g in given):
        entries = _of_several(given)
    else:
        raise TypeError(f"param_distributions is {given!r:.200}: give a dict, or a list of dicts")
    space = Space({name: entry.parameter for name, entry in entries.items()})

    def values(configuration: Configuration) -> dict[str, Any]:
        pairs = ((entries[name], value) for name, value in configuration.items() if name != _WHICH)
        return {entry.name: entry.value(value) for entry, value in pairs}

    if isinstance(given, Mapping):
        choices = _lists(space)
        size = math.prod(map(len, choices.values()))
        if len(choices) == len(space.parameters) and size <= _GRID:
            return Candidates(_without_repetition(space, choices, size), size, values)
    return Candidates(random_search(space), None, values)


def _of_several(given: Sequence[Mapping[str, Any]]) -> dict[str, _Entry]:
    entries = {_WHICH: _Entry(_WHICH, Categorical(*range(len(given))), _same)}
    for number, mapping in enumerate(given):
        for name, each in mapping.items():
            entry = _entry(name, each)
            if not isinstance(entry.parameter, Plain):
                raise ValueError(f"{name}: When has no place in a list of dicts")
            condition = When(_WHICH, (number,), entry.parameter)
            entries[f"{number}:{name}"] = entry._replace(parameter=condition)
    return entries


def _entry(name: str, given: Any) -> _Entry:
    if hasattr(given, "rvs"):
        return _Entry(name, *_of_scipy(given))
    if isinstance(given, np.ndarray | Sequence) and not isinstance(given, str | bytes):
        return _Entry(name, *_of_list(name, list(given)))
    return _Entry(name, parameter_of(name, given), _same)


def _of_list(name: str, choices: list[Any]) -> tuple[Parameter, Callable[[Value], Any]]:
    """One of several, which may be anything at all, and the same more than once."""
    if not choices:
        raise ValueError(f"{name}: the list is empty")
    try:
        return Categorical(*choices), _same
    except (TypeError, ValueError):  # no plain values, or some twice
        return Categorical(*range(len(choices))), functools.partial(_chosen, choices)


def _of_scipy(given: Any) -> tuple[Parameter, Callable[[Value], Any]]:
    """The same distribution where the study has it; else a quantile of it; where it has none
    either (somebody's own with nothing but `rvs`), the seed of a draw."""
    name = getattr(getattr(given, "dist", None), "name", None)
    if name in ("uniform", "loguniform", "reciprocal", "randint"):
        low, high = (end.item() for end in map(np.asarray, given.support()))
        if name == "randint":
            return Int(int(low), int(high)), _same
        if name == "uniform":
            return Float(low, high), _same
        if math.isclose(given.median(), math.sqrt(low * high), rel_tol=1e-9):  # not shifted
            return LogFloat(low, high), _same
    if not hasattr(given, "ppf"):
        draw = functools.partial(_drawn, given)
        return Int(0, 2**31 - 1), draw
    whole = hasattr(given, "pmf")
    return Float(0.0, 1.0), functools.partial(_quantile, given, whole)


def _same(value: Value) -> Any:
    return value


def _chosen(choices: list[Any], place: Any) -> Any:
    return choices[place]


def _drawn(given: Any, seed: int) -> Any:
    return given.rvs(random_state=np.random.RandomState(seed))


def _quantile(given: Any, whole: bool, unit: float) -> float | int:
    value = given.ppf(min(max(unit, _EDGE), 1 - _EDGE))
    return int(value) if whole else float(value)


def _lists(space: Space) -> dict[str, tuple[Value, ...]]:
    """The values of the parameters that are lists."""
    found = ((name, space.parameters[name]) for name in space.names)
    return {name: kind.values for name, kind in found if isinstance(kind, Categorical)}


def _without_repetition(
    space: Space, choices: Mapping[str, tuple[Value, ...]], size: int
) -> Searcher:
    """Every configuration once, in an order that the seed decides."""
    shape = [len(values) for values in choices.values()]

    def propose(seed: int, number: int) -> Configuration:
        place = int(_order(seed, size)[number % size])
        places = np.unravel_index(place, shape)
        return {name: values[i] for (name, values), i in zip(choices.items(), places, strict=True)}

    return Searcher(propose, {"searcher": "each once", "space": space.settings})


@functools.lru_cache(maxsize=8)
def _order(seed: int, size: int) -> np.ndarray:
    return np.random.default_rng(streams.rows(seed)).permutation(size)
