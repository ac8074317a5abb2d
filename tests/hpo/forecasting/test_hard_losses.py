"""Forecasts and chances of losses at which arithmetic breaks: any finite floats will do."""

import math
from functools import partial as applied

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from hpo.forecasting import incontext
from hpo.forecasting.chances import chance_below, chance_of_place
from hpo.forecasting.prospects import expected_gain, prospects, trust
from hpo.forecasting.regression import Forecast
from hpo.forecasting.trend import forecast

ANY = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, 1.0, 1e300, -1e300, 1e-300, 5e-324, 1.7e308, -1.7e308]),
)
ORDINARY = st.floats(-1, 1).map(lambda x: round(x * 2**20) / 2**20)
forecasts = pytest.mark.parametrize(
    "foresee",
    [forecast, prospects, applied(forecast, jumps=1.5), incontext.forecast],
    ids=["trend", "prospects", "jumps", "in context"],
)


def curves(losses):
    """Known curves with their targets, and partial ones, of the same length."""
    sizes = st.tuples(st.integers(1, 6), st.integers(1, 5), st.integers(1, 7))
    return sizes.flatmap(
        lambda size: st.tuples(
            arrays.arrays(float, (size[0], size[2]), elements=losses),
            arrays.arrays(float, size[0], elements=losses),
            arrays.arrays(float, (size[1], size[2]), elements=losses),
        )
    )


def lowest(known, targets, partial):
    return float(min(known.min(), targets.min(), partial.min()))


@forecasts
@settings(max_examples=300, deadline=None)
@given(seen=curves(ANY))
def test_of_any_losses_something_finite_is_foreseen(foresee, seen):
    known, targets, partial = seen
    found = foresee(known, targets, partial, 3 * known.shape[1], lowest(*seen))
    assert np.isfinite(found.mean).all()
    assert np.isfinite(found.spread).all()
    assert (found.spread > 0).all()


@forecasts
@settings(max_examples=100, deadline=None)
@given(seen=curves(ORDINARY), power=st.integers(-900, 900))
def test_forecasts_scale_with_their_losses(foresee, seen, power):
    assume(any(losses.any() for losses in seen))  # zeros alone have no scale
    horizon = 3 * seen[0].shape[1]
    plain = foresee(*seen, horizon, lowest(*seen))
    known, targets, partial = (np.ldexp(losses, power) for losses in seen)
    other = foresee(known, targets, partial, horizon, math.ldexp(lowest(*seen), power))
    speaks = np.maximum(np.abs(plain.mean), plain.spread) > 1e-20
    for ours, theirs in zip(plain[:2], other[:2], strict=True):
        np.testing.assert_array_equal(np.ldexp(ours, power)[speaks], theirs[speaks])


positive = ANY.map(abs).filter(bool)
variates = st.integers(1, 5).flatmap(
    lambda n: st.tuples(
        arrays.arrays(float, n, elements=ANY),
        arrays.arrays(float, n, elements=positive),
    )
)


@settings(max_examples=300, deadline=None)
@given(variates=variates, loss=ANY, degrees=st.floats(2, 100), places=st.integers(1, 3))
def test_chances_of_any_losses_are_chances(variates, loss, degrees, places):
    below = chance_below(*variates, degrees, loss)
    reached, needed = chance_of_place(np.array([loss]), *variates, degrees, places)
    for chances in (below, reached):
        assert ((chances >= 0) & (chances <= 1)).all()
    assert math.isfinite(needed) or len(variates[0]) + 1 <= places


@settings(max_examples=300, deadline=None)
@given(
    mean=ORDINARY, spread=st.sampled_from([0.0, 5e-324, 1e-300, 1e-100, 1e-9, 1.0]), best=ORDINARY
)
def test_a_gain_is_at_least_that_of_the_mean(mean, spread, best):
    found = expected_gain(Forecast(np.array([mean]), np.array([spread]), 7.0), best)
    assert found[0] >= max(best - mean, 0.0) * (1 - 1e-9)
    assert found[0] <= max(best - mean, 0.0) * (1 + 1e-9) + spread


@settings(max_examples=100, deadline=None)
@given(
    losses=st.integers(2, 8).flatmap(
        lambda n: st.tuples(*(arrays.arrays(float, n, elements=ORDINARY) for _ in range(2)))
    ),
    power=st.integers(-900, 900),
)
def test_trust_has_no_units(losses, power):
    early, ends = losses
    assert trust(np.ldexp(early, power), np.ldexp(ends, -power)) == trust(early, ends)


def test_trust_in_the_largest_floats():
    ends = np.array([-1.7e308, 1.0, 1.7e308])
    assert trust(ends, ends) == 1
    assert trust(-ends, ends) == 0
