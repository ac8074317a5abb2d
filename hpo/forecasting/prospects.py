"""What a partly trained trial may still bring: its loss later, and the gain to expect of it.

The forecast is `regression` on the few curves that have come there. Its prior is weak
on purpose: how far early losses can be trusted is what these curves are there to say. Where they
change places on the way, forecasts are not to be believed (`trust`).

Where the bad are many times as high as the good, a spread that is the same for all (`regression`)
says nothing of the good: `ratio_prospects` regresses logarithms, whose residuals are shares.
"""

import math

import numpy as np

from hpo.forecasting.chances import standardised
from hpo.forecasting.regression import Curves, Forecast, Losses, Prior, Seen, foresee, seen
from hpo.forecasting.scale import LARGEST, down, exponent_of, up

PROSPECT = Prior(precision=(0.01, 0.1, 3.0), strength=3.0, noise=0.1, growth=0.0)
NO_TRUST = 0.7  # share of pairs in order up to which early losses tell nothing; by chance it is 0.5
_FAR = 700.0  # exp of it is a float; losses that far from the largest are as good as 0
_TINY = float(np.finfo(float).tiny)
_SURE = 1e100  # spreads from the mean, beyond which a variate is as good as its mean


def prospects(
    known: Curves, targets: Losses, partial: Curves, horizon: int, lowest: float
) -> Forecast:
    """The losses of the `partial` curves at epoch `horizon` (`regression.foresee`)."""
    return foresee(known, targets, partial, horizon, lowest, PROSPECT, _ends)


def ratio_prospects(
    known: Curves, targets: Losses, partial: Curves, horizon: int, lowest: float
) -> Forecast:
    """As `prospects`, but it is the logarithms of losses that are foreseen, where all are above 0.

    With m and s the location and scale of a logarithm, the mean is exp(m), a median, and the spread
    s exp(m); `in_logarithms` has them back. Where a loss is 0 or below, or so small beside the
    largest that no float holds both, `prospects` answers.
    """
    exponent = exponent_of(known, targets, partial, lowest)
    losses = [down(values, exponent) for values in (known, targets, partial, lowest)]
    if min(float(values.min()) for values in losses) <= 0:
        return prospects(known, targets, partial, horizon, lowest)
    before, ends, now, least = (np.log(values) for values in losses)
    found = prospects(before, ends, now, horizon, float(least))
    mean = _held(up(np.exp(np.clip(found.mean, -_FAR, _FAR)), exponent))
    with np.errstate(over="ignore"):
        return found._replace(mean=mean, spread=_held(mean * found.spread))


def in_logarithms(prospect: Forecast, unit: float) -> Forecast:
    """The logarithms of losses, above 0, in units of `unit`: the inverse of `ratio_prospects`."""
    with np.errstate(over="ignore"):
        mean, spread = _held(prospect.mean / unit), _held(prospect.spread / prospect.mean)
    return prospect._replace(mean=np.log(mean), spread=spread)


def expected_gain(prospect: Forecast, incumbent: float) -> Losses:
    """E[max(0, incumbent - loss)], the expected improvement of a Student variate.

    Of losses whose differences are floats; spreads may be as small as they like. With t density and
    T distribution function of Student's distribution, n its degrees of freedom and z = (incumbent -
    mean) / spread: spread (z T(z) + t(z) (n + z^2) / (n - 1)) (Tracey and Wolpert, Upgrading from
    Gaussian processes to Student's-T processes, arXiv:1801.06147).
    """
    from scipy.special import gammaln, stdtr

    n, gap = prospect.degrees, incumbent - prospect.mean
    wide = standardised(gap, prospect.spread)
    z = np.clip(wide, -_SURE, _SURE)
    scale = gammaln((n + 1) / 2) - gammaln(n / 2) - math.log(n * math.pi) / 2
    density = np.exp(scale - (n + 1) / 2 * np.log1p(z**2 / n))
    gain = prospect.spread * (z * stdtr(n, z) + density * (n + z**2) / (n - 1))
    return np.where(np.abs(wide) > _SURE, np.maximum(gap, 0.0), gain)


def trust(early: Losses, ends: Losses) -> float:
    """How far the order of early losses can be trusted to be that of the ends, from 0 to 1.

    The share of pairs in the same order, each pair counting by how far apart it ends (as far as
    twice the median pair), from NO_TRUST to 1. 0 where there is no pair to tell.
    """
    i, j = np.triu_indices(len(ends), 1)
    ends = down(ends, exponent_of(ends))
    apart = np.abs(ends[i] - ends[j])
    weight = np.minimum(apart, 2 * np.median(apart)) if len(i) else apart
    if weight.sum() == 0:
        return 0.0
    agree = np.where(ends[i] > ends[j], early[i] > early[j], early[i] < early[j])
    return max(float(weight @ agree / weight.sum()) - NO_TRUST, 0.0) / (1 - NO_TRUST)


def _held(values: Losses) -> Losses:
    """Above 0, and finite."""
    return np.clip(values, _TINY, LARGEST)


def _ends(curves: Curves) -> Seen:
    return seen(curves, lambda some: some[:, -1])
