"""Support vector regression, as Swift-Hyperband was published with it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from hpo.forecasting.predictors.base import (
    FAR,
    Curves,
    Extrapolate,
    Losses,
    Predictor,
    in_units,
    out_of_sample,
    root_mean_square,
)


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
        spread = root_mean_square(out_of_sample(regress, curves, targets))
        return lambda partial: (predict(partial), np.full(len(partial), spread))

    return Predictor(in_units(fit), {"predictor": "nusvr"}, least=2)


class _MinMax(NamedTuple):
    low: Any
    width: Any

    def to(self, values: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            scaled = (values - self.low) / self.width
        return np.clip(scaled, -FAR, FAR)  # where the kernel is 0 anyway

    def back(self, values: np.ndarray) -> np.ndarray:
        return values * self.width + self.low


def _min_max(values: np.ndarray) -> _MinMax:
    low, width = values.min(0), np.ptp(values, 0)
    return _MinMax(low, np.where(width > 0, width, 1.0))
