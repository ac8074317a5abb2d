"""What a trial does in one fold: passes over its rows, or one fit on as many as it is worth."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int
from sklearn.base import clone
from sklearn.model_selection._validation import _score
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import _check_method_params

from hpo.core.types import one_line
from hpo.estimators.passes import Passes

EPOCHS, SAMPLES = "epochs", "n_samples"


@dataclass(frozen=True)
class Plan:
    """What all trials have in common.

    resource      EPOCHS or SAMPLES
    max_epochs    the last epoch; of samples the number of steps in which they grow to all
    classes       for `partial_fit`, None where there are none
    fit_params, score_params   of all rows; each fold takes its own
    """

    estimator: Any
    X: Any
    y: Any
    scorer: Any
    resource: str
    max_epochs: int
    classes: Any
    fit_params: Mapping[str, Any]
    score_params: Mapping[str, Any]
    error_score: Any
    train_scores: bool


class Task(NamedTuple):
    """Train a trial in a fold until epoch `last`. `train` are the fold's rows in the order in which
    the sample grows; `fitted` is the estimator after `first` epochs."""

    values: Mapping[str, Any]
    train: Int[np.ndarray, " rows"]
    test: Int[np.ndarray, " rows"]
    first: int
    last: int
    fitted: Any


@dataclass(frozen=True)
class Trained:
    """What came of a task: a score an epoch (of samples only that of the last), until an `error`.

    fitted   where it can be trained on from here, else None
    seconds  of fitting and of scoring
    """

    scores: tuple[float, ...]
    train_score: float | None
    fitted: Any
    seconds: tuple[float, float]
    error: str | None = None


def train(plan: Plan, task: Task) -> Trained:
    """Does the task. What the estimator raises is in `error`, unless `error_score` is "raise"."""
    so_far = Trained((), None, None, (0.0, 0.0))
    try:
        for now in _passes(plan, task) if plan.resource == EPOCHS else _one_fit(plan, task):
            so_far = now
    except Exception as error:  # whatever an estimator raises
        if plan.error_score == "raise":
            raise
        return replace(so_far, fitted=None, error=one_line(error))
    return so_far


def made(estimator: Any, values: Mapping[str, Any]) -> Any:
    """A new estimator with these hyperparameters."""
    return clone(estimator).set_params(**clone(dict(values), safe=False))


def _passes(plan: Plan, task: Task) -> Iterator[Trained]:
    fresh = task.fitted is None
    estimator = made(plan.estimator, task.values) if fresh else task.fitted
    rows = np.sort(task.train)
    params = _check_method_params(plan.X, params=plan.fit_params, indices=rows)
    X, y = _safe_split(estimator, plan.X, plan.y, rows)
    passes = Passes(estimator, X, y, params, plan.classes, fresh)
    scores: list[float] = []
    fitting = scoring = 0.0
    for epoch in range(task.first + 1, task.last + 1):
        begun = time.perf_counter()
        passes.one_more()
        fitted = time.perf_counter()
        scores.append(_tested(plan, task, estimator, rows))
        fitting, scoring = fitting + fitted - begun, scoring + time.perf_counter() - fitted
        on_train = _on_train(plan, estimator, rows) if epoch == task.last else None
        yield Trained(tuple(scores), on_train, estimator, (fitting, scoring))


def _one_fit(plan: Plan, task: Task) -> Iterator[Trained]:
    size = -(-len(task.train) * task.last // plan.max_epochs)
    rows = np.sort(task.train[:size])  # all of them in their own order: an ordinary fit
    estimator = made(plan.estimator, task.values)
    params = _check_method_params(plan.X, params=plan.fit_params, indices=rows)
    X, y = _safe_split(estimator, plan.X, plan.y, rows)
    begun = time.perf_counter()
    estimator.fit(X, **params) if y is None else estimator.fit(X, y, **params)
    fitted = time.perf_counter()
    score = _tested(plan, task, estimator, rows)
    seconds = (fitted - begun, time.perf_counter() - fitted)
    yield Trained((score,), _on_train(plan, estimator, rows), None, seconds)


def _tested(plan: Plan, task: Task, estimator: Any, rows: Int[np.ndarray, " rows"]) -> float:
    X, y = _safe_split(estimator, plan.X, plan.y, task.test, rows)
    params = _check_method_params(plan.X, params=plan.score_params, indices=task.test)
    return _one_number(_score(estimator, X, y, plan.scorer, params, plan.error_score))


def _on_train(plan: Plan, estimator: Any, rows: Int[np.ndarray, " rows"]) -> float | None:
    if not plan.train_scores:
        return None
    X, y = _safe_split(estimator, plan.X, plan.y, rows)
    params = _check_method_params(plan.X, params=plan.score_params, indices=rows)
    return _one_number(_score(estimator, X, y, plan.scorer, params, plan.error_score))


def _one_number(score: Any) -> float:
    if isinstance(score, Mapping):
        raise TypeError("scoring gives several metrics: give one that a search can rank by")
    return float(score)


def growing(
    rows: Int[np.ndarray, " rows"], labels: np.ndarray | None, generator: np.random.Generator
) -> Int[np.ndarray, " rows"]:
    """The rows in an order whose beginnings are the samples: random, and with `labels` each of them
    as often as in the whole, as nearly as can be, and one of each first: no fit lacks a class."""
    order = generator.permutation(len(rows))
    if labels is None:
        return rows[order]
    _, kind, count = np.unique(labels[rows][order], return_inverse=True, return_counts=True)
    place = np.empty(len(rows))
    for each in range(len(count)):
        own = kind == each
        place[own] = np.arange(count[each]) / count[each]
    return rows[order[np.argsort(place, kind="stable")]]
