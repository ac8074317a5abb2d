"""The two predictors between which all others stand: the last value seen, and the truth."""

import numpy as np

from hpo.forecasting.predictors.base import (
    Curves,
    Extrapolate,
    Known,
    Losses,
    Predictor,
    root_mean_square,
)


def persistence() -> Predictor:
    """The last value seen is the prediction: what any other predictor has to beat."""

    def fit(curves: Curves, targets: Losses, seed: int) -> Extrapolate:
        spread = root_mean_square(targets - curves[:, -1])
        return lambda partial: (partial[:, -1], np.full(len(partial), spread))

    return Predictor(fit, {"predictor": "persistence"})


def oracle(curves: Curves) -> Predictor:
    """Looks the answer up in a table of whole curves: the most that any predictor can save.

    Where several rows begin like a curve, their median is all it knows, and the spread is how far
    they are from it. NaN for a row that has no number at the rung.
    Raises ValueError where no row begins so.
    """

    def fit(partial: Curves, targets: Losses, seed: int) -> Extrapolate:
        raise ValueError("the oracle has to know the rung: call its `joint`")

    def joint(known: Known, seed: int) -> tuple[Losses, Losses]:
        epoch, rung = known.partial.shape[1], known.finished.shape[1]
        if rung > curves.shape[1]:
            raise ValueError(f"the oracle's table ends before epoch {rung}")
        begun: list[Losses] = [
            curves[(curves[:, :epoch] == curve).all(1), rung - 1] for curve in known.partial
        ]
        if not all(len(ends) for ends in begun):
            raise ValueError("the oracle's table does not hold this curve")
        mean = np.array([np.median(ends) for ends in begun])
        return mean, np.array([_apart(ends) for ends in begun])

    return Predictor(fit, {"predictor": "oracle", "table": list(curves.shape)}, joint)


def _apart(ends: Losses) -> float:
    return root_mean_square(ends - np.median(ends)) if len(ends) > 1 else 0.0
