"""What every scheduler does alike: its settings checked, its functions put together."""

import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hpo.core.proposals import searched
from hpo.core.searcher import Searcher
from hpo.core.trials import extended
from hpo.core.types import Action, Event, Predict, Predicted, Propose, Reported, Scheduler
from hpo.searchers.base import random_search
from hpo.space import Space


def searcher_of(space: Space | Searcher) -> Searcher:
    """Random search, unless a searcher is given."""
    return random_search(space) if isinstance(space, Space) else space


def assembled(
    init: Callable[[int], Any],
    ask: Callable[[Any], tuple[Any, Action]],
    tell: Callable[[Any, Event], Any],
    predict: Callable[[Any, Predict], Predicted],
    open_trials: Callable[[Any], frozenset[int]],
    *,
    settings: Mapping[str, Any],
    searcher: Searcher,
    metric: str,
    mode: str,
) -> Scheduler:
    """The scheduler of these functions over the searcher's trials; `settings` are its own."""

    def extend(state: Any, reports: Sequence[Reported]) -> Any:
        return extended(state, reports, metric)

    def answer(state: Any, request: Predict | Propose) -> Predicted:
        if isinstance(request, Propose):
            raise ValueError(f"{request}: the searcher of this scheduler proposes nothing later")
        return predict(state, request)

    settings = {"metric": metric, "mode": mode, **settings, **searcher.settings}
    scheduler = Scheduler(init, ask, tell, answer, settings, metric, extend, open_trials)
    return searched(scheduler, searcher)


def predicts_nothing(state: Any, request: Predict) -> Predicted:
    """The `predict` of a scheduler that asks for no predictions."""
    raise ValueError(f"{request}: this scheduler predicts nothing")


def sign_of(mode: str) -> int:
    """+1 where the metric is minimised, -1 where it is maximised. Raises ValueError."""
    if mode not in ("minimise", "maximise"):
        raise ValueError(f'mode must be "minimise" or "maximise", not {mode!r}')
    return 1 if mode == "minimise" else -1


def check_whole(**values: Any) -> None:
    """Raises ValueError where one of them is no whole number."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, numbers.Integral):
            raise ValueError(f"{name} must be a whole number, got {value!r}")


def check_finite(**values: float) -> None:
    """Raises ValueError where one of them is infinite or no number: a journal cannot keep it."""
    for name, value in values.items():
        if not math.isfinite(value):
            raise ValueError(f"{name} must be finite, got {value}")


def check_least(least: int, **values: float) -> None:
    """Raises ValueError where one of them is below `least`."""
    for name, value in values.items():
        if not value >= least:
            raise ValueError(f"{name} must be at least {least}, got {value}")


def check_share(**values: float) -> None:
    """Raises ValueError where one of them does not lie between 0 and 1."""
    for name, value in values.items():
        if not 0 <= value <= 1:
            raise ValueError(f"{name} must lie between 0 and 1, got {value}")


def ceil_of(value: float) -> int:
    """The ceiling of a product of settings: 70 * 0.1 is 7, not 7.000000000000001."""
    return math.ceil(round(value, 9))
