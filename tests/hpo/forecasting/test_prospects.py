"""What partly trained trials promise: forecasts, expected gains, and when to trust them."""

import numpy as np
import pytest
from scipy import integrate, stats

from hpo.forecasting.prospects import PROSPECT, expected_gain, prospects, trust
from hpo.forecasting.regression import Forecast


def falling(generator, rows, epochs):
    low, rate = generator.uniform(0.1, 0.5, (2, rows, 1))
    return low + np.arange(1, epochs + 1) ** -(0.3 + rate)


@pytest.mark.parametrize(("shift", "factor"), [(0.0, 7.0), (-100.0, 1.0), (5.0, 1e-6)])
def test_a_prospect_has_the_units_of_its_losses(shift, factor):
    curves = falling(np.random.default_rng(0), 20, 32)
    known, partial, ends = curves[:12, :8], curves[12:, :8], curves[:12, 31]
    plain = prospects(known, ends, partial, 32, curves.min())
    other = prospects(
        shift + factor * known,
        shift + factor * ends,
        shift + factor * partial,
        32,
        shift + factor * curves.min(),
    )
    np.testing.assert_allclose(other.mean, shift + factor * plain.mean, rtol=1e-6)
    np.testing.assert_allclose(other.spread, factor * plain.spread, rtol=1e-4)


def test_a_prospect_learns_what_its_curves_do():
    """Ends that follow from loss and gain are foreseen by many curves, however odd the rule."""
    generator = np.random.default_rng(1)
    curves = falling(generator, 420, 8)
    ends = 1.1 - curves[:, -1] + 0.5 * (curves[:, -1] - curves[:, 3])
    seen = prospects(curves[:400], ends[:400], curves[400:], 64, ends.min())
    assert np.abs(seen.mean - ends[400:]).max() < 0.02
    assert seen.spread.max() < 0.05
    few = prospects(curves[:4], ends[:4], curves[400:], 64, ends.min())
    assert few.spread.min() > seen.spread.max()


def test_the_expected_gain_is_the_integral_that_it_stands_for():
    for mean, spread, known in ((1.0, 0.5, 3), (-0.3, 0.2, 5), (4.0, 0.7, 20)):
        degrees = PROSPECT.degrees(known)
        prospect = Forecast(np.array([mean]), np.array([spread]), degrees)
        density = stats.t(degrees, mean, spread).pdf
        wanted, _ = integrate.quad(lambda y, d=density: (0.4 - y) * d(y), -np.inf, 0.4)
        assert expected_gain(prospect, 0.4)[0] == pytest.approx(wanted, rel=1e-5)
    assert PROSPECT.degrees(0) == PROSPECT.strength


def test_trust_is_in_order_that_lasts():
    ends = np.array([1.0, 2.0, 3.0, 4.0])
    assert trust(ends**3, ends) == 1
    assert trust(-ends, ends) == 0
    assert trust(np.array([1.0, 2.0, 4.0, 3.0]), ends) == pytest.approx(1 - 1 / 10 / 0.3)
    assert trust(ends[:1], ends[:1]) == 0  # nobody to compare with
    assert trust(ends, np.ones(4)) == 0
