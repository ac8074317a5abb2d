"""The network that corrects the regression: the one that was trained, of a set of curves, and worth
its weights. What it shares with the regression is held in `test_trend` and `test_hard_losses`."""

from importlib import resources

import numpy as np
import pytest
from scipy import stats

import hpo
from hpo.forecasting import incontext, trend
from hpo.forecasting.incontext import MOST, forecast
from hpo.schedulers.improved import Risk


def question(seed, known=12, asked=5, epochs=8, horizon=32):
    generator = np.random.default_rng(seed)
    rows = known + asked
    low, rate, start = generator.uniform(0.1, 0.5, (3, rows, 1))
    noise = generator.normal(0, 0.02, (rows, horizon))
    curves = low + start * np.arange(1, horizon + 1) ** -(0.3 + rate) + noise
    return curves[:known, :epochs], curves[:known, -1], curves[known:, :epochs], horizon, 0.05


def test_what_was_trained_is_what_is_asked():
    """The network in JAX on padded arrays, as it is trained, and in numpy."""
    import jax

    from benchmarks.hpo import incontext as trained
    from benchmarks.hpo.incontext_prior import ASKED, KNOWN, LONGEST, Task

    foreseen, weights = jax.jit(trained.foreseen), dict(incontext.weights())
    for seed, size, epochs, horizon in ((0, 12, 8, 32), (1, 3, 1, 9), (2, 40, 50, 100)):
        known, targets, partial, _, lowest = question(seed, size, ASKED, epochs, horizon)
        curves = np.full((KNOWN + ASKED, LONGEST), 9.0)
        curves[:size, :epochs], curves[KNOWN:, :epochs] = known, partial
        ends = np.zeros(KNOWN + ASKED)
        ends[:size] = targets
        there = np.arange(KNOWN + ASKED) < size
        real = there | (np.arange(KNOWN + ASKED) >= KNOWN)
        q = Task(curves, real, np.asarray(epochs), np.asarray(horizon), np.asarray(lowest))
        mean, spread, plain = foreseen(weights, q, ends, there)
        found = forecast(known, targets, partial, horizon, lowest)
        assert found.degrees == plain.degrees
        mean = np.maximum(mean, plain.low)[KNOWN:]
        np.testing.assert_allclose((found.mean - plain.high) / plain.unit, mean, atol=1e-3)
        np.testing.assert_allclose(found.spread / plain.unit, spread[KNOWN:], rtol=1e-3)


def test_curves_are_a_set():
    known, targets, partial, *rest = question(3)
    plain = forecast(known, targets, partial, *rest)
    order, asked = np.random.default_rng(0).permutation(12), np.array([3, 1, 0, 4, 2])
    other = forecast(known[order], targets[order], partial[asked], *rest)
    np.testing.assert_allclose(other.mean, plain.mean[asked], rtol=1e-9)
    np.testing.assert_allclose(other.spread, plain.spread[asked], rtol=1e-9)


def test_what_is_known_matters():
    known, targets, partial, *rest = question(4)
    lower = forecast(known, targets - 0.3, partial, *rest)
    assert (lower.mean < forecast(known, targets, partial, *rest).mean).all()


def test_of_many_curves_those_at_even_ranks_are_looked_at():
    known, targets, partial, *rest = question(5, known=3 * MOST - 2)
    kept = np.argsort(known[:, -1])[::3]
    assert len(kept) == MOST
    many = forecast(known, targets, partial, *rest)
    few = forecast(known[kept], targets[kept], partial, *rest)
    np.testing.assert_array_equal(many.mean, few.mean)
    np.testing.assert_array_equal(many.spread, few.spread)
    assert (many.degrees, few.degrees) == (3 * MOST - 1, MOST + 1)


def test_jumps_widen_what_it_says():
    known, targets, partial, *rest = question(6)
    plain, wider = (forecast(known, targets, partial, *rest, jumps=j) for j in (0.0, 2.0))
    np.testing.assert_array_equal(plain.mean, wider.mean)
    own = 2 * trend.jump(partial)
    np.testing.assert_allclose(wider.spread, np.hypot(plain.spread, own))


def surprise(foresee, table, generator):
    """-log of the density at what came, of 20 rows from 10 others, at an eighth, ... of a curve."""
    curves, total = table.curves, 0.0
    epochs = curves.shape[1]
    for epoch in (epochs // 8, epochs // 4, epochs // 2):
        rows = generator.permutation(len(curves))[:30]
        known, asked = curves[rows[:10]], curves[rows[10:]]
        lowest = min(known.min(), asked[:, :epoch].min())
        found = foresee(known[:, :epoch], known[:, -1], asked[:, :epoch], epochs, lowest)
        cut = np.median(curves[rows, epoch - 1])
        cut += 3 * (cut - min(curves[rows, epoch - 1].min(), known[:, -1].min()))
        came = np.minimum(asked[:, -1], cut)
        total -= stats.t.logpdf(came, found.degrees, found.mean, found.spread).mean() / 3
    return total


@pytest.mark.parametrize("name", ["mlpf", "sgd_digits"])
def test_it_is_less_surprised_than_the_regression(name):
    table = hpo.read_table(hpo.zoo()[name])
    ours, plain = (
        np.mean([surprise(f, table, np.random.default_rng(10000 + s)) for s in range(20)])
        for f in (forecast, trend.forecast)
    )
    assert ours < plain - 0.2


def test_its_weights_are_small_and_finite():
    file = resources.files("hpo.forecasting").joinpath("incontext.npz")
    assert len(file.read_bytes()) < 300_000
    with file.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
        kept = {name: arrays[name] for name in arrays.files}
    assert {a.dtype for a in kept.values()} == {np.dtype(np.float16)}
    assert all(np.isfinite(a).all() for a in kept.values())
    assert sum(a.size for a in kept.values()) == 150_722


def test_a_forecast_that_nobody_has_is_refused():
    with pytest.raises(ValueError, match="forecast must be one of trend, in_context, got pfn"):
        Risk(forecast="pfn")
