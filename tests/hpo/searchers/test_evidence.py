"""What searchers learn from: losses at one rung, and their normal scores."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.core.searcher import Observed
from hpo.searchers.evidence import gather, scores


@st.composite
def histories(draw):
    """Trials of any lengths: some failed, some without a report."""
    generator = np.random.default_rng(draw(st.integers(0, 99)))
    trials = []
    for number in range(draw(st.integers(0, 30))):
        curve = generator.uniform() + 1 / np.arange(1, generator.integers(1, 10))
        trials.append(Observed(number, {}, tuple(curve), bool(generator.random() < 0.1)))
    return tuple(trials)


def curves(*values):
    return tuple(Observed(i, {}, tuple(v), False) for i, v in enumerate(values))


def test_the_highest_rung_with_enough_curves_is_modelled():
    history = curves([5], [4, 3], [6, 5], [3, 2, 1], [9, 8, 7], [])
    assert gather(history, 3).rung == 2
    assert gather(history, 2).rung == 3
    assert gather(history, 5).rung == 1
    assert gather(history, 6) is None
    assert gather((), 2) is None


@given(history=histories(), enough=st.integers(2, 8))
@settings(max_examples=50, deadline=None)
def test_evidence_is_measured_where_it_can_be(history, enough):
    evidence = gather(history, enough)
    alive = [t for t in history if not t.failed]
    longest = sorted((len(t.curve) for t in alive), reverse=True)
    assert (evidence is None) == (len(longest) < enough or longest[enough - 1] == 0)
    if evidence is None:
        return
    assert evidence.measured.sum() >= enough
    for trial, value, measured in zip(history, *evidence[1:], strict=True):
        assert measured == (not trial.failed and len(trial.curve) >= evidence.rung)
        if trial.failed:
            assert value == math.inf
        elif measured:
            assert value == trial.curve[evidence.rung - 1]
        elif not trial.curve:
            assert math.isnan(value)
        else:
            reached = [
                t.curve[evidence.rung - 1]
                for t, m in zip(history, evidence.measured, strict=True)
                if m
            ]
            assert min(reached) <= value <= max(reached)


def test_who_was_stopped_keeps_its_rank():
    history = curves([1, 10, 100], [2, 20, 200], [3, 30, 300], [1.5, 15], [9])
    evidence = gather(history, 3)
    np.testing.assert_allclose(evidence.losses, [100, 200, 300, 200, 300])
    assert evidence.measured.tolist() == [True, True, True, False, False]


@settings(deadline=None)
@given(st.lists(st.floats(-1e9, 1e9) | st.just(math.inf), min_size=1, max_size=30))
def test_scores_keep_the_order_and_are_balanced(losses):
    values = scores(np.array(losses))
    order = np.argsort(losses, kind="stable")
    assert (np.diff(values[order]) >= 0).all()
    assert np.isfinite(values).all()
    if len(set(losses)) == len(losses):
        np.testing.assert_allclose(values.sum(), 0, atol=1e-9)


@given(history=histories(), enough=st.integers(2, 8), order=st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_evidence_does_not_depend_on_the_order_of_trials(history, enough, order):
    places = list(range(len(history)))
    order.shuffle(places)
    first, turned = gather(history, enough), gather(tuple(history[i] for i in places), enough)
    assert (first is None) == (turned is None)
    if first is not None:
        np.testing.assert_array_equal(turned.losses, first.losses[places])
        assert turned.rung == first.rung
