"""Predictors extrapolate learning curves: the first e epochs in, the loss at a later rung out."""

from hpo.forecasting.predictors.annealed import qsvr
from hpo.forecasting.predictors.base import (
    Curves,
    Extrapolate,
    Known,
    Losses,
    Predictor,
    extrapolated,
    memoised,
    remembering,
)
from hpo.forecasting.predictors.joint import lkgp
from hpo.forecasting.predictors.plain import oracle, persistence
from hpo.forecasting.predictors.residual import extra_trees, gaussian_process
from hpo.forecasting.predictors.vectors import svr

__all__ = [
    "Curves", "Extrapolate", "Known", "Losses", "Predictor", "extra_trees",
    "extrapolated", "gaussian_process", "lkgp", "memoised", "oracle", "persistence", "qsvr",
    "remembering", "svr",
]  # fmt: skip
