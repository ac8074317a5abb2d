"""Searches that train the promising for longer, where scikit-learn's searches stand.

They are scikit-learn's own as to what can be done with them (`BaseSearchCV`), and studies of hpo as
to how they search: the same schedulers, state machines and logs.
"""

import time
from abc import abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from numbers import Integral
from pathlib import Path
from typing import Any, Self

import joblib
import numpy as np
from jaxtyping import Int
from sklearn.base import _fit_context, clone, is_classifier
from sklearn.metrics import check_scoring, get_scorer_names
from sklearn.model_selection import check_cv
from sklearn.model_selection._search import BaseSearchCV
from sklearn.model_selection._validation import _warn_or_raise_about_fit_failures
from sklearn.utils import assert_all_finite, check_random_state, indexable
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
from sklearn.utils.validation import _check_method_params, _num_samples

from hpo.core.searcher import Searcher
from hpo.core.types import MID_JOB, Event, Scheduler
from hpo.estimators import results
from hpo.estimators.candidates import candidates, told
from hpo.estimators.folds import EPOCHS, SAMPLES, Plan, growing, made
from hpo.estimators.passes import Passes, can_go_on
from hpo.estimators.training import METRIC, Fold, Training
from hpo.schedulers.adaptive import adaptive
from hpo.schedulers.improved import Risk, swift_improved
from hpo.study.journal import Journal
from hpo.study.memory import Memory
from hpo.study.run import run_study
from hpo.study.summary import summarise

Split = tuple[Int[np.ndarray, " train"], Int[np.ndarray, " test"]]

_LEAST = 2  # of each class in the smallest sample


class StudySearchCV(BaseSearchCV):
    """What `SwiftSearchCV` and `AdaptiveSearchCV` share; see there."""

    _parameter_constraints: dict[str, Any] = {  # noqa: RUF012  as scikit-learn has it
        **BaseSearchCV._parameter_constraints,
        "scoring": [StrOptions(set(get_scorer_names())), callable, None],
        "refit": ["boolean", callable],
        "param_distributions": [dict, list, Mapping, object],
        "resource": [StrOptions({"auto", EPOCHS, SAMPLES})],
        "max_epochs": [Interval(Integral, 2, None, closed="left")],
        "factor": [Interval(Integral, 2, None, closed="left")],
        "n_candidates": [Interval(Integral, 1, None, closed="left"), None],
        "random_state": ["random_state"],
        "folder": [str, Path, None],
    }
    _parameter_constraints.pop("pre_dispatch")

    def __init__(
        self,
        estimator: Any,
        param_distributions: Any,
        *,
        resource: str = "auto",
        max_epochs: int = 27,
        factor: int = 3,
        n_candidates: int | None = None,
        rule: Any = None,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = 5,
        verbose: int = 0,
        random_state: Any = None,
        error_score: Any = np.nan,
        return_train_score: bool = False,
        folder: str | Path | None = None,
    ) -> None:
        super().__init__(
            estimator,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.param_distributions = param_distributions
        self.resource = resource
        self.max_epochs = max_epochs
        self.factor = factor
        self.n_candidates = n_candidates
        self.rule = rule
        self.random_state = random_state
        self.folder = folder

    @abstractmethod
    def _scheduler(self, searcher: Searcher, max_epochs: int, resource: str) -> Scheduler:
        """Who decides."""

    # the estimator is not validated yet; scikit-learn has no types
    @_fit_context(prefer_skip_nested_validation=False)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Search, and train the best on all rows.

        `params` are handed to the estimator (of those as long as X each fold gets its rows), and
        `groups` to the splitter; with metadata routing, to whom they are requested by.
        """
        X, y = indexable(X, y)
        if y is not None:
            assert_all_finite(y, input_name="y")
        params = _check_method_params(X, params=params)
        routed = self._get_routed_params_for_fit(params)
        cv = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        splits = list(cv.split(X, y, **routed.splitter.split))
        if not splits:
            raise ValueError(f"cv={self.cv!r} gives no split")
        self.n_splits_, self.multimetric_ = len(splits), False
        plan = self._plan(X, y, splits, routed)
        self.scorer_, self.resource_, self.max_epochs_ = plan.scorer, plan.resource, plan.max_epochs
        found = self._search(plan, splits)
        self._keep_results(plan, found)
        if self.refit:
            self._refit(plan)
        return self

    def _plan(self, X: Any, y: Any, splits: list[Split], routed: Any) -> Plan:
        estimator, classes = clone(self.estimator), None
        resource = self.resource
        if resource == "auto":
            resource = EPOCHS if can_go_on(estimator) else SAMPLES
        if resource == EPOCHS and not can_go_on(estimator):
            raise ValueError(
                f"{type(estimator).__name__} has no partial_fit, so it cannot be trained epoch by "
                "epoch: search with resource='n_samples'"
            )
        if is_classifier(estimator):
            check_classification_targets(y)
            classes = unique_labels(y)
        max_epochs = self.max_epochs
        if resource == SAMPLES:
            rows = min(len(train) for train, _ in splits)
            least = _LEAST * (1 if classes is None else len(classes))
            max_epochs = max(min(max_epochs, rows // least), self.factor)
        return Plan(
            estimator=estimator,
            X=X,
            y=y,
            scorer=check_scoring(self.estimator, self.scoring),
            resource=resource,
            max_epochs=max_epochs,
            classes=classes,
            fit_params=routed.estimator.fit,
            score_params=routed.scorer.score,
            error_score=self.error_score,
            train_scores=self.return_train_score,
        )

    def _search(self, plan: Plan, splits: list[Split]) -> list[results.Row]:
        """Play the study, and return a row for each of its jobs."""
        seed = self._seed()
        found = candidates(self.param_distributions)
        limits = [n for n in (self.n_candidates, found.limit) if n is not None]
        scheduler = self._scheduler(found.searcher, plan.max_epochs, plan.resource)
        with self._log() as log:
            entries = list(log.entries())
            training = Training(
                plan,
                _folds(plan, splits, seed),
                found,
                min(limits, default=None),
                self.n_jobs,
                self._description(plan, splits, min(limits, default=None)),
                *results.known(entries),
            )

            def hear(event: Event, state: Any) -> None:
                if not isinstance(event, MID_JOB):
                    training.keep(scheduler.open_trials(state))
                    if self.verbose:
                        print(f"[{type(self).__name__}] {event}")

            summary = summarise(run_study(scheduler, training, log, seed, hear))
            rows = results.rows(log.entries())
        source = log if isinstance(log, Memory) else log.path
        self.study_ = results.study_of(source, summary)
        self.n_candidates_ = len(self.study_.trials)
        self._values = {row.trial: found.values(row.configuration) for row in rows}
        return rows

    def _seed(self) -> int:
        if self.folder is not None and not isinstance(self.random_state, Integral):
            raise ValueError(
                "a search with a folder goes on where it was cut off, with the same random numbers:"
                f" random_state must be a whole number, not {self.random_state!r}"
            )
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))

    def _log(self) -> AbstractContextManager[Memory | Journal]:
        if self.folder is None:
            return nullcontext(Memory())
        return Journal(Path(self.folder) / "study.db")

    def _description(self, plan: Plan, splits: list[Split], limit: int | None) -> dict[str, Any]:
        """What trains, as a study's log has it: a search goes on with the same alone."""
        about = {"limit": limit, "resource": plan.resource, "splits": len(splits)}
        if self.folder is not None:
            rows = (plan.X, plan.y, splits, plan.fit_params)
            about |= {
                "data": joblib.hash(rows),
                "estimator": told(plan.estimator),
                "distributions": told(self.param_distributions),
                "scoring": told(plan.scorer),
                "error_score": told(self.error_score),
                "train_scores": self.return_train_score,
            }
        return {"objective": type(plan.estimator).__name__, "settings": about, "seed": 0}

    def _keep_results(self, plan: Plan, rows: list[results.Row]) -> None:
        total = _num_samples(plan.X)
        out = [
            split
            for row in rows
            for split in results.by_split(
                row, self.n_splits_, total, self.error_score, self.return_train_score
            )
        ]
        _warn_or_raise_about_fit_failures(out, self.error_score)
        epochs = [row.epoch for row in rows]
        resources = [-(-total * epoch // plan.max_epochs) for epoch in epochs]
        more = {
            "iter": [row.batch - 1 for row in rows],
            "trial": [row.trial for row in rows],
            "n_resources": epochs if plan.resource == EPOCHS else resources,
        }
        params = [self._values[row.trial] for row in rows]
        self.cv_results_ = self._format_results(params, self.n_splits_, out, more)
        if callable(self.refit):
            self.best_index_ = self._select_best_index(self.refit, "score", self.cv_results_)
        else:
            self.best_index_ = results.best_of(rows)
        self.best_score_ = self.cv_results_["mean_test_score"][self.best_index_]
        self.best_params_ = params[self.best_index_]
        self._best_epochs = epochs[self.best_index_]
        del self._values

    def _refit(self, plan: Plan) -> None:
        """As many passes as the best was given, or one fit, over all rows."""
        self.best_estimator_ = made(plan.estimator, self.best_params_)
        begun = time.time()
        if plan.resource == EPOCHS:
            given = {"params": plan.fit_params, "classes": plan.classes, "fresh": True}
            passes = Passes(self.best_estimator_, plan.X, plan.y, **given)
            for _ in range(self._best_epochs):
                passes.one_more()
        elif plan.y is None:
            self.best_estimator_.fit(plan.X, **plan.fit_params)
        else:
            self.best_estimator_.fit(plan.X, plan.y, **plan.fit_params)
        self.refit_time_ = time.time() - begun
        if hasattr(self.best_estimator_, "feature_names_in_"):
            self.feature_names_in_ = self.best_estimator_.feature_names_in_

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.array_api_support = False
        return tags


def _folds(plan: Plan, splits: list[Split], seed: int) -> list[Fold]:
    """The splits, each with the order in which its sample grows."""
    if plan.resource == EPOCHS:
        return [Fold(*split) for split in splits]
    classified = plan.classes is not None and type_of_target(plan.y) in ("binary", "multiclass")
    labels = np.ravel(plan.y) if classified else None
    generators = np.random.default_rng(seed).spawn(len(splits))
    return [
        Fold(growing(np.asarray(train), labels, generator), test)
        for (train, test), generator in zip(splits, generators, strict=True)
    ]


class SwiftSearchCV(StudySearchCV):
    """Search hyperparameters by `hpo.swift_improved`, in the place of `HalvingRandomSearchCV`.

    Trials are trained in all folds of a cross-validation, and those that promise little are stopped
    early: Hyperband, in which every stop has a price (docs/hpo.md).

    estimator             what is tuned
    param_distributions   a dict of distributions of scipy.stats, lists, entries of hpo's space; or
                          a list of such dicts, of which each trial has one
    resource              "epochs": passes of `partial_fit` over a fold's rows, scored after each.
                          "n_samples": fits on more and more rows. "auto": epochs where the
                          estimator (or a pipeline's last step) has `partial_fit`
    max_epochs            passes of the best trials; of samples, steps in which they grow to all
                          rows (fewer where these have not two rows of each class)
    factor                of so many trials one goes on (Hyperband's eta)
    n_candidates          trials at most; None: as many as Hyperband has, 49 with 27 epochs and
                          factor 3. Of lists alone no combination is tried twice
    rule                  `hpo.Risk`: decision points and the price of a stop. With samples, where a
                          decision is a fit of its own, there is one in a round unless it is given
    scoring, n_jobs, refit, cv, error_score, return_train_score   as in scikit-learn's searches;
                          one metric. A trial that fails in one fold has failed. Nothing depends on
                          `n_jobs`
    verbose               above 0, a line for each job and decision
    random_state          of configurations and samples; the estimator's own is its own
    folder                where the study's log is kept: a search that is started again with the
                          same data goes on from there. What was fitted is not kept: of trials that
                          go on, passes are made again, and counted

    Afterwards `best_params_`, `best_score_`, `best_index_`, `best_estimator_` (trained anew on all
    rows, for as many passes as the best was), `cv_results_` (a row a job: `trial`, `iter`, the
    batch in which it was trained, `n_resources`, scores), `n_splits_`, `scorer_`, `classes_`,
    `n_features_in_`, `n_candidates_`, `resource_`, `max_epochs_`, and `study_`, which `hpo.page`,
    `hpo.plot` and `hpo.export` take. The best is of those trained longest the one with the best
    score.

    A pipeline that is trained in passes fits what stands before its last step once a fold, in the
    first pass; fit parameters are those of its last step, as STEP__NAME.
    """

    def _scheduler(self, searcher: Searcher, max_epochs: int, resource: str) -> Scheduler:
        risk = self.rule or (Risk() if resource == EPOCHS else Risk(points=(0.25,)))
        goal = {"metric": METRIC, "mode": "maximise"}
        return swift_improved(searcher, max_epochs, self.factor, risk=risk, **goal)


class AdaptiveSearchCV(StudySearchCV):
    """Search hyperparameters by `hpo.adaptive`: Hyperband's trials, each for as long as it is worth
    its epochs (docs/hpo_adaptive.md).

    As `SwiftSearchCV`, but `rule` is an `hpo.Price`. A few trials are trained to the end first, and
    tell how far early scores can be trusted.
    """

    def _scheduler(self, searcher: Searcher, max_epochs: int, resource: str) -> Scheduler:
        goal = {"metric": METRIC, "mode": "maximise"}
        return adaptive(searcher, max_epochs, self.factor, price=self.rule, **goal)
