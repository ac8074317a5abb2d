"""What a partly trained trial may still bring: its loss later, and the gain to expect of it.

The forecast is `regression` on the few curves that have come there. Its prior is weak
on purpose: how far early losses can be trusted is what these curves are there to say. Where they
change places on the way, forecasts are not to be believed (`trust`).
"""

import math

import numpy as np

from hpo.forecasting.regression import Curves, Forecast, Losses, Prior, Seen, halfway, regress

PRIOR = Prior(precision=(0.01, 0.1, 3.0), strength=3.0, noise=0.1, growth=0.0)
NO_TRUST = 0.7  # share of pairs in order up to which early losses tell nothing; by chance it is 0.5


def prospects(
    known: Curves, targets: Losses, partial: Curves, ahead: float, lowest: float
) -> Forecast:
    """The losses of the `partial` curves later, given the `targets` that the `known` ones had then.

    All curves are of e epochs, lower is better; what is asked about is `ahead` doublings of them
    away. `lowest` is the lowest loss that anybody has ever had.
    """
    return regress(_seen(known), targets, _seen(partial), ahead, lowest, PRIOR)


def expected_gain(prospect: Forecast, incumbent: float) -> Losses:
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


def _seen(curves: Curves) -> Seen:
    before, doublings = halfway(curves.shape[1])
    return Seen(curves[:, -1], curves[:, -1] - curves[:, before - 1], doublings)
