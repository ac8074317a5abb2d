"""The figures behind the pictures, against plain loops."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.schedulers.brackets import hyperband_epochs
from hpo.showing import figures, landscape, pace
from hpo.showing.recorded import of_log, view_of
from hpo.showing.view import Report, Seen, Span, View
from hpo.study.journal import read_journal


def made(trials=(), reports=(), sign=1, **more):
    return View("loss", sign, tuple(trials), tuple(reports), (), (), more, 0, True, None, None)


@given(st.lists(st.floats(-5, 5), max_size=40), st.sampled_from([1, -1]))
def test_the_best_so_far_is_the_best_of_all_before(values, sign):
    view = made(reports=[Report(None, i, 1, v, {}) for i, v in enumerate(values)], sign=sign)
    best = figures.best_so_far(view)
    assert list(best.epochs) == list(range(1, len(values) + 1))
    for i in range(len(values)):
        pick = min if sign > 0 else max
        assert best.value[i] == pick(values[: i + 1])
        assert best.trial[i] == values.index(best.value[i])


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9)), max_size=30))
def test_lanes_hold_one_job_at_a_time_and_are_as_few_as_can_be(jobs):
    spans = [Span(i, a, a + lasts, 0, 1, 1, "completed") for i, (a, lasts) in enumerate(jobs)]
    lanes = figures.lanes(spans)
    at_once = [[i for i, s in enumerate(spans) if s.begun <= t < s.ended] for t in range(40)]
    for together in at_once:
        assert len({lanes[i] for i in together}) == len(together)
    assert len(set(lanes)) == max(map(len, at_once))


def test_wrong_stops_are_those_that_are_known():
    best = Seen(0, 0, {}, (5.0, 3.0, 2.0), "completed", None)
    ahead = Seen(1, 0, {}, (4.0,), "stopped", None)
    better = Seen(2, 0, {}, (9.0, 1.0), "not promoted", None)
    behind = Seen(3, 0, {}, (6.0, 3.5), "stopped", None)
    failed = Seen(4, 0, {}, (0.1,), "failed", "why")
    pausing = Seen(5, 0, {}, (0.1,), "paused", None)
    trials = [best, ahead, better, behind, failed, pausing]
    assert figures.wrong_stops(made(trials)) == figures.Stops((1, 2, 3), (2,), (1, 2))
    turned = [t._replace(curve=tuple(-v for v in t.curve)) for t in trials]
    assert figures.wrong_stops(made(turned, sign=-1)) == figures.Stops((1, 2, 3), (2,), (1, 2))


def test_what_a_study_saved_is_held_against_the_schedule(study):
    view = view_of(study("improved")[0])
    spent = figures.spent(view)
    assert spent.hyperband == hyperband_epochs(27, 3)
    assert spent.study == view.epochs < spent.hyperband
    assert spent.full == 27 * len(view.trials)
    busy = sum(s.ended - s.begun for s in view.spans)
    each = busy / view.epochs
    assert spent.seconds_saved == pytest.approx(each * (spent.hyperband - view.epochs))
    plain = figures.spent(view_of(study("hyperband")[0]))
    assert plain.study <= plain.hyperband  # failed trials leave epochs


def test_what_is_left_falls_to_nothing(study):
    header, entries = read_journal(study("hyperband")[0])
    left = [
        pace.pace(of_log(header, entries[:cut])).left_epochs for cut in range(1, len(entries), 20)
    ]
    assert left[0] == hyperband_epochs(9, 3)
    half = of_log(header, entries[: len(entries) // 2])
    assert pace.pace(half).left_epochs == hyperband_epochs(9, 3) - half.epochs
    assert left == sorted(left, reverse=True)
    assert pace.pace(of_log(header, entries)).left_epochs is None
    assert pace.planned_epochs(view_of(study("asha")[0])) == 20 * 1 + 20 * 2 // 3 + 20 * 6 // 9


def surface(effect, trials=60, seed=0):
    """A study of one epoch over x, y and a category, whose loss is `effect(x, y, kind)`."""
    generator = np.random.default_rng(seed)
    found = []
    for number in range(trials):
        x, y = generator.random(2)
        kind = "ab"[int(generator.integers(2))]
        loss = float(effect(x, y, kind))
        found.append(Seen(number, 0, {"x": x, "y": y, "kind": kind}, (loss,), "completed", None))
    space = {"x": ["Float", 0, 1], "y": ["Float", 0, 1], "kind": ["Categorical", "a", "b"]}
    return made(found, space=space)


@pytest.mark.parametrize(
    ("effect", "first"),
    [(lambda x, y, kind: (x - 0.3) ** 2, "x"), (lambda x, y, kind: kind == "a", "kind")],
)
def test_what_alone_matters_is_the_most_important(effect, first):
    found = landscape.importance(landscape.landscape(surface(effect)), seeds=range(1))
    by_name = dict(zip(found.names, found.mean, strict=True))
    assert max(by_name, key=by_name.get) == first
    others = [v for name, v in by_name.items() if name != first]
    assert max(others) < 0.15 * by_name[first]
    assert found.score > 0.5
    assert np.all(found.spread >= 0)


def test_importance_goes_by_ranks_alone():
    plain = surface(lambda x, y, kind: x + 0.1 * y)
    steep = replace(
        plain, trials=tuple(t._replace(curve=(np.exp(50 * t.curve[0]),)) for t in plain.trials)
    )
    first, second = (
        landscape.importance(landscape.landscape(view), seeds=[0]) for view in (plain, steep)
    )
    np.testing.assert_array_equal(first.mean, second.mean)


def test_where_nothing_can_be_learned_nothing_is_said():
    assert landscape.importance(landscape.landscape(surface(lambda *_: 1.0))) is None
    few = surface(lambda x, y, kind: x, trials=landscape.LEAST - 1)
    assert landscape.importance(landscape.landscape(few)) is None
    assert landscape.landscape(made()) is None


def test_a_map_is_best_where_the_loss_is():
    land = landscape.landscape(surface(lambda x, y, kind: (x - 0.8) ** 2 + (y - 0.2) ** 2, 120))
    found = landscape.over_two(land, "x", "y", cells=10)
    row, column = np.unravel_index(found.ranks.argmin(), found.ranks.shape)
    assert column in (7, 8)
    assert row in (1, 2)


@settings(deadline=None)
@given(st.lists(st.integers(0, 12), max_size=50))
def test_trials_are_compared_at_an_epoch_that_they_came_to(lengths):
    trials = [Seen(i, 0, {}, (1.0,) * n, "paused", None) for i, n in enumerate(lengths)]
    epoch, among = figures.common_epoch(made(trials))
    reported = [n for n in lengths if n]
    if not reported:
        assert (epoch, among) == (0, ())
        return
    assert [t.number for t in among] == [i for i, n in enumerate(lengths) if n >= epoch]
    assert len(among) >= min(20, len(reported))
    assert sum(n > epoch for n in reported) < max(20, len(reported) / 3)
