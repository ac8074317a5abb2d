"""Passes over the same rows, one after another, by `partial_fit`: of estimators, and of pipelines
whose last step has it."""

from collections.abc import Mapping
from inspect import signature
from typing import Any

from sklearn.pipeline import Pipeline


def can_go_on(estimator: Any) -> bool:
    """Whether it can be trained on from where it stands."""
    return hasattr(_last(estimator), "partial_fit")


class Passes:
    """An estimator, and the rows that it is trained on pass by pass.

    What stands before a pipeline's last step is fitted once, in the first pass, and only transforms
    in those after it. `params` are what `fit` would be given; of a pipeline those of its last step,
    as STEP__NAME, and others raise ValueError.
    """

    def __init__(
        self, estimator: Any, X: Any, y: Any, params: Mapping[str, Any], classes: Any, fresh: bool
    ):
        self._step, self._X, self._y = _last(estimator), X, y
        self._params = dict(params)
        if isinstance(estimator, Pipeline):
            self._params = _of_last_step(estimator, params)
            self._X = _before_last(estimator, X, y, fresh)
        given = fresh and classes is not None and _takes_classes(self._step)
        self._first = {"classes": classes} if given else {}

    def one_more(self) -> None:
        """Train for a pass over all rows."""
        rows = (self._X,) if self._y is None else (self._X, self._y)
        self._step.partial_fit(*rows, **self._first, **self._params)
        self._first = {}


def _takes_classes(step: Any) -> bool:
    parameters = signature(step.partial_fit).parameters
    return "classes" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def _last(estimator: Any) -> Any:
    return estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator


def _before_last(pipeline: Pipeline, X: Any, y: Any, fresh: bool) -> Any:
    if len(pipeline.steps) == 1:
        return X
    head = pipeline[:-1]
    if not fresh:
        return head.transform(X)
    seen = head.fit_transform(X) if y is None else head.fit_transform(X, y)
    pipeline.steps[:-1] = head.steps  # where they are fitted in a cache, they are copies
    return seen


def _of_last_step(pipeline: Pipeline, params: Mapping[str, Any]) -> dict[str, Any]:
    prefix = f"{pipeline.steps[-1][0]}__"
    found = {name.removeprefix(prefix): v for name, v in params.items() if name.startswith(prefix)}
    if len(found) < len(params):
        others = sorted(name for name in params if not name.startswith(prefix))
        raise ValueError(
            f"fit parameters {others} are of no use to passes of this pipeline: name those of its "
            f"last step, {prefix}NAME, or search with resource='n_samples'"
        )
    return found
