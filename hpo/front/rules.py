"""Schedulers and searchers by name, made of what `tune` is told."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from hpo.core.searcher import Searcher
from hpo.core.types import Scheduler
from hpo.schedulers.brackets import hyperband_trials
from hpo.space import Space

_MODES = {"min": "minimise", "minimise": "minimise", "max": "maximise", "maximise": "maximise"}
_SEARCHERS = {
    "random": ("hpo.searchers.base", "random_search"),
    "quasi_random": ("hpo.searchers.base", "quasi_random_search"),
    "bayesian": ("hpo.searchers.bayesian", "bayesian_search"),
    "bohb": ("hpo.searchers.bohb", "bohb_search"),
}


class Budget(NamedTuple):
    """Epochs of a trial at most, trials (None: as many as Hyperband has), eta (None: the usual)."""

    max_epochs: int
    trials: int | None
    eta: int | None

    @property
    def all_trials(self) -> int:
        """How many trials, where a scheduler must be told."""
        if self.trials is not None:
            return self.trials
        return hyperband_trials(self.max_epochs, self._eta) if self.max_epochs > 1 else 30

    @property
    def rounds(self) -> int:
        """Of successive halving: as many as trials and epochs allow."""
        rounds, most = 1, min(self.all_trials, self.max_epochs)
        while self._eta**rounds <= most:
            rounds += 1
        return rounds

    @property
    def steps(self) -> dict[str, int]:
        return {} if self.eta is None else {"eta": self.eta}

    @property
    def _eta(self) -> int:
        return self.eta or 3


Make = Callable[[Searcher, Budget, Mapping[str, str]], Scheduler]


def mode_of(mode: str) -> str:
    """Raises ValueError where it is neither "min" nor "max"."""
    if mode not in _MODES:
        raise ValueError(f'mode must be "min" or "max", not {mode!r}')
    return _MODES[mode]


def searcher_of(name: str | Callable[[Space], Searcher], space: Space) -> Searcher:
    """By name, or made by a function of the space. Raises ValueError where there is none."""
    if callable(name):
        return name(space)
    if name not in _SEARCHERS:
        raise ValueError(f"searcher {name!r} is none of {', '.join(_SEARCHERS)}")
    return _made(*_SEARCHERS[name])(space)


def takes_trials(scheduler: Any) -> bool:
    """Whether the number of trials is a setting of it; brackets have their own."""
    return isinstance(scheduler, str) and scheduler in _COUNTED


def may_ask_ahead(scheduler: Scheduler, searcher: Searcher) -> bool:
    """Whether it asks the same however much it is asked at once: it decides at barriers alone, and
    its searcher does not learn."""
    settings = scheduler.settings
    barriers = "brackets" in settings and "asynchronous" not in settings.get("scheduler", "")
    return barriers and searcher.suggest is None


def scheduler_of(
    scheduler: str | Callable[..., Scheduler] | Scheduler,
    searcher: Searcher,
    budget: Budget,
    goal: Mapping[str, str],
) -> Scheduler:
    """By name; by a function of (searcher, max_epochs, metric=, mode=); or the scheduler itself,
    which must have the same metric and mode. Raises ValueError."""
    if isinstance(scheduler, Scheduler):
        has = {"metric": scheduler.metric, "mode": scheduler.settings.get("mode")}
        if has != dict(goal):
            raise ValueError(f"the scheduler has {has}, the study {dict(goal)}")
        return scheduler
    if callable(scheduler):
        return scheduler(searcher, budget.max_epochs, **goal)
    if scheduler not in SCHEDULERS:
        raise ValueError(f"scheduler {scheduler!r} is none of {', '.join(SCHEDULERS)}")
    return SCHEDULERS[scheduler](searcher, budget, goal)


def _made(module: str, name: str) -> Callable[..., Any]:
    return getattr(importlib.import_module(module), name)


def _by_brackets(module: str, name: str) -> Make:
    def make(searcher: Searcher, budget: Budget, goal: Mapping[str, str]) -> Scheduler:
        return _made(module, name)(searcher, budget.max_epochs, **budget.steps, **goal)

    return make


def _random(searcher: Searcher, budget: Budget, goal: Mapping[str, str]) -> Scheduler:
    full_training = _made("hpo.schedulers.halving", "full_training")
    return full_training(searcher, budget.all_trials, budget.max_epochs, **goal)


def _halving(searcher: Searcher, budget: Budget, goal: Mapping[str, str]) -> Scheduler:
    successive_halving = _made("hpo.schedulers.halving", "successive_halving")
    return successive_halving(
        searcher,
        budget.all_trials,
        budget.max_epochs,
        **budget.steps,
        rounds=budget.rounds,
        **goal,
    )


def _top_n(searcher: Searcher, budget: Budget, goal: Mapping[str, str]) -> Scheduler:
    """A tenth of the epochs for all, the rest for the best tenth."""
    top_n = _made("hpo.schedulers.halving", "top_n")
    shares = {"epochs": -(-budget.max_epochs // 10), "places": -(-budget.all_trials // 10)}
    return top_n(searcher, budget.all_trials, budget.max_epochs, **shares, **goal)


def _asha(searcher: Searcher, budget: Budget, goal: Mapping[str, str]) -> Scheduler:
    asha = _made("hpo.schedulers.asha", "asha")
    return asha(searcher, budget.all_trials, budget.max_epochs, **budget.steps, **goal)


_COUNTED: Mapping[str, Make] = {
    "random": _random,
    "full_training": _random,
    "successive_halving": _halving,
    "top_n": _top_n,
    "asha": _asha,
}
SCHEDULERS: Mapping[str, Make] = {
    "swift_improved": _by_brackets("hpo.schedulers.improved", "swift_improved"),
    "adaptive": _by_brackets("hpo.schedulers.adaptive", "adaptive"),
    "asynchronous_swift": _by_brackets("hpo.schedulers.asynchronous", "asynchronous_swift"),
    "asynchronous_adaptive": _by_brackets(
        "hpo.schedulers.asynchronous_adaptive", "asynchronous_adaptive"
    ),
    "swift_hyperband": _by_brackets("hpo.schedulers.swift", "swift_hyperband"),
    "fast_hyperband": _by_brackets("hpo.schedulers.fast", "fast_hyperband"),
    "hyperband": _by_brackets("hpo.schedulers.halving", "hyperband"),
    **_COUNTED,
}
