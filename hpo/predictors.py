"""Predictors extrapolate learning curves: the first e epochs in, the loss at a later rung out.

A predictor is a value, its `fit` a pure function of curves, targets and seed. Curves are in the
units of the metric.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

Curves = Float[np.ndarray, "trials epochs"]
Losses = Float[np.ndarray, " trials"]
Extrapolate = Callable[[Curves], tuple[Losses, Losses]]
"""Partial curves -> predicted mean and spread (one standard deviation) at the rung."""


class Predictor(NamedTuple):
    """`fit(curves, targets, seed) -> predict`; `settings` names it and its parameters in JSON."""

    fit: Callable[[Curves, Losses, int], Extrapolate]
    settings: Mapping[str, Any]


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


def persistence() -> Predictor:
    """The last value seen is the prediction: what any other predictor has to beat."""

    def fit(curves: Curves, targets: Losses, seed: int) -> Extrapolate:
        spread = _root_mean_square(targets - curves[:, -1])
        return lambda partial: (partial[:, -1], np.full(len(partial), spread))

    return Predictor(fit, {"predictor": "persistence"})


def oracle(curves: Curves) -> Predictor:
    """Looks the answer up in a table of whole curves: the most that any predictor can save."""

    def rows(partial: Curves) -> np.ndarray:
        matches = (curves[None, :, : partial.shape[1]] == partial[:, None]).all(2)
        if not matches.any(1).all():
            raise ValueError("the oracle's table does not hold this curve")
        return matches.argmax(1)

    def fit(partial: Curves, targets: Losses, seed: int) -> Extrapolate:
        rung = (curves[rows(partial)] == targets[:, None]).all(0).argmax()
        return lambda ahead: (curves[rows(ahead), rung], np.zeros(len(ahead)))

    return Predictor(fit, {"predictor": "oracle", "table": list(curves.shape)})


def svr() -> Predictor:
    """Support vector regression of the partial curve alone, as Swift-Hyperband was published.

    scikit-learn's `NuSVR()` with its defaults on curves scaled to [0, 1] by the training curves.
    The spread is the root mean square of 5-fold out-of-sample residuals.
    """

    def regress(curves: Curves, targets: Losses) -> Callable[[Curves], Losses]:
        from sklearn.svm import NuSVR

        scale, unit = _min_max(curves), _min_max(targets)
        model = NuSVR().fit(scale.to(curves), unit.to(targets))
        return lambda partial: unit.back(model.predict(scale.to(partial)))

    def fit(curves: Curves, targets: Losses, seed: int) -> Extrapolate:
        predict = regress(curves, targets)
        fold = np.arange(len(targets)) % 5
        residuals = [
            targets[fold == k] - regress(curves[fold != k], targets[fold != k])(curves[fold == k])
            for k in np.unique(fold)
        ]
        spread = _root_mean_square(np.concatenate(residuals))
        return lambda partial: (predict(partial), np.full(len(partial), spread))

    return Predictor(fit, {"predictor": "nusvr"})


def qsvr(published: bool = False, **parameters: Any) -> Predictor:
    """`qsvr.QSVR` of the partial curve alone: support vectors found by sampling a QUBO.

    `published` takes the settings of the published study. `parameters` are QSVR's, plain values
    only, because they are written into the journal. The spread adds, in quadrature, the sampler's
    disagreement with itself and the root mean square of the training residuals; both are lower
    bounds of the error. Raises TypeError where a parameter is no plain value.
    """
    json.dumps(parameters)

    def fit(curves: Curves, targets: Losses, seed: int) -> Extrapolate:
        from qsvr import QSVR

        make = QSVR.published if published else QSVR
        model = make(random_state=seed, **parameters).fit(curves, targets)
        residual = _root_mean_square(targets - model.predict(curves))

        def predict(partial: Curves) -> tuple[Losses, Losses]:
            mean, deviation = model.predict(partial, return_std=True)
            return mean, np.hypot(deviation, residual)

        return predict

    return Predictor(fit, {"predictor": "qsvr", "published": published, **parameters})


class _MinMax(NamedTuple):
    low: Any
    width: Any

    def to(self, values: np.ndarray) -> np.ndarray:
        return (values - self.low) / self.width

    def back(self, values: np.ndarray) -> np.ndarray:
        return values * self.width + self.low


def _min_max(values: np.ndarray) -> _MinMax:
    low, width = values.min(0), np.ptp(values, 0)
    return _MinMax(low, np.where(width > 0, width, 1.0))


def _root_mean_square(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
