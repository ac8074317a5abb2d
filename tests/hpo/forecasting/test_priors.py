"""What predictors believe before they have seen a curve, and what they are told to be."""

import numpy as np
import pytest
from scipy import stats

from hpo.forecasting import predictors
from hpo.forecasting.predictors import kronecker


@pytest.mark.parametrize("features", [1, 3, 7])
def test_the_prior_of_the_joint_process_is_normal_around_its_start(features):
    """Of logarithms: length scales sqrt(2) + log(d)/2 and width sqrt(3), the others width 1.5."""
    centre = kronecker.initial(features)
    scale = np.sqrt(2) + np.log(features) / 2
    np.testing.assert_allclose(centre.scales, np.full(features, scale), rtol=1e-6)
    assert [float(value) for value in centre[1:]] == [0.0, -1.0, 1.0, -3.0]
    assert float(kronecker.penalty(centre)) == 0
    moved = centre._replace(scales=centre.scales + 0.7)._replace(
        **{name: value - 0.4 for name, value in list(centre._asdict().items())[1:]}
    )
    expected = features * (stats.norm.logpdf(0, 0, 3**0.5) - stats.norm.logpdf(0.7, 0, 3**0.5))
    expected += 4 * (stats.norm.logpdf(0, 0, 1.5) - stats.norm.logpdf(0.4, 0, 1.5))
    assert float(kronecker.penalty(moved)) == pytest.approx(expected, rel=1e-5)


def test_the_fewest_columns_of_the_joint_process():
    assert predictors.lkgp(columns=4).settings["columns"] == 4
    with pytest.raises(ValueError, match="at least 4, got 3"):
        predictors.lkgp(columns=3)


@pytest.mark.parametrize("published", [True, False])
def test_a_published_predictor_is_the_published_regression(published):
    from qsvr import QSVR

    rng = np.random.default_rng(3)
    curves = np.sort(rng.random((12, 4)), 1)[:, ::-1]
    targets, ahead = curves[:, -1] * 0.9, np.sort(rng.random((5, 4)), 1)[:, ::-1]
    make = QSVR.published if published else QSVR
    model = make(random_state=7, sampler="level_gibbs").fit(curves, targets)
    predictor = predictors.qsvr(published=published, sampler="level_gibbs")
    mean, _ = predictor.fit(curves, targets, 7)(ahead)
    np.testing.assert_allclose(mean, model.predict(ahead), rtol=1e-6)


def test_trees_foresee_the_change_since_the_last_loss():
    """Where nothing changed from the last loss on, nothing will."""
    rng = np.random.default_rng(5)
    curves = rng.random((20, 4))
    ahead = rng.random((6, 4))
    mean, _ = predictors.extra_trees().fit(curves, curves[:, -1], 1)(ahead)
    np.testing.assert_allclose(mean, ahead[:, -1], rtol=1e-12)
