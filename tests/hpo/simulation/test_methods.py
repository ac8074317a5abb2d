"""Every method that is compared: one law file for the family."""

import numpy as np
import pytest

import hpo
from hpo.front import rules
from hpo.simulation.methods import METHODS, Budget, methods_called
from hpo.simulation.simulator import simulate
from hpo.simulation.tables import Table

BUDGET = Budget(16, 2, "minimise")


@pytest.fixture(scope="module")
def table():
    """Curves that cross."""
    random = np.random.default_rng(0)
    end, rate = random.uniform(1, 2, (80, 1)), random.uniform(0.3, 2, (80, 1))
    curves = end + np.arange(1, 17) ** -rate + random.normal(0, 0.01, (80, 16))
    return Table("made", tuple({"rate": float(r)} for r in rate[:, 0]), curves)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_returns_a_trial_trained_to_the_end(name, table):
    """Within Hyperband's epochs, which all are held against, but for two that do not count them."""
    outcome = simulate(METHODS[name](table.searcher(), BUDGET), table, 3)
    assert len(outcome.state.trials[outcome.best].curve) == BUDGET.max_epochs
    if name not in ("asha", "top_n"):
        assert outcome.epochs <= hpo.hyperband_epochs(BUDGET.max_epochs, BUDGET.eta)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_maximises_what_it_would_minimise_of_the_negated(name, table):
    negated = Table(table.name, table.configurations, -table.curves)
    least, most = (
        simulate(METHODS[name](t.searcher(), Budget(16, 2, mode)), t, 5)
        for t, mode in ((table, "minimise"), (negated, "maximise"))
    )
    assert (least.best, least.epochs, least.loss) == (most.best, most.epochs, -most.loss)


def test_brackets_side_by_side_change_nothing_but_time(table):
    one, all_ = (
        simulate(METHODS[name](table.searcher(), BUDGET), table, 1, hpo.Conditions(workers=8))
        for name in ("hyperband", "hyperband_parallel")
    )
    assert (one.best, one.epochs, one.loss) == (all_.best, all_.epochs, all_.loss)
    assert all_.wall < one.wall


@pytest.mark.parametrize("name", METHODS)
def test_a_budget_without_a_schedule_is_refused(name, table):
    for budget in (Budget(1, 2, "minimise"), Budget(16, 1, "minimise")):
        with pytest.raises(ValueError, match=r"max_epochs|eta"):
            METHODS[name](table.searcher(), budget)


def test_a_method_goes_by_the_name_of_its_scheduler_too():
    by_scheduler = ["swift_hyperband", "asha", "asynchronous_swift", "swift", "oracle"]
    assert methods_called(by_scheduler) == ["swift", "asha", "swift_async", "oracle"]
    assert set(methods_called(rules.SCHEDULERS)) <= set(METHODS)
