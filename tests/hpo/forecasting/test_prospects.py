"""What partly trained trials promise: forecasts, expected gains, and when to trust them."""

import numpy as np
import pytest
from scipy import integrate, stats

from hpo.forecasting.prospects import (
    PROSPECT,
    expected_gain,
    in_logarithms,
    prospects,
    ratio_prospects,
    trust,
)
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


def logarithms(known, ends, partial, lowest):
    """What is foreseen of the logarithms of these losses."""
    found = ratio_prospects(known, ends, partial, 32, lowest)
    return in_logarithms(found, 1.0)


def test_ratios_are_prospects_of_logarithms():
    losses = falling(np.random.default_rng(3), 20, 32) - 1.0
    split = losses[:12, :8], losses[:12, 31], losses[12:, :8]
    plain = prospects(*split, 32, losses.min())
    ratios = logarithms(*(np.exp(part) for part in split), np.exp(losses.min()))
    np.testing.assert_allclose(ratios.mean, plain.mean, rtol=1e-9)
    np.testing.assert_allclose(ratios.spread, plain.spread, rtol=1e-9)
    assert ratios.degrees == plain.degrees


@pytest.mark.parametrize(("factor", "power"), [(7.0, 1.0), (1e-9, 1.0), (2.0**700, 1.0), (1, 3)])
def test_a_factor_is_one_of_ratios_and_a_power_one_of_their_logarithms(factor, power):
    curves = falling(np.random.default_rng(0), 20, 32)
    split = curves[:12, :8], curves[:12, 31], curves[12:, :8], curves.min()
    plain, other = logarithms(*split), logarithms(*(factor * part**power for part in split))
    np.testing.assert_allclose(other.mean, np.log(factor) + power * plain.mean, rtol=1e-9)
    np.testing.assert_allclose(other.spread, power * plain.spread, rtol=1e-7)


@pytest.mark.parametrize("where", ["known", "ends", "partial", "lowest"])
@pytest.mark.parametrize("value", [0.0, -1.0])
def test_without_logarithms_there_are_no_ratios(where, value):
    curves = falling(np.random.default_rng(0), 20, 32)
    known, ends, partial = curves[:12, :8], curves[:12, 31], curves[12:, :8]
    parts = {"known": known, "ends": ends, "partial": partial, "lowest": curves.min(keepdims=True)}
    np.copyto(parts[where].reshape(-1)[:1] if where == "lowest" else parts[where][:1], value)
    lowest = float(parts["lowest"].item())
    ours = ratio_prospects(known, ends, partial, 32, lowest)
    plain = prospects(known, ends, partial, 32, lowest)
    np.testing.assert_array_equal(ours.mean, plain.mean)
    np.testing.assert_array_equal(ours.spread, plain.spread)


@pytest.mark.parametrize("scale", [5e-324, 1e-300, 1e300])
@pytest.mark.parametrize("spread", [1.0, 1e8, 1e200])
def test_ratios_of_any_losses_are_finite_and_above_zero(scale, spread):
    """From the smallest float to the largest, side by side, and all alike."""
    powers = np.log10(scale) + np.log10(spread) * np.linspace(0, 1, 12)
    last = np.maximum(10 ** np.minimum(powers, 308), 5e-324)
    curves = np.repeat(last[:, None], 8, 1)
    for part in (curves, np.full_like(curves, scale)):
        found = ratio_prospects(part[:6], part[:6, -1], part[6:], 32, part.min())
        assert np.isfinite([found.mean, found.spread]).all()
        assert min(found.mean.min(), found.spread.min()) > 0


def test_a_spread_of_ratios_is_a_share():
    """Where the bad are many times the good, what is foreseen of the good is no wider for it."""
    generator = np.random.default_rng(5)
    last = 10.0 ** generator.uniform(-1, 1, 60)
    known = np.repeat(last[:, None], 8, 1)
    ends = last * np.exp(generator.normal(0, 0.05, 60))
    partial = np.full((1, 8), 0.1)
    ratios = ratio_prospects(known, ends, partial, 16, 0.1)
    plain = prospects(known, ends, partial, 16, 0.1)
    assert ratios.spread[0] < 0.1 * ratios.mean[0]
    assert plain.spread[0] > 0.3 * plain.mean[0]


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
