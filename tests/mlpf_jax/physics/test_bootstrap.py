"""Bootstrap errors, against loops over resamples and against scipy's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from datasets.jets import width
from mlpf_jax.physics import bootstrap


def drawn(rng, entries, events):
    return rng.normal(1, 0.2, entries).round(2), rng.integers(0, events, entries)  # with ties


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 12), st.integers(0, 2**32 - 1), st.integers(1, 300))
def test_every_resample_has_the_quantiles_of_numpy(entries, events, seed, together):
    rng = np.random.default_rng(seed)
    values, event = drawn(rng, entries, events)
    counts = bootstrap.resample(events, seed, 7)
    wanted = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bootstrap, "TOGETHER", together)
        found = bootstrap.quantiles(values, event, counts, wanted)
    for count, row in zip(counts, found, strict=True):
        sample = np.repeat(values, count[event])
        if len(sample):
            np.testing.assert_allclose(row, np.quantile(sample, wanted), rtol=1e-12)
        else:
            assert np.isnan(row).all()


def test_a_resample_is_as_many_events_drawn_alike():
    counts = bootstrap.resample(50, 3, 4000)
    assert (counts.sum(1) == 50).all()
    np.testing.assert_allclose(counts.mean(0), 1, atol=0.08)
    np.testing.assert_allclose(counts.var(0), 1 - 1 / 50, atol=0.15)
    np.testing.assert_array_equal(counts, bootstrap.resample(50, 3, 4000))
    assert (counts != bootstrap.resample(50, 4, 4000)).any()


@pytest.mark.parametrize("name", ["median", "width"])
def test_errors_are_those_of_scipy(name):
    """One value an event: scipy knows no others."""
    values = np.random.default_rng(5).normal(1, 0.1, 400)
    found = bootstrap.spread(values, np.arange(400), bootstrap.resample(400, 1, 2000))
    statistic = {"median": np.median, "width": width}[name]
    theirs = stats.bootstrap(
        (values,), statistic, n_resamples=2000, vectorized=False, method="percentile",
        rng=np.random.default_rng(2),
    )  # fmt: skip
    assert getattr(found, name) == pytest.approx(statistic(values))
    assert getattr(found, f"{name}_error") == pytest.approx(theirs.standard_error, rel=0.1)


def test_jets_of_an_event_come_and_go_together():
    """Ten copies of each value in its event say no more than one."""
    values = np.random.default_rng(6).normal(1, 0.1, 300)
    counts = bootstrap.resample(300, 1, 500)
    one = bootstrap.spread(values, np.arange(300), counts)
    copies = bootstrap.spread(np.repeat(values, 10), np.repeat(np.arange(300), 10), counts)
    apart = bootstrap.spread(np.repeat(values, 10), np.arange(3000), bootstrap.resample(3000, 1))
    assert copies.median_error == pytest.approx(one.median_error, rel=0.1)
    assert apart.median_error < 0.5 * one.median_error


def test_what_is_not_finite_is_no_value():
    values, event = np.array([1.0, np.nan, 3.0, np.inf]), np.arange(4)
    counts = bootstrap.resample(4, 0)
    kept = bootstrap.spread(values[::2], event[::2], counts)
    found = bootstrap.spread(values, event, counts)
    assert (found.median, found.width) == (kept.median, kept.width) == (2.0, 0.5)
    np.testing.assert_array_equal(found.medians, kept.medians)


@pytest.mark.parametrize("values", [[], [np.nan, np.nan]])
def test_nothing_to_count(values):
    found = bootstrap.spread(np.array(values), np.arange(len(values)), bootstrap.resample(5, 0))
    assert np.isnan([found.median, found.width, found.median_error, found.width_error]).all()
    assert bootstrap.resample(0, 0).shape == (bootstrap.RESAMPLES, 0)


def test_a_median_of_zero_has_no_width():
    found = bootstrap.spread(np.zeros(4), np.arange(4), bootstrap.resample(4, 0))
    assert found.median == 0
    assert np.isnan([found.width, found.width_error]).all()


def test_half_of_68_is_sigma():
    values = np.random.default_rng(0).normal(3, 2, 100_000)
    assert bootstrap.half_of_68(np.append(values, np.nan)) == pytest.approx(2, rel=0.02)
    assert np.isnan(bootstrap.half_of_68(np.array([np.nan])))


@pytest.mark.parametrize("events", [1, 5])
def test_values_of_one_event_have_no_error(events):
    """Rather than one of 0: how events differ is not known."""
    counts = bootstrap.resample(events, 0, 50)
    found = bootstrap.spread(np.array([1.0, 2.0, 4.0]), np.full(3, events - 1), counts)
    assert (found.median, found.width) == (2.0, 0.75)
    assert np.isnan([found.median_error, found.width_error]).all()
