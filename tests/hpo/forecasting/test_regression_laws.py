"""The regression under all forecasts is the one of its formula, worked out another way.

The numbers here are those that the figures in docs/hpo.md and docs/hpo_adaptive.md were made with.
"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hpo.core.types import Predicted
from hpo.forecasting.chances import chance_below, chance_of_place
from hpo.forecasting.prospects import expected_gain, trust
from hpo.forecasting.regression import Forecast, Prior, Seen, regress
from hpo.schedulers.adaptive import adaptive
from hpo.schedulers.improved import Risk, swift_improved
from hpo.simulation.tables import Table
from tests.hpo.schedulers.playing import steps

few = settings(max_examples=40, deadline=None)
TREND = Prior((1.0, 1.0, 3.0), 2.0, 0.05, 0.1)
PROSPECT = Prior((0.01, 0.1, 3.0), 3.0, 0.1, 0.0)


def by_observations(known, targets, partial, ahead, lowest, prior):
    """The same by least squares, the prior as rows that were observed."""
    last = np.concatenate([known.last, partial.last])
    high = np.median(last)
    unit = high - min(last.min(), targets.min())

    def features(seen):
        y = np.clip((seen.last - high) / unit, None, 3)
        g = np.clip(seen.change / unit, -3, 3) / (seen.doublings or 1)
        return np.column_stack([np.ones_like(y), y, g])

    powers = np.concatenate([[0], np.cumsum(0.7 ** np.arange(1, 20))])
    centre = [0, 0, np.interp(ahead, np.arange(20), powers)]
    weights = np.sqrt(prior.precision)
    x, new = features(known), features(partial)
    rows = np.concatenate([x, np.diag(weights)])
    y = np.clip((targets - high) / unit, None, 3) - x[:, 1]
    b = np.linalg.lstsq(rows, np.concatenate([y, weights * centre]), rcond=None)[0]
    degrees = prior.strength + max(len(y) - 1, 0)
    expected = math.hypot(prior.noise, prior.growth * ahead) * (high - lowest) / unit
    variance = (np.sum((y - x @ b) ** 2) + prior.strength * expected**2) / degrees
    leverage = np.sum((new @ np.linalg.pinv(rows)) ** 2, 1)
    mean = high + unit * (new @ b + new[:, 1])
    return Forecast(mean, unit * np.sqrt(variance * (1 + leverage)), degrees)


def curves_of(seed, rows, epochs):
    """Some fall, some rise, and some are far off."""
    generator = np.random.default_rng(seed)
    ends, slope = generator.normal(0, 1, (2, rows, 1))
    curves = ends + slope * np.linspace(1, 0, epochs) + generator.normal(0, 0.2, (rows, epochs))
    return curves * np.where(generator.random((rows, 1)) < 0.2, 8, 1)


def assert_alike(ours, other):
    np.testing.assert_allclose(ours.mean, other.mean, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(ours.spread, other.spread, rtol=1e-7)
    assert ours.degrees == other.degrees


@few
@given(
    seed=st.integers(0, 10**6),
    known=st.integers(1, 12),
    ahead=st.one_of(st.floats(0.05, 6), st.integers(1, 5).map(float)),
    prior=st.sampled_from([TREND, PROSPECT, Prior((0.3, 2.0, 0.5), 1.0, 0.2, 0.4)]),
    doublings=st.sampled_from([0.0, 1.0, 1.7]),
)
def test_the_regression_is_least_squares_with_the_prior_as_rows(
    seed, known, ahead, prior, doublings
):
    generator = np.random.default_rng(seed)
    seen = [
        Seen(3 * generator.normal(0, 1, n) ** 3, 4 * generator.normal(0, 1, n) ** 3, doublings)
        for n in (known, 5)
    ]
    targets = seen[0].last + generator.normal(0, 2, known) ** 3
    lowest = min(targets.min(), *(s.last.min() for s in seen)) - generator.exponential()
    size = max(-lowest, *targets, *(s.last.max() for s in seen))  # losses between -1 and 1
    seen = [Seen(s.last / size, s.change / size, s.doublings) for s in seen]
    targets, lowest = targets / size, lowest / size
    ours = regress(seen[0], targets, seen[1], ahead, lowest, prior)
    assert_alike(ours, by_observations(seen[0], targets, seen[1], ahead, lowest, prior))


def foretold(scheduler, table, seed):
    """What a study asks its scheduler to foresee: the question, the answer, all curves then."""
    for step in steps(scheduler, table, seed, workers=99):
        if isinstance(step.item, Predicted):
            yield step.item, [np.array(t.curve) for t in step.before.trials]


def since_half(levels, epoch):
    """The level at the end, how it changed since half of the epochs, and how long ago that was."""
    before = max(1, round(epoch / 2))
    return Seen(levels(epoch), levels(epoch) - levels(before), math.log2(epoch / before))


def told(answer, curves, levels, falls_alone, prior):
    """What the regression says of a question, given the level of curves at an epoch."""
    asked = answer.request
    known, partial = (
        since_half(lambda e, ns=ns: np.array([levels(curves[n], e) for n in ns]), asked.epoch)
        for ns in (asked.trained_on, asked.trials)
    )
    if falls_alone:
        known, partial = (s._replace(change=np.minimum(s.change, 0)) for s in (known, partial))
    targets = np.array([curves[n][asked.rung - 1] for n in asked.trained_on])
    lowest = min(c.min() for c in curves if len(c))
    ahead = math.log2(asked.rung / asked.epoch)
    return by_observations(known, targets, partial, ahead, lowest, prior), lowest


def wild(seed):
    curves = curves_of(seed, 60, 27)
    return Table("wild", tuple({"n": n} for n in range(60)), curves)


@pytest.mark.parametrize("seed", range(4))
def test_a_prospect_sees_the_last_loss_and_the_change_since_half_the_epochs(seed):
    table, questions = wild(seed), 0
    for answer, curves in foretold(adaptive(table.searcher(), 27, 3), table, seed):
        plain, _ = told(answer, curves, lambda c, e: c[e - 1], False, PROSPECT)
        np.testing.assert_allclose(answer.means, plain.mean, rtol=1e-7, atol=1e-7)
        np.testing.assert_allclose(answer.spreads, plain.spread, rtol=1e-7)
        questions += 1
    assert questions > 5


@pytest.mark.parametrize("seed", range(4))
def test_a_trend_sees_neither_a_last_rise_nor_an_outlier(seed):
    """The level is the last loss, or the higher of the two before it where that is lower; and
    nobody is foreseen below the lowest loss ever."""

    def level(curve, epoch):
        return min(curve[epoch - 1], max(curve[epoch - 3 : epoch - 1]) if epoch > 2 else math.inf)

    table, questions = wild(seed), 0
    scheduler = swift_improved(table.searcher(), 27, 3, risk=Risk(points=(0.05, 0.3, 0.6)))
    for answer, curves in foretold(scheduler, table, seed):
        plain, lowest = told(answer, curves, level, True, TREND)
        mean = np.maximum(plain.mean, lowest)
        np.testing.assert_allclose(answer.means, mean, rtol=1e-7, atol=1e-7)
        np.testing.assert_allclose(answer.spreads, plain.spread, rtol=1e-7)
        questions += 1
    assert questions > 5


def test_degrees_of_freedom_grow_with_what_is_known():
    for prior in (TREND, PROSPECT):
        expected = [prior.strength, prior.strength, prior.strength + 1, prior.strength + 2]
        assert [prior.degrees(n) for n in range(4)] == expected


@few
@given(
    st.floats(1.5, 200),
    st.lists(st.tuples(st.floats(-2, 2), st.floats(0.1, 2)), min_size=1, max_size=5),
)
def test_expected_gains_are_means_of_draws(degrees, trials):
    mean, spread = np.array(trials).T
    quantiles = (np.arange(20_000) + 0.5) / 20_000
    draws = mean + spread * stats.t(degrees).ppf(quantiles)[:, None]
    wanted = np.maximum(0.3 - draws, 0).mean(0)
    np.testing.assert_allclose(
        expected_gain(Forecast(mean, spread, degrees), 0.3), wanted, rtol=0.1, atol=0.005
    )


@few
@given(st.integers(0, 10**6), st.integers(2, 9), st.booleans())
def test_trust_is_the_weighted_share_of_pairs_in_order(seed, trials, tied):
    generator = np.random.default_rng(seed)
    ends, early = generator.exponential(1, (2, trials)) ** 2
    early = ends + 0.5 * early
    if tied:
        early[1] = early[0]
    pairs = [(i, j) for i in range(trials) for j in range(i)]
    apart = np.array([abs(ends[i] - ends[j]) for i, j in pairs])
    weight = np.minimum(apart, 2 * np.median(apart))
    kept = [(early[i] < early[j]) == (ends[i] < ends[j]) and early[i] != early[j] for i, j in pairs]
    share = np.sum(weight[kept]) / weight.sum()
    assert trust(early, ends) == pytest.approx(max(0, (share - 0.7) / 0.3))


@few
@given(
    st.integers(0, 10**6),
    st.integers(0, 6),
    st.integers(1, 150),
    st.integers(1, 8),
    st.floats(1, 50),
)
def test_in_every_draw_as_many_have_a_place_as_there_are(seed, finished, trials, places, degrees):
    generator = np.random.default_rng(seed)
    done, mean = generator.normal(0, 1, finished), generator.normal(0, 1, trials)
    chance, needed = chance_of_place(done, mean, np.full(trials, 0.5), degrees, places)
    if finished + trials <= places:
        assert chance.tolist() == [1.0] * trials
        assert needed == np.inf
        return
    sure = np.sum(np.sort(done)[:places] <= mean.min() - 1e3)
    assert sure <= chance.sum() <= places
    if not finished:
        assert chance.sum() == pytest.approx(places)  # no two draws are alike
    fewer = chance_of_place(done, mean, np.full(trials, 0.5), degrees, max(places - 1, 1))
    assert np.all(fewer[0] <= chance)
    assert fewer[1] <= needed


def test_a_place_against_one_finished_is_the_chance_to_beat_it():
    for mean, degrees in ((0.3, 3.0), (-0.5, 30.0), (0.1, 1000.0)):
        chance, needed = chance_of_place(np.array([0.0]), np.array([mean]), np.ones(1), degrees, 1)
        below = chance_below(np.array([mean]), np.ones(1), degrees, 0.0)
        assert below[0] == pytest.approx(stats.t(degrees, mean).cdf(0.0))
        assert chance[0] == pytest.approx(below[0], abs=0.08)
        assert needed <= 0


def test_the_last_place_takes_the_loss_of_whoever_has_it():
    """Where predictions are sure, that is the loss of that rank."""
    done, mean = np.array([0.0, 4.0]), np.array([1.0, 2.0, 3.0])
    for places, wanted in ((1, 0), (2, 1), (3, 2), (4, 3)):
        chance, needed = chance_of_place(done, mean, np.full(3, 1e-9), 9.0, places)
        assert needed == pytest.approx(wanted, abs=1e-6)
        assert chance.tolist() == [float(place < places) for place in (1, 2, 3)]


def test_chances_of_the_first_trials_do_not_depend_on_hopeless_ones():
    mean = np.linspace(0, 1, 60)
    more = np.concatenate([mean, np.full(80, 1e6)])
    few_of, all_of = (
        chance_of_place(np.array([]), m, np.full(len(m), 0.3), 5.0, 7) for m in (mean, more)
    )
    np.testing.assert_array_equal(few_of[0], all_of[0][:60])


def test_where_no_pair_ends_apart_nothing_is_trusted():
    early = np.array([3.0, 1.0, 2.0])
    for count in (0, 1):
        assert trust(early[:count], early[:count]) == 0
    assert trust(early, np.full(3, 0.7)) == 0
    assert trust(np.full(3, 0.7), early) == 0
