"""Where learning curves will stand, from few that have come there: a conjugate linear regression.

It has to speak of chances of a percent after five curves, so it is linear, with a prior that says
what learning curves do, and its predictive distribution is Student's, wider where a curve is unlike
those seen. What is seen of a curve and how strong the prior is, its users say: `trend` and
`prospects`.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

Losses = Float[np.ndarray, " trials"]
Curves = Float[np.ndarray, "trials epochs"]

DECAY = 0.7  # a doubling of the epochs is expected to bring so much of the gain of the last one
HIGH = 3.0  # losses are cut so far above the median: how bad the bad are teaches nothing


class Prior(NamedTuple):
    """What is believed before any curve.

    precision        of the coefficients of (1, last loss, gain), in numbers of curves
    strength         how many curves the prior residual weighs as
    noise, growth    the prior residual from epoch to epoch, and for each doubling ahead, in units
                     of (median loss - lowest loss ever)
    """

    precision: tuple[float, float, float]
    strength: float
    noise: float
    growth: float

    def degrees(self, known: int) -> float:
        """Degrees of freedom of a forecast that `known` curves taught."""
        return self.strength + max(known - 1, 0)


class Seen(NamedTuple):
    """What is seen of curves of one length: the last loss, and its change in so many doublings."""

    last: Losses
    change: Losses
    doublings: float


class Forecast(NamedTuple):
    """Location and scale of a Student distribution with `degrees` of freedom, one a curve."""

    mean: Losses
    spread: Losses
    degrees: float


def regress(
    known: Seen, targets: Losses, partial: Seen, ahead: float, lowest: float, prior: Prior
) -> Forecast:
    """The losses of the `partial` curves `ahead` doublings of their epochs later, given the
    `targets` that the `known` ones had then.

    Lower is better. With y the last loss, from the median of all curves and cut at HIGH, and g its
    change for each doubling, both in units of (median loss - lowest loss or target), the loss ahead
    is

        y + b . (1, y, g) + noise,    b ~ N((0, 0, sum of DECAY^k over the doublings), prior)

    The residual that the prior expects is sqrt(noise^2 + (growth ahead)^2) in units of
    (median loss - `lowest`), where `lowest` is the lowest loss ever seen: anybody might yet fall so
    far.
    """
    everybody = np.concatenate([known.last, partial.last])
    high = float(np.median(everybody))
    least = min(float(everybody.min()), float(targets.min()))
    unit = max(high - least, 1e-12 * abs(high), 1e-300)

    def scaled(losses: Losses) -> Losses:
        return np.minimum((losses - high) / unit, HIGH)

    def features(seen: Seen) -> Float[np.ndarray, "trials 3"]:
        gained = np.clip(seen.change / unit, -HIGH, HIGH) / (seen.doublings or 1.0)
        return np.stack([np.ones(len(seen.last)), scaled(seen.last), gained], 1)

    x, unknown = features(known), features(partial)
    y = scaled(targets) - x[:, 1]
    centre = np.array([0.0, 0.0, _sum_of_powers(ahead)])
    precision = np.diag(prior.precision)
    covariance = np.linalg.inv(x.T @ x + precision)
    coefficients = covariance @ (x.T @ y + precision @ centre)
    residuals = y - x @ coefficients
    degrees = prior.degrees(len(y))
    expected = math.hypot(prior.noise, prior.growth * ahead) * max(high - lowest, unit) / unit
    variance = (residuals @ residuals + prior.strength * expected**2) / degrees
    leverage = np.einsum("ij,jk,ik->i", unknown, covariance, unknown)
    mean = (unknown @ coefficients + unknown[:, 1]) * unit + high
    return Forecast(mean, np.sqrt(variance * (1 + leverage)) * unit, degrees)


def halfway(epoch: int) -> tuple[int, float]:
    """The epoch that changes are counted from, and how many doublings ago it was."""
    before = max(1, round(epoch / 2))
    return before, math.log2(epoch / before)


def _sum_of_powers(doublings: float) -> float:
    """DECAY + DECAY^2 + ..., the last power in part where doublings are no whole number."""
    whole = math.floor(doublings)
    total = sum(DECAY**k for k in range(1, whole + 1))
    return total + (doublings - whole) * DECAY ** (whole + 1)
