"""What predictors are made of: folds, scales, and where their spreads come from."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.ensemble import ExtraTreesRegressor

from hpo.forecasting import predictors
from hpo.forecasting.predictors.base import memoised, out_of_sample
from hpo.forecasting.predictors.joint import scale_of, seen_epochs
from qsvr import QSVR

few = settings(max_examples=40, deadline=None)


def curves_of(seed, rows=24, epochs=6):
    generator = np.random.default_rng(seed)
    end, rate = generator.uniform(1, 2, (rows, 1)), generator.uniform(0.3, 1, (rows, 1))
    return end + np.arange(1, epochs + 1) ** -rate + generator.normal(0, 0.02, (rows, epochs))


def rms(values):
    return np.sqrt(np.mean(np.square(values)))


@few
@given(st.integers(2, 23), st.integers(2, 6))
def test_a_fold_is_every_nth_row_and_is_told_by_the_others(rows, folds):
    """Told by their mean target and number, so that each has a residual of its own."""
    targets = np.random.default_rng(rows).normal(size=rows)
    curves = np.arange(rows, dtype=float)[:, None]

    def regress(curves, targets):
        return lambda partial: np.full(len(partial), targets.mean() + 100 * len(targets))

    found = out_of_sample(regress, curves, targets, folds)
    for i in range(rows):
        others = [j for j in range(rows) if j % folds != i % folds]
        told = targets[others].mean() + 100 * len(others) if others else np.nan
        assert found[i] == pytest.approx(targets[i] - told)
    if rows > 5:
        np.testing.assert_array_equal(
            out_of_sample(regress, curves, targets), out_of_sample(regress, curves, targets, 5)
        )


@few
@given(st.integers(0, 10**6), st.integers(2, 30), st.booleans())
def test_places_on_a_scale_are_half_logits_half_normal_scores(seed, count, tied):
    values = np.random.default_rng(seed).normal(0, 1, count) ** 3
    values = np.concatenate([values, values[:2]]) if tied else values
    scale, median = scale_of(values), np.median(values)
    low = values.min() - 0.1 * (median - values.min())
    high = values.max() + 0.1 * (values.max() - median)
    logits = np.log((values - low) / (high - values))
    ranks = stats.rankdata(values)  # ties share the middle of their ranks
    scores = stats.norm.ppf((ranks - 0.5) / len(values))
    wanted = (scores + (logits - logits.mean()) / logits.std()) / 2
    np.testing.assert_allclose(scale.to(values), wanted, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(scale.back(wanted), values, rtol=1e-9, atol=1e-9)
    ends = scale.back(np.array([wanted.min() - 1, wanted.max() + 1, -1e9, 1e9]))
    np.testing.assert_allclose(ends, [low, high, low, high])


@few
@given(st.integers(0, 10**6), st.floats(0.01, 2))
def test_a_spread_on_a_scale_looks_one_width_and_two_to_both_sides(seed, width):
    generator = np.random.default_rng(seed)
    scale = scale_of(generator.normal(size=12))
    places = generator.uniform(-4, 4, 5)
    inside = np.clip(places, *scale.places[[0, -1]])
    sides = [
        np.interp(inside + k * width, scale.places, scale.values)
        - np.interp(inside - k * width, scale.places, scale.values)
        for k in (1, 2)
    ]
    wanted = np.maximum(sides[0] / 2, sides[1] / 4)
    np.testing.assert_allclose(scale.spread(places, np.full(5, width)), wanted)


@few
@given(st.integers(1, 80), st.integers(1, 60), st.sampled_from([4, 8, 24]))
def test_a_quarter_of_the_epochs_that_are_seen_lies_ahead(epoch, more, columns):
    epochs = seen_epochs(epoch, epoch + more, columns)
    assert epochs[0] == 1
    assert epochs[-1] == epoch + more
    assert epoch in epochs
    assert np.all(np.diff(epochs) > 0)
    ahead, past = np.sum(epochs > epoch), np.sum(epochs <= epoch)
    assert ahead <= columns // 4
    assert past <= columns - columns // 4
    if more > 3 * columns and epoch > 70:
        assert ahead == columns // 4
    if epoch <= 2:
        assert past == epoch


def test_trees_are_as_unsure_as_their_errors_out_of_the_bag():
    curves = curves_of(0)
    begun, targets = curves[:, :3], curves[:, -1]
    _, spread = predictors.extra_trees(trees=50).fit(begun, targets, 5)(begun)
    rows = np.column_stack([begun[:, 2], begun[:, 0] - begun[:, 2], begun[:, 1] - begun[:, 2]])
    forest = ExtraTreesRegressor(
        50, bootstrap=True, oob_score=True, min_samples_leaf=2, random_state=5
    ).fit(rows, targets - begun[:, 2])
    error = rms(targets - begun[:, 2] - forest.oob_prediction_)
    assert rms(spread) == pytest.approx(error)
    assert spread.min() > error / np.sqrt(2)
    disagreement = np.std([tree.predict(rows) for tree in forest.estimators_], axis=0)
    np.testing.assert_allclose(
        2 * (spread / error) ** 2 - 1, (disagreement / rms(disagreement)) ** 2, rtol=1e-6
    )


@pytest.mark.parametrize("name", ["svr", "gaussian_process"])
def test_no_spread_is_below_the_errors_out_of_sample(name):
    curves = curves_of(1)
    begun, targets = curves[:, :3], curves[:, -1]
    predictor = getattr(predictors, name)()

    def regress(curves, targets):
        return lambda partial: predictor.fit(curves, targets, 0)(partial)[0]

    error = rms(out_of_sample(regress, begun, targets, 5))
    spread = predictor.fit(begun, targets, 0)(np.concatenate([begun, begun[:2] + 50]))[1]
    assert spread.min() >= error * (1 - 1e-9)
    if name == "svr":
        np.testing.assert_allclose(spread, error)
    else:
        assert spread[-1] > 1.1 * error  # far from all that it knows


def test_an_annealed_prediction_adds_the_residuals_to_the_samples_disagreement():
    curves, calls = curves_of(2, rows=8), []
    begun, targets = curves[:6, :3], curves[:6, -1]
    settings = {"reads": 10, "sweeps": 50, "bits": 3}
    predictor = predictors.qsvr(report=calls.append, **settings)
    mean, spread = predictor.fit(begun, targets, 3)(curves[6:, :3])
    model = QSVR(random_state=3, **settings).fit(begun, targets)
    wanted, deviation = model.predict(curves[6:, :3], return_std=True)
    residual = rms(targets - model.predict(begun))
    np.testing.assert_array_equal(mean, wanted)
    np.testing.assert_allclose(spread, np.sqrt(deviation**2 + residual**2))
    assert [(call["curves"], call["epochs"]) for call in calls] == [(6, 3)] * len(model.calls_)
    assert calls


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_memory_holds_so_many_fits(size):
    fitted = []
    remembered = memoised(lambda c, t, seed: fitted.append(seed), size)
    curves, targets = np.ones((2, 2)), np.ones(2)
    for seed in [*range(size), *range(size)]:
        remembered(curves, targets, seed)
    assert fitted == list(range(size))
    remembered(curves, targets, size)
    remembered(curves, targets, 0)  # the oldest has gone
    assert fitted == [*range(size + 1), 0]
