"""What a partly trained trial may still bring: its loss at the end, and the gain to expect of it.

The forecast is a conjugate linear regression on the few curves that were trained to the end, with
Student tails. Its prior is weak on purpose: how far early losses can be trusted is what these
curves are there to say. Where they change places on the way, forecasts are not to be believed
(`trust`).
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

Losses = Float[np.ndarray, " trials"]
Curves = Float[np.ndarray, "trials epochs"]

DECAY = 0.7  # a doubling of the epochs is expected to bring so much of the gain of the last one
PRECISION = (0.01, 0.1, 3.0)  # of the prior of each coefficient, in numbers of curves
STRENGTH = 3.0  # prior residuals, in numbers of curves
DOUBT = 0.1  # the residual expected beforehand, in units of (median loss - lowest loss)
NO_TRUST = 0.7  # share of pairs in order up to which early losses tell nothing; by chance it is 0.5
HIGH = 3.0  # losses are cut so far above the median: how bad the bad are teaches nothing


class Prospect(NamedTuple):
    """Location and scale of a Student distribution with `degrees` of freedom, one a trial."""

    mean: Losses
    spread: Losses
    degrees: float


def prospects(
    known: Curves, ends: Losses, partial: Curves, doublings: float, lowest: float
) -> Prospect:
    """The losses at the end of the `partial` curves, given the `known` ones' `ends`.

    All curves are of e epochs, lower is better; the end is `doublings` = log2(R / e) away. With y
    the last loss and g what was gained for each doubling since epoch e/2, both in units of
    (median y - lowest y), the loss at the end is

        y + b . (1, y, g) + noise,     b ~ N((0, 0, sum of DECAY^k over the doublings), PRECISION)

    `lowest` is the lowest loss that anybody has ever had.
    """
    seen, last = known[:, -1], partial[:, -1]
    everybody = np.concatenate([seen, last])
    high = float(np.median(everybody))
    unit = max(high - min(float(everybody.min()), float(ends.min())), 1e-12 * abs(high), 1e-300)
    x, ahead = _features(known, high, unit), _features(partial, high, unit)
    y = np.minimum((ends - high) / unit, HIGH) - x[:, 1]
    prior = np.array([0.0, 0.0, _sum_of_powers(doublings)])
    precision = np.diag(PRECISION)
    covariance = np.linalg.inv(x.T @ x + precision)
    coefficients = covariance @ (x.T @ y + precision @ prior)
    residuals = y - x @ coefficients
    degrees = degrees_of(len(y))
    expected = DOUBT * max(high - lowest, unit) / unit
    variance = (residuals @ residuals + STRENGTH * expected**2) / degrees
    leverage = np.einsum("ij,jk,ik->i", ahead, covariance, ahead)
    mean = (ahead @ coefficients + ahead[:, 1]) * unit + high
    return Prospect(mean, np.sqrt(variance * (1 + leverage)) * unit, degrees)


def degrees_of(known: int) -> float:
    """Degrees of freedom of a prospect that `known` curves taught."""
    return STRENGTH + max(known - 1, 0)


def expected_gain(prospect: Prospect, incumbent: float) -> Losses:
    """E[max(0, incumbent - loss)], the expected improvement of a Student variate.

    With t density and T distribution function of Student's distribution, n its degrees of freedom
    and z = (incumbent - mean) / spread: spread (z T(z) + t(z) (n + z^2) / (n - 1)) (Tracey and
    Wolpert, Upgrading from Gaussian processes to Student's-T processes, arXiv:1801.06147).
    """
    from scipy.special import gammaln, stdtr

    n = prospect.degrees
    z = (incumbent - prospect.mean) / prospect.spread
    scale = gammaln((n + 1) / 2) - gammaln(n / 2) - math.log(n * math.pi) / 2
    density = np.exp(scale - (n + 1) / 2 * np.log1p(z**2 / n))
    return prospect.spread * (z * stdtr(n, z) + density * (n + z**2) / (n - 1))


def trust(early: Losses, ends: Losses) -> float:
    """How far the order of early losses can be trusted to be that of the ends, from 0 to 1.

    The share of pairs in the same order, each pair counting by how far apart it ends (as far as
    twice the median pair), from NO_TRUST to 1. 0 where there is no pair to tell.
    """
    i, j = np.triu_indices(len(ends), 1)
    apart = np.abs(ends[i] - ends[j])
    weight = np.minimum(apart, 2 * np.median(apart)) if len(i) else apart
    if weight.sum() == 0:
        return 0.0
    agree = (early[i] - early[j]) * (ends[i] - ends[j]) > 0
    return max(float(weight @ agree / weight.sum()) - NO_TRUST, 0.0) / (1 - NO_TRUST)


def _features(curves: Curves, high: float, unit: float) -> Float[np.ndarray, "trials 3"]:
    epochs = curves.shape[1]
    before = max(1, round(epochs / 2))
    gained = np.zeros(len(curves))
    if before < epochs:
        change = (curves[:, -1] - curves[:, before - 1]) / unit
        gained = np.clip(change, -HIGH, HIGH) / math.log2(epochs / before)
    scaled = np.minimum((curves[:, -1] - high) / unit, HIGH)
    return np.stack([np.ones(len(curves)), scaled, gained], 1)


def _sum_of_powers(doublings: float) -> float:
    """DECAY + DECAY^2 + ..., the last power in part where doublings are no whole number."""
    whole = math.floor(doublings)
    total = sum(DECAY**k for k in range(1, whole + 1))
    return total + (doublings - whole) * DECAY ** (whole + 1)
