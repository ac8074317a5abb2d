"""Where learning curves will stand, from few that have come there: a conjugate linear regression.

It has to speak of chances of a percent after five curves, so it is linear, with a prior that says
what learning curves do, and its predictive distribution is Student's, wider where a curve is unlike
those seen. What is seen of a curve and how strong the prior is, its users say: `trend` and
`prospects`.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from hpo.forecasting.scale import down, exponent_of, up

Losses = Float[np.ndarray, " trials"]
Curves = Float[np.ndarray, "trials epochs"]

DECAY = 0.7  # a doubling of the epochs is expected to bring so much of the gain of the last one
HIGH = 3.0  # losses are cut so far above the median: how bad the bad are teaches nothing
NOISE = 1e-12  # differences below this share of the losses are rounding
_LEAST = (
    2.0**-900
)  # unit where median and lowest are 0, as a share of the largest loss: any will do
_TINY = float(np.finfo(float).smallest_subnormal)


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


def foresee(
    known: Curves,
    targets: Losses,
    partial: Curves,
    horizon: int,
    lowest: float,
    prior: Prior,
    see: Callable[[Curves], Seen],
) -> Forecast:
    """The losses of the `partial` curves at epoch `horizon`, given the `targets` that the `known`
    ones had there.

    All curves are of e epochs, lower is better, `lowest` is the lowest loss ever seen and `see`
    what is looked at. Any finite losses will do, all equal or near the largest float too: means
    are finite, spreads above 0, and both scale with the losses.
    """
    exponent = exponent_of(known, targets, partial, lowest)
    found = regress(
        see(down(known, exponent)),
        down(targets, exponent),
        see(down(partial, exponent)),
        math.log2(horizon / known.shape[1]),
        float(down(lowest, exponent)),
        prior,
    )
    mean, spread = up(found.mean, exponent), up(found.spread, exponent)
    return found._replace(mean=mean, spread=np.maximum(spread, _TINY))


class Line(NamedTuple):
    """What a regression has learned, in losses from `high` in units of `unit`."""

    high: float
    unit: float
    coefficients: Float[np.ndarray, " 3"]
    covariance: Float[np.ndarray, "3 3"]
    variance: float
    degrees: float

    def in_units(self, losses: Losses) -> Losses:
        return np.minimum((losses - self.high) / self.unit, HIGH)

    def features(self, seen: Seen) -> Float[np.ndarray, "trials 3"]:
        """1, the last loss and its change for each doubling."""
        gained = np.clip(seen.change / self.unit, -HIGH, HIGH) / (seen.doublings or 1.0)
        return np.stack([np.ones(len(seen.last)), self.in_units(seen.last), gained], 1)

    def ahead(self, seen: Seen) -> Forecast:
        """The losses that are to be expected."""
        x = self.features(seen)
        leverage = np.einsum("ij,jk,ik->i", x, self.covariance, x)
        mean = (x @ self.coefficients + x[:, 1]) * self.unit + self.high
        spread = np.sqrt(self.variance * (1 + leverage)) * self.unit
        return Forecast(mean, spread, self.degrees)


def regress(
    known: Seen, targets: Losses, partial: Seen, ahead: float, lowest: float, prior: Prior
) -> Forecast:
    """The losses of the `partial` curves `ahead` doublings of their epochs later (`learned`)."""
    return learned(known, targets, partial, ahead, lowest, prior).ahead(partial)


def learned(
    known: Seen, targets: Losses, partial: Seen, ahead: float, lowest: float, prior: Prior
) -> Line:
    """The regression of losses `ahead` doublings later.

    Losses must lie between -1 and 1. With y the last loss, from the median of all curves and cut
    at HIGH, and g its change for each doubling, both in units of (median loss - lowest loss or
    target), the loss ahead is

        y + b . (1, y, g) + noise,    b ~ N((0, 0, sum of DECAY^k over the doublings), prior)

    The residual that the prior expects is sqrt(noise^2 + (growth ahead)^2) in units of
    (median loss - `lowest`), where `lowest` is the lowest loss ever seen: anybody might yet fall so
    far. Where the curves do not differ, that is all the doubt there is, whatever the unit.
    """
    everybody = np.concatenate([known.last, partial.last])
    high = float(np.median(everybody))
    least = min(float(everybody.min()), float(targets.min()))
    unit = max(high - least, NOISE * max(abs(high), abs(lowest)), _LEAST)
    empty = Line(high, unit, np.zeros(3), np.zeros((3, 3)), 0.0, prior.degrees(len(targets)))
    x = empty.features(known)
    y = empty.in_units(targets) - x[:, 1]
    centre = np.array([0.0, 0.0, _sum_of_powers(ahead)])
    precision = np.diag(prior.precision)
    covariance = np.linalg.inv(x.T @ x + precision)
    coefficients = covariance @ (x.T @ y + precision @ centre)
    residuals = y - x @ coefficients
    expected = math.hypot(prior.noise, prior.growth * ahead) * max(high - lowest, unit) / unit
    variance = (residuals @ residuals + prior.strength * expected**2) / empty.degrees
    return empty._replace(coefficients=coefficients, covariance=covariance, variance=variance)


def seen(curves: Curves, level: Callable[[Curves], Losses]) -> Seen:
    """The `level` of curves at their end, and how it changed since half of their epochs."""
    epochs = curves.shape[1]
    before = max(1, round(epochs / 2))
    last = level(curves)
    return Seen(last, last - level(curves[:, :before]), math.log2(epochs / before))


def _sum_of_powers(doublings: float) -> float:
    """DECAY + DECAY^2 + ..., the last power in part where doublings are no whole number."""
    whole = math.floor(doublings)
    total = sum(DECAY**k for k in range(1, whole + 1))
    return total + (doublings - whole) * DECAY ** (whole + 1)
