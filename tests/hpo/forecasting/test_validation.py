"""A curve that is predicted afterwards is not seen by the fit that predicts it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.forecasting import predictors
from hpo.forecasting.predictors.base import Predictor
from hpo.forecasting.validation import leave_one_out

CURVES = np.random.default_rng(0).uniform(size=(7, 1)) + np.arange(1, 9) ** -0.5
CONFIGURATIONS = [{"x": number / 7} for number in range(7)]


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 6), st.floats(-5, 5), st.integers(1, 7))
def test_the_end_of_a_curve_changes_every_prediction_but_its_own(number, end, epoch):
    changed = CURVES.copy()
    changed[number, -1] = end
    means = [
        leave_one_out(predictors.svr(), curves, CONFIGURATIONS, epoch, 1)[0]
        for curves in (CURVES, changed)
    ]
    assert means[0][number] == means[1][number]
    if abs(end - CURVES[number, -1]) > 2:
        assert (np.delete(means[0] != means[1], number)).any()


def test_persistence_foresees_what_was_seen_last():
    means, spreads = leave_one_out(predictors.persistence(), CURVES, CONFIGURATIONS, 3, 0)
    np.testing.assert_allclose(means, CURVES[:, 2])
    assert spreads.shape == (7,)


def test_a_predictor_of_everybody_together_is_asked_with_the_configurations():
    asked = []

    def joint(known, seed):
        asked.append((known.finished.shape, known.partial.shape, known.partial_configurations))
        assert known.partial_configurations[0] not in known.finished_configurations
        return np.array([0.5]), np.array([0.1])

    joined = Predictor(fit=None, settings={}, joint=joint)
    means, spreads = leave_one_out(joined, CURVES, CONFIGURATIONS, 2, 0)
    assert means == pytest.approx(np.full(7, 0.5))
    assert spreads == pytest.approx(np.full(7, 0.1))
    assert asked == [((6, 8), (1, 2), [c]) for c in CONFIGURATIONS]
