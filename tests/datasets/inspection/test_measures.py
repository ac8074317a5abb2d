"""Histograms lose nothing, axes show what is there, differences are what they are called."""

from collections import Counter

import numpy as np
import pytest
from scipy import stats

from datasets.inspection import measures
from datasets.inspection.measures import Quantity, measure


def made_up(rng, entries):
    """Values of all the shapes that features have."""
    normal = rng.normal(size=entries)
    return {
        "normal": normal,
        "float32": normal.astype(np.float32),
        "far from zero": 1e6 + normal,
        "tiny": 1e-9 * normal,
        "constant": np.full(entries, -1.0),
        "large constant": np.full(entries, 3e30),
        "whole": np.round(5 * normal),
        "whole over decades": np.floor(np.exp(2 * normal) * 20) + 1,
        "bit fields": rng.integers(0, 1 << 24, entries).astype(np.float32),
        "energies": np.exp(2 * normal),
        "energies and zeros": np.exp(2 * normal) * (rng.random(entries) < 0.4),
        "one energy and zeros": 7.5 * (np.arange(entries) == 0),
        "whole and zeros": np.floor(np.exp(4 * np.abs(normal))) - 1,
        "tails": normal / np.abs(rng.normal(size=entries) + 1e-3) ** 2,
        "an outlier": np.append(normal[1:], 1e7),
        "a tiny outlier": np.append(np.exp(normal[1:]), 1e-30),
    }


CASES = [
    (name, seed, entries)
    for seed, entries in enumerate((3, 40, 3000))
    for name in made_up(np.random.default_rng(0), 3)
]


@pytest.mark.parametrize(("name", "seed", "entries"), CASES)
def test_every_value_has_a_place(name, seed, entries):
    rng = np.random.default_rng(seed)
    values = np.array(made_up(rng, entries)[name])
    bad = rng.permutation(entries)[: entries // 5]
    broken = values.copy()
    broken[bad] = rng.choice([np.nan, np.inf, -np.inf], len(bad))
    found = measure([Quantity(name, "", values), Quantity(name, "", broken)])
    assert (np.diff(found.axis.edges) > 0).all()
    assert (np.isfinite(found.axis.widths) & (found.axis.widths > 0)).all()
    for histogram, given, lost in zip(
        found.histograms, (values, broken), (0, len(bad)), strict=True
    ):
        assert histogram.entries == len(given)
        assert histogram.not_finite == lost
        low, high = found.axis.edges[[0, -1]]
        finite = given[np.isfinite(given)]
        assert histogram.below == (finite < low).sum()
        assert histogram.above == (finite > high).sum()


@pytest.mark.parametrize(("name", "seed", "entries"), CASES)
def test_an_axis_shows_nearly_everything_of_every_dataset(name, seed, entries):
    rng = np.random.default_rng(seed)
    large, small = made_up(rng, entries)[name], made_up(rng, 12)[name] * 1.5
    found = measure([Quantity(name, "", large), Quantity(name, "", small)])
    for histogram, values, zeros in zip(found.histograms, (large, small), found.zeros, strict=True):
        not_on_a_log_axis = zeros if found.axis.scale == "log" else 0
        outside = histogram.below + histogram.above - not_on_a_log_axis
        assert 0 <= outside <= max(1, 0.006 * len(values))


def test_the_outermost_values_stay_inside_where_none_is_far_from_the_others():
    rng = np.random.default_rng(5)
    for _ in range(30):
        even = rng.uniform(-1, 1, 300)
        for values in (even, np.exp(6 * even), np.sinh(8 * even), np.floor(np.exp(5 + 4 * even))):
            (found,) = measure([Quantity("n", "", values)]).histograms
            assert found.counts.sum() == found.entries


def test_the_scale_follows_the_values():
    cases = made_up(np.random.default_rng(1), 3000)
    scale = {name: measures.axis_of([np.sort(v)]).scale for name, v in cases.items()}
    assert scale["normal"] == scale["whole"] == scale["far from zero"] == "linear"
    assert scale["energies"] == scale["energies and zeros"] == scale["whole over decades"] == "log"
    assert scale["tails"] == "asinh"


def test_small_whole_numbers_have_bins_of_their_own():
    values = np.random.default_rng(2).poisson(9, 500).astype(float)
    found = measure([Quantity("n", "", values)])
    expected = Counter(values)
    middle = (found.axis.edges[1:] + found.axis.edges[:-1]) / 2
    assert dict(zip(middle, found.histograms[0].counts, strict=True)) == {
        m: expected[m] for m in middle
    }
    assert set(expected) <= set(middle)


def test_nothing_finite():
    found = measure([Quantity("n", "", np.full(3, np.nan)), Quantity("n", "", np.zeros(0))])
    assert found.axis is None
    assert [h.entries for h in found.histograms] == [3, 0]
    assert found.quantiles == (None, None)
    assert found.differences == (None, None)
    assert found.constant is None


def test_constant_is_said_only_of_what_is():
    assert measure([Quantity("n", "", np.full(3, 0.1))]).constant == 0.1
    assert measure([Quantity("n", "", np.array([1.0, np.nan]))]).constant is None
    both = [Quantity("n", "", np.full(3, 1.0)), Quantity("n", "", np.full(3, 2.0))]
    assert measure(both).constant is None


def test_difference_is_kolmogorov_and_smirnovs():
    rng = np.random.default_rng(3)
    for _ in range(50):
        a = np.sort(rng.integers(0, 20, rng.integers(1, 60)).astype(float))
        b = np.sort(rng.normal(8, 6, rng.integers(1, 60)).round(rng.integers(0, 3)))
        expected = stats.ks_2samp(a, b, method="asymp").statistic
        assert measures.difference(a, b) == pytest.approx(expected)
        assert measures.difference(a, a) == 0


def test_chance_is_exceeded_in_one_of_twenty_cases():
    rng = np.random.default_rng(4)
    a, b = np.sort(rng.random((1000, 80))), np.sort(rng.random((1000, 120)))
    found = [measures.difference(x, y) for x, y in zip(a, b, strict=True)]
    assert 0.02 < np.mean(np.array(found) > measures.chance(80, 120)) < 0.07
