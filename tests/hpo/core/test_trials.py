"""What reports do to a trial's record."""

from hpo.core.types import Reported
from hpo.core.vector import Vector
from hpo.schedulers.halving import full_training
from hpo.space import Float, Space


def reports(first, last):
    return [Reported(0, epoch, {"loss": 1.0 / epoch}) for epoch in range(first, last + 1)]


def test_a_report_copies_a_leaf_of_a_long_curve_and_no_more():
    scheduler = full_training(Space({"x": Float(0, 1)}), 1, 5000)
    state, _ = scheduler.ask(scheduler.init(0))
    state = scheduler.extend(state, reports(1, 1000))
    after = scheduler.tell(state, *reports(1001, 1001))
    before, now = (s.trials[0].curve for s in (state, after))
    assert now == Vector([*before, 1 / 1001])
    same = [a is b for a, b in zip(before._root, now._root, strict=True)]
    assert same.count(False) == 1
    assert len(same) == 32
