"""Predictors of what is still to come: the loss at the rung less the last loss seen.

Where they have learned nothing they are persistence, which few curves do not teach an absolute
regression to be.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float

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


def extra_trees(trees: int = 100) -> Predictor:
    """Extremely randomised trees (Geurts, Ernst and Wehenkel 2006) on the residual.

    The spread has the size of their out-of-bag errors: half of its square for every curve alike,
    half as the trees disagree about it.
    """

    def fit(curves: Curves, targets: Losses, seed: int) -> Extrapolate:
        from sklearn.ensemble import ExtraTreesRegressor

        residual, rows = targets - curves[:, -1], _shape(curves)
        forest = ExtraTreesRegressor(
            trees, bootstrap=True, oob_score=True, min_samples_leaf=2, random_state=seed % 2**32
        )
        with warnings.catch_warnings():
            # with very few curves one may be in every tree's sample, or all may be equal
            warnings.simplefilter("ignore")
            forest.fit(rows, residual)
        error = root_mean_square(residual - forest.oob_prediction_)
        typical = root_mean_square(_deviation(forest, rows))

        def predict(partial: Curves) -> tuple[Losses, Losses]:
            ahead = _shape(partial)
            local = _deviation(forest, ahead) / typical if typical else np.ones(len(ahead))
            spread = error * np.sqrt((1 + local**2) / 2)
            return partial[:, -1] + forest.predict(ahead), spread

        return predict

    return Predictor(in_units(fit), {"predictor": "extra trees", "trees": trees})


def gaussian_process() -> Predictor:
    """A Gaussian process (RBF and noise, by maximum likelihood) on the residual.

    The spread is the process's own, or that of 5-fold out-of-sample residuals where it is larger.
    """

    def fit(curves: Curves, targets: Losses, seed: int) -> Extrapolate:
        model = _process(curves, targets)
        outside = root_mean_square(out_of_sample(_mean_of(_process), curves, targets))

        def predict(partial: Curves) -> tuple[Losses, Losses]:
            mean, spread = model(partial)
            return mean, np.maximum(spread, outside)

        return predict

    return Predictor(in_units(fit), {"predictor": "gaussian process"}, least=2)


def _shape(curves: Curves) -> Float[np.ndarray, "trials features"]:
    """The last value, and the curve seen from there: what may follow does not depend on both.

    No further than FAR, which is beyond every split of a tree and outside every kernel's reach.
    """
    shape = np.concatenate([curves[:, -1:], curves[:, :-1] - curves[:, -1:]], axis=1)
    return np.clip(shape, -FAR, FAR)


def _deviation(forest: Any, rows: np.ndarray) -> Losses:
    return np.std([tree.predict(rows) for tree in forest.estimators_], axis=0)


def _process(curves: Curves, targets: Losses) -> Extrapolate:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor, kernels

    rows, residual = _shape(curves), targets - curves[:, -1]
    centre, width = rows.mean(0), rows.std(0)
    width = np.where(width > 0, width, 1.0)
    shift, scale = residual.mean(), residual.std() or 1.0
    length = np.sqrt(rows.shape[1])
    kernel = kernels.ConstantKernel(1.0, (1e-2, 1e2)) * kernels.RBF(
        length, (0.1 * length, 100 * length)
    ) + kernels.WhiteKernel(0.1, (1e-4, 1.0))
    model = GaussianProcessRegressor(kernel)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a bound: nothing to be learned
        model.fit((rows - centre) / width, (residual - shift) / scale)

    def predict(partial: Curves) -> tuple[Losses, Losses]:
        ahead = (_shape(partial) - centre) / width
        mean, spread = model.predict(ahead, return_std=True)
        return partial[:, -1] + shift + scale * mean, scale * spread

    return predict


def _mean_of(
    regress: Callable[[Curves, Losses], Extrapolate],
) -> Callable[[Curves, Losses], Callable[[Curves], Losses]]:
    return lambda curves, targets: lambda partial: regress(curves, targets)(partial)[0]
