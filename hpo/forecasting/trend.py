"""What Swift-Hyperband's improved rule extrapolates with: a regression on few curves' trends."""

import math

import numpy as np

from hpo.forecasting.regression import Curves, Forecast, Losses, Prior, Seen, halfway, regress

PRIOR = Prior(precision=(1.0, 1.0, 3.0), strength=2.0, noise=0.05, growth=0.1)


def forecast(
    known: Curves, targets: Losses, partial: Curves, horizon: int, best: float
) -> Forecast:
    """The loss of the `partial` curves at epoch `horizon`, given the `known` ones' `targets` there.

    All curves are of e epochs, lower is better. The last loss is seen as `level` says, and a rise
    since epoch e/2 is not extrapolated. Nobody is foreseen below `best`, the lowest loss ever seen.
    """
    ahead = math.log2(horizon / known.shape[1])
    found = regress(_seen(known), targets, _seen(partial), ahead, best, PRIOR)
    return found._replace(mean=np.maximum(found.mean, best))


def level(curves: Curves) -> Losses:
    """The last loss of each curve, or the highest of the two before it where that is lower.

    A rise may be an outlier; a fall is believed, which lets a trial go on.
    """
    if curves.shape[1] < 3:
        return curves[:, -1]
    return np.minimum(curves[:, -1], curves[:, -3:-1].max(1))


def _seen(curves: Curves) -> Seen:
    before, doublings = halfway(curves.shape[1])
    last = level(curves)
    return Seen(last, np.minimum(last - level(curves[:, :before]), 0.0), doublings)
