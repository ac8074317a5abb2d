"""A regression for few curves: where losses will stand, and how sure that is.

What Swift-Hyperband's improved rule extrapolates with. It has to speak of risks of a percent after
five curves, so it is linear, with priors that say what learning curves do, and its predictive
distribution is Student's, wider where a curve is unlike those seen.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

Losses = Float[np.ndarray, " trials"]
Curves = Float[np.ndarray, "trials epochs"]

DECAY = 0.7  # a doubling of the epochs is expected to bring so much of the gain of the last one
INTERCEPT, LEVEL, SLOPE = 0.01, 0.1, 3.0  # precision of the prior of each coefficient
STRENGTH = 8.0  # prior residuals, in numbers of curves
HIGH = 3.0  # losses are cut so far above the median: how bad the bad are teaches nothing


class Forecast(NamedTuple):
    """Location and scale of a Student distribution with `degrees` of freedom, one a curve."""

    mean: Losses
    spread: Losses
    degrees: float


def forecast(
    known: Curves, targets: Losses, partial: Curves, horizon: int, best: float, doubt: float
) -> Forecast:
    """The loss of the `partial` curves at epoch `horizon`, given the `known` ones' `targets` there.

    All curves are of e epochs, lower is better. With y the last loss and g what was gained since
    epoch e/2, both in units of (median y - lowest y), the loss at the horizon is

        y + b . (1, y, g) + noise,    b ~ N((0, 0, sum of DECAY^k over log2(horizon / e) doublings))

    a conjugate normal model. `best` is the lowest loss ever seen and `doubt` the residual that the
    prior expects, in units of (median y - best): anybody might yet fall that far.
    """
    epoch = known.shape[1]
    before = max(1, round(epoch / 2))
    last, seen = partial[:, -1], known[:, -1]
    everybody = np.concatenate([seen, last])
    high = float(np.median(everybody))
    unit = max(high - min(float(everybody.min()), float(targets.min())), 1e-12 * abs(high), 1e-300)

    def scaled(losses: Losses) -> Losses:
        return np.minimum((losses - high) / unit, HIGH)

    def features(curves: Curves) -> Float[np.ndarray, "trials 3"]:
        gained = np.zeros(len(curves))
        if before < epoch:
            change = (curves[:, -1] - curves[:, before - 1]) / unit
            gained = np.clip(change, -HIGH, HIGH) / math.log2(epoch / before)
        return np.stack([np.ones(len(curves)), scaled(curves[:, -1]), gained], 1)

    doublings = math.log2(horizon / epoch)
    x, ahead = features(known), features(partial)
    y = scaled(targets) - x[:, 1]
    prior = np.array([0.0, 0.0, _sum_of_powers(doublings)])
    precision = np.diag([INTERCEPT, LEVEL, SLOPE])
    covariance = np.linalg.inv(x.T @ x + precision)
    coefficients = covariance @ (x.T @ y + precision @ prior)
    residuals = y - x @ coefficients
    degrees = STRENGTH + max(len(y) - 1, 0)
    expected = doubt * max(high - best, unit) / unit
    variance = (residuals @ residuals + STRENGTH * expected**2) / degrees
    leverage = np.einsum("ij,jk,ik->i", ahead, covariance, ahead)
    mean = ahead @ coefficients + ahead[:, 1]
    return Forecast(mean * unit + high, np.sqrt(variance * (1 + leverage)) * unit, degrees)


def _sum_of_powers(doublings: float) -> float:
    """DECAY + DECAY^2 + ..., the last power in part where doublings are no whole number."""
    whole = math.floor(doublings)
    total = sum(DECAY**k for k in range(1, whole + 1))
    return total + (doublings - whole) * DECAY ** (whole + 1)
