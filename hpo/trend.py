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
INTERCEPT, LEVEL, SLOPE = 1.0, 1.0, 3.0  # precision of the prior of each coefficient, in curves
STRENGTH = 2.0  # prior residuals, in numbers of curves
NOISE, GROWTH = 0.05, 0.1  # a prior residual from epoch to epoch, and for each doubling ahead
HIGH = 3.0  # losses are cut so far above the median: how bad the bad are teaches nothing


class Forecast(NamedTuple):
    """Location and scale of a Student distribution with `degrees` of freedom, one a curve."""

    mean: Losses
    spread: Losses
    degrees: float


def forecast(
    known: Curves, targets: Losses, partial: Curves, horizon: int, best: float
) -> Forecast:
    """The loss of the `partial` curves at epoch `horizon`, given the `known` ones' `targets` there.

    All curves are of e epochs, lower is better. With y the last loss (see `level`) and g what was
    gained since epoch e/2 (0 for a rise), both in units of (median y - lowest y), the loss at the
    horizon is

        y + b . (1, y, g) + noise,    b ~ N((0, 0, sum of DECAY^k over log2(horizon / e) doublings))

    a conjugate normal model. The residual that the prior expects grows with the doublings d ahead,
    sqrt(NOISE^2 + (GROWTH d)^2) in units of (median y - best), where `best` is the lowest loss ever
    seen: anybody might yet fall that far. Nobody is foreseen below it.
    """
    epoch = known.shape[1]
    before = max(1, round(epoch / 2))
    last, seen = level(partial), level(known)
    everybody = np.concatenate([seen, last])
    high = float(np.median(everybody))
    unit = max(high - min(float(everybody.min()), float(targets.min())), 1e-12 * abs(high), 1e-300)

    def scaled(losses: Losses) -> Losses:
        return np.minimum((losses - high) / unit, HIGH)

    def features(curves: Curves, losses: Losses) -> Float[np.ndarray, "trials 3"]:
        gained = np.zeros(len(curves))
        if before < epoch:
            change = (losses - level(curves[:, :before])) / unit
            gained = np.clip(change, -HIGH, 0.0) / math.log2(epoch / before)
        return np.stack([np.ones(len(curves)), scaled(losses), gained], 1)

    doublings = math.log2(horizon / epoch)
    x, ahead = features(known, seen), features(partial, last)
    y = scaled(targets) - x[:, 1]
    prior = np.array([0.0, 0.0, _sum_of_powers(doublings)])
    precision = np.diag([INTERCEPT, LEVEL, SLOPE])
    covariance = np.linalg.inv(x.T @ x + precision)
    coefficients = covariance @ (x.T @ y + precision @ prior)
    residuals = y - x @ coefficients
    degrees = STRENGTH + max(len(y) - 1, 0)
    expected = math.hypot(NOISE, GROWTH * doublings) * max(high - best, unit) / unit
    variance = (residuals @ residuals + STRENGTH * expected**2) / degrees
    leverage = np.einsum("ij,jk,ik->i", ahead, covariance, ahead)
    mean = (ahead @ coefficients + ahead[:, 1]) * unit + high
    return Forecast(np.maximum(mean, best), np.sqrt(variance * (1 + leverage)) * unit, degrees)


def level(curves: Curves) -> Losses:
    """The last loss of each curve, or the median of its last three where that is lower.

    A rise may be an outlier; a fall is believed, which lets a trial go on.
    """
    if curves.shape[1] < 3:
        return curves[:, -1]
    return np.minimum(curves[:, -1], curves[:, -3:-1].max(1))


def _sum_of_powers(doublings: float) -> float:
    """DECAY + DECAY^2 + ..., the last power in part where doublings are no whole number."""
    whole = math.floor(doublings)
    total = sum(DECAY**k for k in range(1, whole + 1))
    return total + (doublings - whole) * DECAY ** (whole + 1)
