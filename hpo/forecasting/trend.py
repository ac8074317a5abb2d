"""What Swift-Hyperband's improved rule extrapolates with: a regression on few curves' trends."""

import numpy as np

from hpo.forecasting.regression import Curves, Forecast, Losses, Prior, Seen, foresee, seen
from hpo.forecasting.scale import LARGEST, down, exponent_of, up

TREND = Prior(precision=(1.0, 1.0, 3.0), strength=2.0, noise=0.05, growth=0.1)


def forecast(
    known: Curves,
    targets: Losses,
    partial: Curves,
    horizon: int,
    lowest: float,
    jumps: float = 0.0,
) -> Forecast:
    """The loss of the `partial` curves at epoch `horizon` (`regression.foresee`).

    The last loss is seen as `level` says, and a rise since half of the epochs is not extrapolated.
    Nobody is foreseen below `lowest`, the lowest loss ever seen. A curve that jumps can fall as far
    as it has jumped: `jumps` times its largest jump is a spread of its own, beside what the
    regression leaves, which is the same for all curves of a kind.
    """
    found = foresee(known, targets, partial, horizon, lowest, TREND, falls)
    return jumping(found._replace(mean=np.maximum(found.mean, lowest)), partial, jumps)


def jumping(found: Forecast, partial: Curves, jumps: float) -> Forecast:
    """The forecast with a spread of `jumps` times each curve's largest jump beside its own."""
    if jumps == 0:
        return found
    own = jumps * np.minimum(jump(partial), LARGEST / (2 * max(jumps, 1.0)))
    return found._replace(spread=np.hypot(np.minimum(found.spread, LARGEST / 2), own))


def jump(curves: Curves) -> Losses:
    """The largest rise of each curve from one epoch to the next, since half of its epochs."""
    exponent = exponent_of(curves)
    late = down(curves[:, max(1, round(curves.shape[1] / 2)) - 1 :], exponent)
    return up(np.diff(late, axis=1).max(1, initial=0.0), exponent)


def level(curves: Curves) -> Losses:
    """The last loss of each curve, or the highest of the two before it where that is lower.

    A rise may be an outlier; a fall is believed, which lets a trial go on.
    """
    if curves.shape[1] < 3:
        return curves[:, -1]
    return np.minimum(curves[:, -1], curves[:, -3:-1].max(1))


def falls(curves: Curves) -> Seen:
    """The `level` of curves at their end, and how far it fell since half of their epochs."""
    found = seen(curves, level)
    return found._replace(change=np.minimum(found.change, 0.0))
