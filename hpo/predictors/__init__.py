"""Predictors extrapolate learning curves: the first e epochs in, the loss at a later rung out."""

from hpo.predictors.annealed import qsvr
from hpo.predictors.base import (
    Curves,
    Extrapolate,
    Known,
    Losses,
    Predictor,
    extrapolated,
    memoised,
    remembering,
)
from hpo.predictors.joint import lkgp
from hpo.predictors.plain import oracle, persistence
from hpo.predictors.residual import extra_trees, gaussian_process
from hpo.predictors.vectors import svr

__all__ = [
    "Curves", "Extrapolate", "Known", "Losses", "Predictor", "extra_trees",
    "extrapolated", "gaussian_process", "lkgp", "memoised", "oracle", "persistence", "qsvr",
    "remembering", "svr",
]  # fmt: skip
