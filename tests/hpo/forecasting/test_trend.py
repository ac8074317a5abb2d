"""What the improved rule foresees: right in its units, its doubt, and what it believes."""

from itertools import pairwise

import numpy as np
import pytest

from hpo.forecasting import incontext, trend
from hpo.forecasting.trend import forecast

both = pytest.mark.parametrize("forecast", [trend.forecast, incontext.forecast])


def power_laws(rows, seed, epochs=32):
    generator = np.random.default_rng(seed)
    low, rate = generator.uniform(0.1, 0.5, (2, rows, 1))
    noise = generator.normal(0, 0.003, (rows, epochs))
    return low + np.arange(1, epochs + 1) ** -(0.3 + rate) + noise


@both
@pytest.mark.parametrize(("shift", "factor"), [(0.0, 7.0), (-100.0, 1.0), (5.0, 1e-6)])
def test_a_forecast_has_the_units_of_its_losses(forecast, shift, factor):
    curves = power_laws(20, 0)
    known, partial, targets = curves[:12, :8], curves[12:, :8], curves[:12, 31]
    plain = forecast(known, targets, partial, 32, 0.1)
    moved = forecast(
        shift + factor * known,
        shift + factor * targets,
        shift + factor * partial,
        32,
        shift + factor * 0.1,
    )
    np.testing.assert_allclose(moved.mean, shift + factor * plain.mean, rtol=1e-6)
    np.testing.assert_allclose(moved.spread, factor * plain.spread, rtol=1e-6)
    assert moved.degrees == plain.degrees


@pytest.mark.parametrize(
    ("forecast", "covered"),
    [(trend.forecast, 0.95), (incontext.forecast, 0.93)],  # of Student with 16 degrees: 0.937
)
def test_a_forecast_covers_what_comes(forecast, covered):
    errors = []
    for seed in range(40):
        curves = power_laws(30, seed)
        answer = forecast(curves[:15, :8], curves[:15, 31], curves[15:, :8], 32, 0.1)
        errors += list((curves[15:, 31] - answer.mean) / answer.spread)
    errors = np.abs(errors)
    assert np.mean(errors < 2) > covered
    assert np.mean(errors > 0.1) > 0.3  # and is no wider than it must be


def test_a_forecast_doubts_more_far_from_what_it_knows():
    curves = power_laws(20, 1)
    far = np.concatenate([curves[12:, :8], curves[12:13, :8] + 0.5])
    answer = forecast(curves[:12, :8], curves[:12, 31], far, 32, 0.1)
    assert answer.spread[-1] > answer.spread[:-1].max()


@both
def test_a_forecast_survives_curves_that_are_all_alike(forecast):
    flat = np.ones((6, 4))
    answer = forecast(flat, np.ones(6), flat[:2], 8, 1.0)
    np.testing.assert_allclose(answer.mean, 1.0)
    assert np.all(answer.spread > 0)
    huge = flat * np.array([[1, 2, 3, 4, 5, 1e17]]).T
    assert np.all(np.isfinite(forecast(huge, huge[:, 0], huge[:2], 8, 0.5).mean))


@both
def test_one_epoch_out_of_line_changes_no_forecast(forecast):
    curves = power_laws(20, 3)
    known, partial, targets = curves[:12, :8], curves[12:, :8], curves[:12, 31]
    spoilt = partial.copy()
    spoilt[3, -1] += 5.0
    plain, other = (forecast(known, targets, now, 32, 0.1) for now in (partial, spoilt))
    np.testing.assert_allclose(other.mean, plain.mean, atol=0.1)


@both
def test_nobody_is_foreseen_below_the_best_loss_ever(forecast):
    steep = np.linspace(1, 0.3, 8) * np.linspace(1, 2, 9)[:, None]
    assert forecast(steep[:6], steep[:6, -1] - 2, steep[6:], 99, 0.25).mean.min() == 0.25


@both
def test_forecasts_spread_more_the_further_they_reach(forecast):
    curves = power_laws(20, 2)
    known, partial = curves[:12], curves[12:]
    spreads = [
        forecast(known[:, :8], known[:, e - 1], partial[:, :8], e, 0.1).spread for e in (9, 32)
    ]
    assert np.all(spreads[0] < spreads[1])


def test_a_sudden_fall_is_believed():
    curves = power_laws(20, 3)
    known, partial, targets = curves[:12, :8], curves[12:, :8], curves[:12, 31]
    fallen = partial.copy()
    fallen[3, -1] = 0.2
    assert forecast(known, targets, fallen, 32, 0.1).mean[3] < 0.25


def test_doubt_grows_with_reach_even_where_curves_have_kept_their_losses():
    flat = np.linspace(0.3, 1.0, 12)[:, None] * np.ones(8)
    near, far = (forecast(flat, flat[:, -1], flat[:3], e, 0.3).spread for e in (9, 32))
    assert np.all(1.5 * near < far)


def test_a_curve_that_jumps_may_fall_as_far():
    """Its largest rise from epoch to epoch since half of its epochs, beside the regression's."""
    curves = power_laws(20, 2)
    partial = curves[12:, :9].copy()
    partial[1, 5:] += 0.4
    partial[2, 2:] += 0.4  # before half
    partial[3] = np.linspace(1, 0.2, 9)
    known = (curves[:12, :9], curves[:12, 31], partial, 32, 0.1)
    plain, doubting = forecast(*known), forecast(*known, jumps=1.5)
    late = partial[:, 3:]
    jumps = np.array([max(0.0, *(b - a for a, b in pairwise(curve))) for curve in late])
    np.testing.assert_allclose(doubting.spread, np.sqrt(plain.spread**2 + (1.5 * jumps) ** 2))
    np.testing.assert_array_equal(doubting.mean, plain.mean)
    assert jumps[3] == 0
    assert jumps[1] > 0.3 > jumps[2]
    one = (curves[:12, :1], curves[:12, 31], curves[12:, :1], 32, 0.1)
    assert np.all(forecast(*one, jumps=1.5).spread == forecast(*one).spread)
