"""Laws of the searches: what they say of a configuration is what anybody finds who trains it."""

import pickle
import warnings

import joblib
import numpy as np
import pytest
import sklearn
from scipy.stats import loguniform, norm
from sklearn.base import clone
from sklearn.cluster import MiniBatchKMeans
from sklearn.datasets import make_classification
from sklearn.exceptions import DataConversionWarning, FitFailedWarning
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import get_scorer
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import hpo
from hpo.study.errors import SettingsChanged

X, Y = make_classification(90, 6, n_informative=4, n_classes=3, random_state=0)
SGD = SGDClassifier(random_state=0)
ALPHA = {"alpha": loguniform(1e-6, 1.0)}
SEARCHES = (hpo.SwiftSearchCV, hpo.AdaptiveSearchCV)
SMALL = {"max_epochs": 9, "cv": 2, "random_state": 1}
TIMES = {f"{what}_{which}_time" for what in ("mean", "std") for which in ("fit", "score")}


def table(search):
    """The results without times, as text, in which NaN is like itself."""
    rows = {name: column for name, column in search.cv_results_.items() if name not in TIMES}
    return {name: np.asarray(column, object).astype(str).tolist() for name, column in rows.items()}


def by_hand(estimator, params, passes, train, test):
    """The score after so many passes."""
    model = clone(estimator).set_params(**params)
    for _ in range(passes):
        model.partial_fit(X[train], Y[train], classes=np.unique(Y))
    return model.score(X[test], Y[test])


@pytest.mark.parametrize("kind", SEARCHES)
def test_a_row_of_epochs_is_what_passes_by_hand_give_and_the_best_is_of_the_longest(kind):
    search = kind(SGD, ALPHA, **SMALL).fit(X, Y)
    results, splits = search.cv_results_, list(StratifiedKFold(2).split(X, Y))
    assert search.resource_ == "epochs"
    for row in range(0, len(results["params"]), 5):
        params, passes = results["params"][row], results["n_resources"][row]
        scores = [by_hand(SGD, params, passes, *split) for split in splits]
        assert [results[f"split{i}_test_score"][row] for i in range(2)] == scores
        assert results["mean_test_score"][row] == np.mean(scores)
        assert results["std_test_score"][row] == pytest.approx(np.std(scores))
    best = by_hand(SGD, search.best_params_, 9, slice(None), slice(None))
    assert search.score(X, Y) == best
    assert max(results["n_resources"]) == 9
    longest = results["n_resources"] == 9
    assert search.best_score_ == results["mean_test_score"][longest].max()
    assert search.best_params_ == results["params"][search.best_index_]


@pytest.mark.parametrize("kind", SEARCHES)
def test_with_all_rows_a_row_is_a_cross_validation(kind):
    model = LogisticRegression()
    search = kind(model, {"C": loguniform(1e-3, 1e2)}, **SMALL).fit(X, Y)
    results = search.cv_results_
    assert search.resource_ == "n_samples"
    whole = np.flatnonzero(results["n_resources"] == len(X))
    assert len(whole)
    for row in whole:
        model.set_params(**results["params"][row])
        assert results["mean_test_score"][row] == cross_val_score(model, X, Y, cv=2).mean()
    fitted = clone(model).set_params(**search.best_params_).fit(X, Y)
    assert (search.predict_proba(X) == fitted.predict_proba(X)).all()


@pytest.mark.parametrize("model", [SGD, pytest.param(LogisticRegression(), marks=pytest.mark.soak)])
def test_nothing_depends_on_jobs_and_the_seed_decides(model):
    space = ALPHA if model is SGD else {"C": loguniform(1e-3, 1e2)}
    search = hpo.SwiftSearchCV(model, space, **SMALL)
    one = table(search.fit(X, Y))
    with joblib.parallel_config("threading"):
        assert table(clone(search).set_params(n_jobs=2).fit(X, Y)) == one
    assert table(clone(search).set_params(random_state=2).fit(X, Y)) != one
    again = pickle.loads(pickle.dumps(search))
    assert (again.predict(X) == search.predict(X)).all()
    assert again.study_.trials == search.study_.trials


class Sized(LogisticRegression):
    """Knows how many rows it was fitted to."""

    def fit(self, X, y):
        self.rows_ = len(X)
        return super().fit(X, y)


def test_a_sample_is_as_large_as_is_said():
    search = hpo.SwiftSearchCV(Sized(), {"C": [0.1, 1.0, 10.0]}, cv=3, max_epochs=9, random_state=0)
    results = search.set_params(scoring=lambda model, X, y: model.rows_).fit(X, Y).cv_results_
    steps = results["n_resources"] * 9 // len(X)
    assert len(set(steps)) > 1
    assert results["mean_test_score"].tolist() == [-(-60 * step // 9) for step in steps]
    assert search.best_estimator_.rows_ == len(X)


class Cut(Exception):
    """A power cut."""


class Mortal(SGDClassifier):
    """Counts its passes, in all of its copies, and has only so many."""

    passes, lives = 0, None

    def partial_fit(self, *rows, **more):
        cls = type(self)
        if cls.lives is not None and cls.passes >= cls.lives:
            raise Cut
        cls.passes += 1
        return super().partial_fit(*rows, **more)


def test_a_search_that_is_cut_off_goes_on_in_its_folder(tmp_path):
    """Of trials that go on, passes are made again; nobody else's."""
    search = hpo.SwiftSearchCV(Mortal(random_state=0), ALPHA, **SMALL, error_score="raise")
    Mortal.passes, Mortal.lives = 0, None
    whole = table(search.fit(X, Y))
    in_all, kept = Mortal.passes, clone(search).set_params(folder=tmp_path)
    Mortal.passes, Mortal.lives = 0, in_all // 2
    with pytest.raises(Cut):
        kept.fit(X, Y)
    Mortal.passes, Mortal.lives = 0, None
    on = table(kept.fit(X, Y))
    assert {**on, "iter": None} == {**whole, "iter": None}
    assert in_all - in_all // 2 < Mortal.passes < in_all
    Mortal.passes = 0
    assert table(kept.fit(X, Y)) == on
    assert Mortal.passes == 9  # the best, on all rows
    with pytest.raises(hpo.JournalError, match="other settings"):
        kept.fit(X[::-1], Y[::-1])
    with pytest.raises(ValueError, match="random_state must be a whole number"):
        clone(kept).set_params(random_state=None).fit(X, Y)


def test_lists_are_tried_once_each_and_candidates_are_limited():
    grid = {"alpha": [1e-4, 1e-3, 1e-2], "penalty": ["l2", None]}
    search = hpo.SwiftSearchCV(SGD, grid, **SMALL).fit(X, Y)
    rows = zip(search.cv_results_["trial"], search.cv_results_["params"], strict=True)
    tried = {trial: str(params) for trial, params in rows}
    assert len(tried) == len(set(tried.values())) == search.n_candidates_ == 6
    few = hpo.AdaptiveSearchCV(SGD, ALPHA, n_candidates=5, **SMALL).fit(X, Y)
    assert set(few.cv_results_["trial"]) == set(range(5))
    assert few.n_candidates_ == 5
    assert few.cv_results_["n_resources"].max() == 9


def test_a_trial_that_fails_is_out_and_named():
    some = {"alpha": [1e-4, 1e-3, -1.0, 1e-2]}
    search = hpo.SwiftSearchCV(SGD, some, **SMALL, error_score=-1.0)
    with pytest.warns(FitFailedWarning, match="2 fits failed"):
        search.fit(X, Y)
    results = search.cv_results_
    (failed,) = [i for i, p in enumerate(results["params"]) if p["alpha"] == -1.0]
    assert results["mean_test_score"][failed] == -1.0
    assert search.best_params_["alpha"] > 0
    with pytest.raises(ValueError, match=r"(?s)All the 4 fits failed.*alpha"):
        hpo.SwiftSearchCV(SGD, {"alpha": [-1.0, -2.0]}, **SMALL).fit(X, Y)
    with pytest.raises(ValueError, match="alpha"):
        search.set_params(error_score="raise").fit(X, Y)


def test_scores_that_are_no_numbers_are_no_winners():
    def scoring(model, X, y):
        return np.nan if model.alpha < 1e-3 else model.score(X, y)

    search = hpo.SwiftSearchCV(SGD, {"alpha": [1e-4, 1e-2, 1e-5]}, scoring=scoring, **SMALL)
    with pytest.warns(UserWarning, match="scores are non-finite"):
        search.fit(X, Y)
    assert search.best_params_ == {"alpha": 1e-2}


def test_a_pipeline_is_trained_in_passes():
    """What stands before the last step is fitted once, on the rows of the fold."""
    pipeline = make_pipeline(StandardScaler(), SGDClassifier(random_state=0))
    space = {"sgdclassifier__alpha": loguniform(1e-6, 1.0)}
    search = hpo.SwiftSearchCV(pipeline, space, **SMALL).fit(X, Y)
    results = search.cv_results_
    for row in (0, search.best_index_):
        scores = []
        for train, test in StratifiedKFold(2).split(X, Y):
            scaler, model = clone(pipeline).set_params(**results["params"][row])
            seen = scaler.fit_transform(X[train])
            for _ in range(results["n_resources"][row]):
                model.partial_fit(seen, Y[train], classes=np.unique(Y))
            scores.append(model.score(scaler.transform(X[test]), Y[test]))
        assert results["mean_test_score"][row] == np.mean(scores)
    assert (search.best_estimator_[0].mean_ == StandardScaler().fit(X).mean_).all()
    with pytest.raises(ValueError, match="name those of its last step, sgdclassifier__NAME"):
        search.set_params(error_score="raise").fit(X, Y, standardscaler__sample_weight=np.ones(90))


def test_weights_go_where_the_rows_go():
    """Rows without weight count for nothing, in a pipeline's last step too, and with routing."""
    weight = (np.arange(90) % 5 > 0).astype(float)
    search = hpo.SwiftSearchCV(SGDClassifier(shuffle=False), ALPHA, cv=KFold(2), max_epochs=3)
    search.set_params(random_state=0, scoring="neg_log_loss", estimator__loss="log_loss")
    plain = table(search.fit(X, Y))
    weighted = table(search.fit(X, Y, sample_weight=weight))
    assert weighted != plain
    step = make_pipeline(clone(search.estimator))
    inner = {f"sgdclassifier__{name}": given for name, given in ALPHA.items()}
    piped = clone(search).set_params(estimator=step, param_distributions=inner)
    piped.fit(X, Y, sgdclassifier__sample_weight=weight)
    scorer, first = get_scorer("neg_log_loss"), search.cv_results_["params"][0]
    for split, (train, test) in enumerate(KFold(2).split(X)):
        model = clone(search.estimator).set_params(**first)
        for _ in range(search.cv_results_["n_resources"][0]):
            model.partial_fit(X[train], Y[train], np.unique(Y), sample_weight=weight[train])
        # as in scikit-learn's searches, weights that have a name of their own count in scores, too
        name = f"split{split}_test_score"
        scored = scorer(model, X[test], Y[test], sample_weight=weight[test])
        assert search.cv_results_[name][0] == pytest.approx(scored, rel=1e-12)
        scored = scorer(model, X[test], Y[test])
        assert piped.cv_results_[name][0] == pytest.approx(scored, rel=1e-12)
    with sklearn.config_context(enable_metadata_routing=True):
        asked = clone(search)
        asked.estimator.set_fit_request(sample_weight=True)
        asked.set_params(scoring=None)
        asked.estimator.set_score_request(sample_weight=True)
        asked.fit(X, Y, sample_weight=weight)
        assert asked.score(X, Y, sample_weight=weight) <= 1


def test_it_stands_where_searches_stand():
    search = hpo.AdaptiveSearchCV(SGD, ALPHA, max_epochs=3, cv=2, random_state=0)
    assert cross_val_score(make_pipeline(StandardScaler(), search), X, Y, cv=2).mean() > 0.5
    inner = MiniBatchKMeans(n_init=1, random_state=0).set_output(transform="pandas")
    clusters = hpo.SwiftSearchCV(inner, {"n_clusters": [2, 3, 4]}, max_epochs=3, cv=2).fit(X)
    assert next(iter(clusters.transform(X).columns)) == "minibatchkmeans0"
    assert not hasattr(clusters, "predict_proba")
    assert not hasattr(clone(clusters).set_params(refit=False).fit(X), "best_estimator_")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"estimator": LogisticRegression(), "resource": "epochs"}, "has no partial_fit"),
        ({"param_distributions": {"alpha": []}}, "alpha: the list is empty"),
        ({"param_distributions": {"alpha": 3}}, "alpha: 3 is no Float"),
        (
            {"param_distributions": {"beta": [1]}, "error_score": "raise"},
            "Invalid parameter 'beta'",
        ),
        ({"max_epochs": 1}, "max_epochs"),
        ({"scoring": ["accuracy"]}, "scoring"),
        ({"cv": []}, "gives no split"),
    ],
)
def test_what_cannot_be_is_named(changes, complaint):
    search = hpo.SwiftSearchCV(SGD, ALPHA, **SMALL).set_params(**changes)
    with pytest.raises(ValueError, match=complaint):
        search.fit(X, Y)


def test_its_study_is_a_source_of_exports():
    search = hpo.SwiftSearchCV(SGD, ALPHA, **SMALL).fit(X, Y)
    rows = hpo.export.rows(search.study_)
    assert len(rows) == len(search.study_.trials) == 17
    best = max((row for row in rows if row["epochs"] == 9), key=lambda row: row["value"])
    assert best["value"] == search.best_score_
    assert best["params_alpha"] == search.best_params_["alpha"]
    spent = sum(row["epochs"] for row in rows)
    assert spent == search.study_.epochs <= hpo.hyperband_epochs(9, 3)


@pytest.mark.parametrize(
    "change",
    [
        {"scoring": "neg_log_loss"},
        {"param_distributions": {"alpha": norm(500, 0.1)}},
        {"param_distributions": {"class_weight": [{0: 5, 1: 5}, {0: 1, 1: 2}]}},
        {"error_score": 0.0},
    ],
)
def test_a_folder_goes_on_with_the_same_search_alone(tmp_path, change):
    """Scores of another scoring, or of other values, would be taken for those of this one."""
    X, y = make_classification(60, random_state=0)
    model = SGDClassifier(loss="log_loss", random_state=0)
    same = {"max_epochs": 3, "cv": 2, "random_state": 0, "folder": tmp_path, "refit": False}
    values = {"class_weight": [{0: 1, 1: 1}, {0: 1, 1: 2}]}
    values = values if "class_weight" in str(change) else {"alpha": norm(5, 0.1)}
    given = {"param_distributions": values, "scoring": "accuracy"}
    hpo.SwiftSearchCV(model, **given, **same).fit(X, y)
    hpo.SwiftSearchCV(model, **given, **same).fit(X, y)  # the same goes on
    with pytest.raises(SettingsChanged):
        hpo.SwiftSearchCV(model, **(given | change), **same).fit(X, y)


def test_labels_in_a_column(tmp_path):
    X, y = make_classification(60, random_state=0)
    tree = DecisionTreeClassifier(random_state=0)
    search = hpo.SwiftSearchCV(tree, {"max_depth": [1, 2]}, cv=2, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataConversionWarning)
        column = clone(search).fit(X, y.reshape(-1, 1))
    assert column.best_params_ == search.fit(X, y).best_params_
