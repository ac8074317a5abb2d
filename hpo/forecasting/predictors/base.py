"""What a predictor is.

A predictor is a value, its functions pure functions of curves, targets and seed. Curves are in the
units of the metric.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from hpo.core.types import Configuration

Curves = Float[np.ndarray, "trials epochs"]
Losses = Float[np.ndarray, " trials"]
Extrapolate = Callable[[Curves], tuple[Losses, Losses]]
"""Partial curves -> predicted mean and spread (one standard deviation) at the rung."""


class Known(NamedTuple):
    """All that a question about learning curves can be answered from.

    `finished` curves end at the rung, `partial` ones at the decision point; a configuration for
    each.
    """

    finished: Curves
    partial: Curves
    finished_configurations: Sequence[Configuration]
    partial_configurations: Sequence[Configuration]


class Predictor(NamedTuple):
    """How learning curves are extrapolated.

    fit(curves, targets, seed) -> predict
        from the curves up to the decision point and the losses at the rung
    settings
        names the predictor and its parameters, in JSON
    joint(Known, seed) -> (means, spreads) of the partial curves at the rung
        for a predictor that looks at configurations and at whole curves of everybody together;
        None where `fit` is all there is
    """

    fit: Callable[[Curves, Losses, int], Extrapolate]
    settings: Mapping[str, Any]
    joint: Callable[[Known, int], tuple[Losses, Losses]] | None = None


def extrapolated(predictor: Predictor, known: Known, seed: int) -> tuple[Losses, Losses]:
    """Mean and spread of the partial curves at the rung, by whichever way the predictor works."""
    if predictor.joint is not None:
        return predictor.joint(known, seed)
    begun = known.finished[:, : known.partial.shape[1]]
    return predictor.fit(begun, known.finished[:, -1], seed)(known.partial)


def remembering(predictor: Predictor) -> Predictor:
    """The predictor, with `fit` memoised."""
    return predictor._replace(fit=memoised(predictor.fit))


def memoised(fit: Callable[[Curves, Losses, int], Extrapolate], size: int = 64) -> Callable:
    """`fit` that remembers its last `size` results, so that a fold need not train twice."""
    cache: dict[tuple, Extrapolate] = {}

    def remembered(curves: Curves, targets: Losses, seed: int) -> Extrapolate:
        key = (curves.shape, curves.tobytes(), targets.tobytes(), seed)
        if key not in cache:
            if len(cache) >= size:
                del cache[next(iter(cache))]
            cache[key] = fit(curves, targets, seed)
        return cache[key]

    return remembered


def out_of_sample(
    regress: Callable[[Curves, Losses], Callable[[Curves], Losses]],
    curves: Curves,
    targets: Losses,
    folds: int = 5,
) -> Losses:
    """What `regress` misses each target by where it has not seen it."""
    fold = np.arange(len(targets)) % folds
    residuals = np.empty(len(targets))
    for k in np.unique(fold):
        held = fold == k
        residuals[held] = targets[held] - regress(curves[~held], targets[~held])(curves[held])
    return residuals


def root_mean_square(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
