"""What hyperparameters do to the metric, as far as a study's trials tell.

Trials are compared at one epoch that many came to (`figures.common_epoch`), by rank: a loss of 1e6
says no more than that it is the worst. A random forest learns ranks from configurations; how much
worse it foresees trials that it has not seen, once a hyperparameter's values are shuffled among
them, is that hyperparameter's importance (Breiman, Machine Learning 45 (2001) 5).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from hpo.core.types import Configuration
from hpo.showing.figures import common_epoch
from hpo.showing.view import View
from hpo.space import Space, space_from_settings
from hpo.space.parameters import Categorical, plain, position

LEAST = 12  # trials, below which a forest says nothing
SEEDS = 5
_TREES = 40


class Landscape(NamedTuple):
    """Trials at one epoch: their places in the unit cube, values, and ranks from 0 (best) to 1."""

    names: tuple[str, ...]
    space: Space
    epoch: int
    numbers: tuple[int, ...]
    units: Float[np.ndarray, "trials hyperparameters"]
    values: Float[np.ndarray, " trials"]
    ranks: Float[np.ndarray, " trials"]


class Importance(NamedTuple):
    """By hyperparameter the mean over seeds of the loss of R^2 of ranks, and its spread over seeds
    (one standard deviation); `score` is the R^2 on unseen trials: where that is about 0 the rest
    says nothing."""

    names: tuple[str, ...]
    mean: Float[np.ndarray, " hyperparameters"]
    spread: Float[np.ndarray, " hyperparameters"]
    score: float
    score_spread: float


class Map(NamedTuple):
    """Foreseen ranks over two hyperparameters, the others averaged over the trials' own values."""

    x: str
    y: str
    ranks: Float[np.ndarray, "cells cells"]


def space_of(view: View) -> Space | None:
    """The space that the settings name, or, without, the smallest around the configurations; None
    where there are no hyperparameters."""
    configurations = [t.configuration for t in view.trials]
    named = view.settings.get("space")
    if named and all(set(c) <= set(named) for c in configurations):
        return space_from_settings(named)
    names = sorted({name for c in configurations for name in c} - {"row"})
    kinds = {name: _around([c[name] for c in configurations if name in c]) for name in names}
    return Space(kinds) if kinds else None


def landscape(view: View) -> Landscape | None:
    """None where there are no trials to compare, or no hyperparameters."""
    from scipy.stats import rankdata

    space, (epoch, trials) = space_of(view), common_epoch(view)
    if space is None or not trials:
        return None
    values = np.array([t.curve[epoch - 1] for t in trials])
    places = [[place(space, n, t.configuration) for n in space.names] for t in trials]
    ranks = rankdata(view.sign * values) - 1  # of equal ones the mean of their places
    return Landscape(
        space.names,
        space,
        epoch,
        tuple(t.number for t in trials),
        np.array(places, float),
        values,
        ranks / max(len(ranks) - 1, 1),
    )


def place(space: Space, name: str, configuration: Configuration) -> float:
    """Where on [0, 1] a value lies; NaN where the hyperparameter plays no part, or the value lies
    outside the space, as one that was given by hand may."""
    parameter = plain(space.parameters[name])
    if name not in configuration:
        return np.nan
    value: Any = configuration[name]  # whatever was given
    if isinstance(parameter, Categorical):
        known = position(parameter.values, _hashable(value))
        known = position(parameter.values, str(value)) if known is None else known
        return np.nan if known is None else (known + 0.5) / len(parameter.values)
    try:
        return parameter.unit(value)
    except (TypeError, ValueError):
        return np.nan


def importance(land: Landscape, seeds: Sequence[int] = range(SEEDS)) -> Importance | None:
    """None where there are fewer than LEAST trials, or all are equally good."""
    if len(land.ranks) < LEAST or np.ptp(land.values) == 0:
        return None
    from sklearn.inspection import permutation_importance
    from sklearn.model_selection import ShuffleSplit

    features, owners = _features(land)
    found, scores = [], []
    for seed in seeds:
        lost = np.zeros(len(land.names))
        for learn, unseen in ShuffleSplit(3, test_size=0.25, random_state=seed).split(features):
            forest = _forest(features[learn], land.ranks[learn], seed)
            scores.append(forest.score(features[unseen], land.ranks[unseen]))
            one_by_one = permutation_importance(
                forest, features[unseen], land.ranks[unseen], n_repeats=2, random_state=seed
            ).importances_mean
            lost += np.bincount(owners, one_by_one, len(land.names)) / 3
        found.append(lost)
    by_seed = np.array(scores).reshape(len(found), -1).mean(1)
    return Importance(
        land.names, np.mean(found, 0), np.std(found, 0), float(by_seed.mean()), float(by_seed.std())
    )


def over_two(land: Landscape, x: str, y: str, cells: int = 18, seed: int = 0) -> Map:
    """What a forest foresees over two hyperparameters: its partial dependence (Friedman, Annals of
    Statistics 29 (2001) 1189), over at most 40 trials' other values."""
    features, owners = _features(land)
    forest = _forest(features, land.ranks, seed)
    some = features[np.linspace(0, len(features) - 1, min(len(features), 40)).astype(int)]
    centres = (np.arange(cells) + 0.5) / cells
    grid = np.repeat(some[None], cells * cells, 0)
    for name, along in ((x, np.tile(centres, cells)), (y, np.repeat(centres, cells))):
        columns = np.flatnonzero(owners == land.names.index(name))
        grid[:, :, columns] = _columns(land, name, along)[:, None]
    ranks = forest.predict(grid.reshape(-1, features.shape[1])).reshape(cells * cells, -1).mean(1)
    return Map(x, y, ranks.reshape(cells, cells))


def _features(land: Landscape) -> tuple[np.ndarray, np.ndarray]:
    """What the forest sees, and which hyperparameter each column is of."""
    columns = [
        _columns(land, name, unit) for name, unit in zip(land.names, land.units.T, strict=True)
    ]
    owners = np.repeat(np.arange(len(columns)), [c.shape[1] for c in columns])
    return np.hstack(columns), owners


def _columns(land: Landscape, name: str, unit: np.ndarray) -> np.ndarray:
    """Numbers as their place, what plays no part as -1; a category as one column each."""
    parameter = plain(land.space.parameters[name])
    if not isinstance(parameter, Categorical):
        return np.nan_to_num(unit, nan=-1.0)[:, None]
    count = len(parameter.values)
    known = np.minimum(np.nan_to_num(unit * count, nan=-1.0).astype(int), count - 1)
    return (known[:, None] == np.arange(count)).astype(float)


def _forest(features: np.ndarray, ranks: np.ndarray, seed: int) -> Any:
    from sklearn.ensemble import RandomForestRegressor

    forest = RandomForestRegressor(_TREES, min_samples_leaf=2, random_state=seed)
    return forest.fit(features, ranks)


def _around(values: Sequence[Any]) -> Any:
    from hpo.space import space_around

    plain_ones = [v if isinstance(v, bool | int | float | str) else str(v) for v in values]
    return space_around([{"x": value} for value in plain_ones]).parameters["x"]


def _hashable(value: Any) -> Any:
    return tuple(map(_hashable, value)) if isinstance(value, list) else value
