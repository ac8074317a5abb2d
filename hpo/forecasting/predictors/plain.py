"""The two predictors between which all others stand: the last value seen, and the truth."""

import numpy as np

from hpo.forecasting.predictors.base import Curves, Extrapolate, Losses, Predictor, root_mean_square


def persistence() -> Predictor:
    """The last value seen is the prediction: what any other predictor has to beat."""

    def fit(curves: Curves, targets: Losses, seed: int) -> Extrapolate:
        spread = root_mean_square(targets - curves[:, -1])
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
