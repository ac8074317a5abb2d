"""How well a predictor would have foreseen curves that are known to their ends."""

from collections.abc import Sequence

import numpy as np

from hpo.core.types import Configuration
from hpo.forecasting.predictors.base import Curves, Known, Losses, Predictor, extrapolated


def leave_one_out(
    predictor: Predictor,
    curves: Curves,
    configurations: Sequence[Configuration],
    epoch: int,
    seed: int,
) -> tuple[Losses, Losses]:
    """Mean and spread of each curve's last value, from its first `epoch` epochs.

    Each is predicted by a fit to all the other curves, which are seen whole.
    """
    means, spreads = np.empty(len(curves)), np.empty(len(curves))
    for held_out in range(len(curves)):
        known = Known(
            np.delete(curves, held_out, axis=0),
            curves[held_out : held_out + 1, :epoch],
            [c for i, c in enumerate(configurations) if i != held_out],
            [configurations[held_out]],
        )
        (means[held_out],), (spreads[held_out],) = extrapolated(predictor, known, seed)
    return means, spreads
