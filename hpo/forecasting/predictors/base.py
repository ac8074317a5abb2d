"""What a predictor is.

A predictor is a value, its functions pure functions of curves, targets and seed. Curves are in the
units of the metric.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from hpo.core.types import Configuration

Curves = Float[np.ndarray, "trials epochs"]
Losses = Float[np.ndarray, " trials"]
Extrapolate = Callable[[Curves], tuple[Losses, Losses]]
"""Partial curves -> predicted mean and spread (one standard deviation) at the rung."""
Fit = Callable[[Curves, Losses, int], Extrapolate]
FAR = 1e30  # features beyond it, where those learned from are about 1, are all equally far away


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
    least
        finished curves that it needs
    """

    fit: Fit
    settings: Mapping[str, Any]
    joint: Callable[[Known, int], tuple[Losses, Losses]] | None = None
    least: int = 1


def extrapolated(predictor: Predictor, known: Known, seed: int) -> tuple[Losses, Losses]:
    """Mean and spread of the partial curves at the rung, by whichever way the predictor works.

    Raises ValueError where a curve is not finite throughout, or too few are finished.
    """
    for what, curves in (("finished", known.finished), ("partial", known.partial)):
        if not np.isfinite(curves).all():
            raise ValueError(f"a {what} curve holds NaN or infinity: nothing can be told from it")
    if len(known.finished) < predictor.least:
        raise ValueError(
            f"the predictor {predictor.settings['predictor']} needs {predictor.least} finished "
            f"curves to learn from, and {len(known.finished)} came to the rung"
        )
    if predictor.joint is not None:
        return predictor.joint(known, seed)
    begun = known.finished[:, : known.partial.shape[1]]
    return predictor.fit(begun, known.finished[:, -1], seed)(known.partial)


def remembering(predictor: Predictor) -> Predictor:
    """The predictor, with `fit` memoised."""
    return predictor._replace(fit=memoised(predictor.fit))


def memoised(fit: Fit, size: int = 64) -> Fit:
    """`fit` that remembers its last `size` results, so that a fold need not train twice."""
    cache: dict[tuple[Any, ...], Extrapolate] = {}

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


def in_units(fit: Fit) -> Fit:
    """`fit`, for losses of any size: what it sees is in units of `unit_of` the curves it is given.

    Its squares neither overflow nor vanish, and since a unit is a power of two nothing is rounded:
    losses in other such units are predicted alike, bit for bit. Raises ValueError where a
    prediction is beyond the range of floating point numbers.
    """

    def fitted(curves: Curves, targets: Losses, seed: int) -> Extrapolate:
        unit = unit_of(curves, targets)
        extrapolate = fit(curves / unit, targets / unit, seed)

        def predict(partial: Curves) -> tuple[Losses, Losses]:
            with np.errstate(over="ignore"):  # said below, in words
                ahead = partial / unit
                mean, spread = extrapolate(ahead) if np.isfinite(ahead).all() else (ahead, ahead)
                mean, spread = mean * unit, spread * unit
            if not (np.isfinite(mean).all() and np.isfinite(spread).all()):
                raise ValueError(
                    f"no number holds what a curve of up to {np.abs(partial).max():.3g} is "
                    f"predicted to come to beside finished ones of about {unit:.3g}"
                )
            return mean, spread

        return predict

    return fitted


def unit_of(*values: np.ndarray) -> float:
    """The power of two just below the largest of all magnitudes; 1 where all are 0."""
    largest = max((float(np.abs(v).max()) for v in values if v.size), default=0.0)
    return math.ldexp(1.0, math.frexp(largest)[1] - 1) if largest else 1.0


def root_mean_square(values: np.ndarray) -> float:
    """In units of the largest, whose square could be beyond the range of numbers."""
    unit = unit_of(values)
    return unit * float(np.sqrt(np.mean(np.square(values / unit))))
