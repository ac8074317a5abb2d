"""scikit-learn's own checks of an estimator, in the settings that its own searches have there."""

import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier, SGDRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

import hpo

ALPHA = {"alpha": [1e-4, 1e-2]}
SEARCHED = [
    (SGDClassifier(random_state=0), ALPHA),
    (SGDRegressor(random_state=0), ALPHA),
    (LogisticRegression(), {"C": [0.1, 1.0]}),
    (Ridge(), ALPHA),
    (Pipeline([("pca", PCA()), ("ridge", Ridge())]), {"ridge__alpha": [0.1, 1.0]}),
]
SMALL = {"max_epochs": 3, "cv": 2, "random_state": 0, "error_score": "raise"}


def expected(search):
    """Those that scikit-learn's GridSearchCV does not pass either: the estimator within is trained
    by `fit` on y as it is, and says itself what is wrong with a y that is missing."""
    found = {"check_requires_y_none": "the message is that of the estimator within"}
    if not hasattr(search.estimator, "partial_fit"):
        found["check_supervised_y_2d"] = "DataConversionWarning is raised within"
    return found


def few_and_more():
    """One to be checked every day, and the others."""
    swift, adaptive = (
        [kind(estimator, space, **SMALL) for estimator, space in SEARCHED]
        for kind in (hpo.SwiftSearchCV, hpo.AdaptiveSearchCV)
    )
    return [swift.pop(0)], swift + adaptive


FEW, MORE = few_and_more()


@parametrize_with_checks(FEW, expected_failed_checks=expected)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.soak
@parametrize_with_checks(MORE, expected_failed_checks=expected)
def test_more_of_scikit_learns_checks(estimator, check):
    check(estimator)
