"""Methods side by side: what is as good as Hyperband, and by how much a loss has changed."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.simulation.comparison import (
    INNER,
    MethodSummary,
    as_json,
    compare,
    honest_error,
    relative_change,
)
from hpo.simulation.methods import Budget
from hpo.simulation.simulator import Conditions
from hpo.simulation.tables import Table

LOSSES = st.sampled_from([0.0, -0.0, 1.0, -2.5, 5e-324, 1e-300, 1.7e308, -1.7e308, math.nan])
LARGEST = Fraction(np.finfo(float).max)


def table_of(curves) -> Table:
    return Table("made", tuple({"x": row} for row in range(len(curves))), np.array(curves, float))


def compared(curves, names, seeds, mode) -> dict[str, MethodSummary]:
    budget = Budget(len(curves[0]), 2, mode)
    return compare(table_of(curves), names, seeds, budget, Conditions(), lambda note: None)


@given(st.lists(st.tuples(LOSSES | st.floats(), LOSSES | st.floats()), min_size=1, max_size=9))
def test_a_relative_change_is_exact_or_not_defined(pairs):
    values, base = np.array(pairs).T
    for value, from_, change in zip(values, base, relative_change(values, base), strict=True):
        if value == from_:
            assert change == 0
        elif not math.isfinite(value) or not math.isfinite(from_) or from_ == 0:
            assert math.isnan(change)
        else:
            exact = (Fraction(value) - Fraction(from_)) / abs(Fraction(from_))
            if not math.isnan(change):
                assert change == pytest.approx(float(exact), rel=1e-12)
            elif abs(exact) < LARGEST / 4:  # the difference alone may be beyond the largest
                assert abs(Fraction(value) - Fraction(from_)) > LARGEST


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(LOSSES, min_size=4, max_size=4), min_size=1, max_size=6),
    st.sampled_from(["minimise", "maximise"]),
)
def test_hyperband_is_as_good_as_itself(curves, mode):
    """Whatever the losses; its change is 0, and not defined only where no trial is returned."""
    found = compared(curves, ("hyperband_parallel", "hyperband"), range(2), mode)
    for summary in found.values():
        assert summary.same_or_better == 1
        returned = not math.isnan(summary.best_loss_mean)
        defined = [0.0, 0.0] if returned else [math.nan] * 2
        change = [summary.loss_change_vs_hyperband, summary.loss_change_sem]
        np.testing.assert_array_equal(change, defined)


@pytest.mark.parametrize(("mode", "worse"), [("minimise", 0.3), ("maximise", -0.3)])
def test_a_change_from_zero_is_not_defined_and_still_better_or_worse(mode, worse):
    """Full trainings see few rows, and miss the only one that ends at 0."""
    curves = np.full((40, 8), worse)
    curves[7] = 0
    found = compared(curves, ("hyperband", "random"), range(20), mode)
    assert found["hyperband"].same_or_better == 1
    assert 0 < found["random"].same_or_better < 1
    assert math.isnan(found["random"].loss_change_vs_hyperband)
    assert as_json("made", {}, found)["methods"]["random"]["loss_change_vs_hyperband"] is None


@pytest.mark.parametrize("mode", ["minimise", "maximise"])
def test_where_the_best_is_0_losses_are_counted_and_no_ratios(mode):
    """All curves end at 0: whoever is asked, everybody is as good, and nothing has changed."""
    curves = np.tile([0.5, 0.25, 0.1, 0.0], (24, 1)) * (1 if mode == "minimise" else -1)
    for summary in compared(
        curves, ("hyperband", "swift_improved", "asha"), range(2), mode
    ).values():
        assert summary.same_or_better == 1
        assert summary.loss_change_vs_hyperband == 0
        assert summary.best_epoch == 4
        assert summary.without_best == 0


def test_where_everything_diverges_that_is_said():
    table = table_of(np.full((3, 4), np.nan))
    assert table.hopeless
    assert not table_of([[1.0, math.nan], [math.nan, math.nan]]).hopeless
    found = compared(table.curves, ("hyperband", "asha", "adaptive"), range(3), "minimise")
    for summary in found.values():
        assert summary.without_best == summary.seeds == 3
        assert math.isnan(summary.best_loss_mean)
        assert math.isnan(summary.best_epoch)


def test_the_epoch_of_the_best_is_where_it_was_trained_to():
    """Rows that diverge in epoch 3 leave studies with a best of less than all epochs."""
    curves = np.ones((30, 4))
    curves[:, 2:] = np.nan
    (summary,) = compared(curves, ("hyperband",), range(3), "minimise").values()
    assert summary.best_epoch < 3
    assert summary.without_best == 0


def test_changes_are_paired_by_seed():
    curves = np.random.default_rng(0).uniform(1, 2, (60, 9))
    alone = [compared(curves, ("hyperband", "random"), [seed], "minimise") for seed in range(4)]
    found = compared(curves, ("random",), range(4), "minimise")["random"]
    losses = np.array([[m.best_loss_mean for m in one.values()] for one in alone])
    change = losses[:, 1] / losses[:, 0] - 1
    assert found.loss_change_vs_hyperband == pytest.approx(change.mean())
    assert found.loss_change_sem == pytest.approx(change.std(ddof=1) / 2)
    assert found.same_or_better == (change <= 0).mean()
    assert found.seeds == 4


def test_curves_that_are_too_short_are_refused():
    with pytest.raises(
        ValueError, match=r"^made has curves of 3 epochs: --max_epochs=4 is too many$"
    ):
        compare(
            table_of(np.ones((5, 3))), ("hyperband",), [0], Budget(4, 2, "minimise"), Conditions(),
            lambda note: None,
        )  # fmt: skip


def test_an_honest_error_is_that_of_tables_and_seeds():
    """Made figures: tables differ by 2, seeds on one by 3. The mean over 900 seeds of one table is
    then sure to 2 (and 0.1); where tables do not differ, to what seeds leave alone."""
    generator = np.random.default_rng(0)
    values, noise = 3 * generator.normal(size=900), 3 * generator.normal(size=(4000, INNER))
    tables, by_seeds = 2 * generator.normal(size=(4000, 1)), values.std(ddof=1) / 30
    assert honest_error(values, tables + noise) == pytest.approx(math.hypot(2, 0.1), rel=0.05)
    assert honest_error(values, noise) == pytest.approx(by_seeds, abs=0.2)
    alike = noise - noise.mean(1, keepdims=True)
    assert honest_error(values, alike) == pytest.approx(by_seeds)


def test_a_bootstrap_adds_errors_and_changes_no_figure():
    curves = np.random.default_rng(0).uniform(1, 2, (30, 9))
    told, budget = [], Budget(9, 3, "minimise")
    plain, errors = (
        compare(table_of(curves), ("asha",), [4, 5, 6], budget, Conditions(), told.append, tables)
        for tables in (0, 3)
    )
    assert len(told) == 2 * 3 + 2 * (3 + 3 * INNER)
    names = ("epochs_vs_hyperband_error", "same_or_better_error", "loss_change_error")
    for name in names:
        assert math.isnan(getattr(plain["asha"], name))
        assert getattr(errors["asha"], name) > 0
    fixed = dict.fromkeys(names, math.nan)
    assert str(replace(errors["asha"], **fixed)) == str(plain["asha"])
    with pytest.raises(ValueError, match="at least 2 tables, not 1"):
        compare(table_of(curves), ("asha",), [4], budget, Conditions(), told.append, 1)
