"""The schedulers that are compared, by name, with the settings they are compared at."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from hpo.core.searcher import Searcher
from hpo.core.types import Scheduler
from hpo.forecasting import predictors
from hpo.schedulers.adaptive import adaptive
from hpo.schedulers.asha import asha
from hpo.schedulers.asynchronous import asynchronous_swift
from hpo.schedulers.asynchronous_adaptive import asynchronous_adaptive
from hpo.schedulers.brackets import hyperband_brackets, hyperband_epochs, hyperband_trials
from hpo.schedulers.fast import fast_hyperband
from hpo.schedulers.halving import full_training, hyperband, successive_halving, top_n
from hpo.schedulers.improved import Risk, swift_improved
from hpo.schedulers.pricing import Price
from hpo.schedulers.swift import swift_hyperband

BASELINE = "hyperband"


@dataclass(frozen=True)
class Budget:
    """What all methods share: R, eta, and whether the metric is minimised."""

    max_epochs: int
    eta: int
    mode: str


def _random(searcher: Searcher, budget: Budget) -> Scheduler:
    """Full trainings, as many as Hyperband's epochs pay for."""
    epochs = hyperband_epochs(budget.max_epochs, budget.eta)
    trials = max(epochs // budget.max_epochs, 1)
    return full_training(searcher, trials, budget.max_epochs, mode=budget.mode)


def _top_n(searcher: Searcher, budget: Budget) -> Scheduler:
    """Hyperband's configurations for a sixteenth of the epochs, the best eight to the end."""
    trials = hyperband_trials(budget.max_epochs, budget.eta)
    return top_n(
        searcher,
        trials,
        budget.max_epochs,
        epochs=max(budget.max_epochs // 16, 1),
        places=min(8, trials),
        mode=budget.mode,
    )


def _successive_halving(searcher: Searcher, budget: Budget) -> Scheduler:
    """One bracket over Hyperband's configurations, with the rungs of its largest bracket."""
    rounds = len(hyperband_brackets(budget.max_epochs, budget.eta)[0])
    trials = hyperband_trials(budget.max_epochs, budget.eta)
    return successive_halving(
        searcher, trials, budget.max_epochs, budget.eta, rounds=rounds, mode=budget.mode
    )


def _asha(searcher: Searcher, budget: Budget) -> Scheduler:
    """Promotion, over Hyperband's configurations, from the first rung of its largest bracket."""
    first = hyperband_brackets(budget.max_epochs, budget.eta)[0][0]
    return asha(
        searcher,
        hyperband_trials(budget.max_epochs, budget.eta),
        budget.max_epochs,
        budget.eta,
        min_epochs=first.epoch,
        mode=budget.mode,
    )


def _hyperband(searcher: Searcher, budget: Budget) -> Scheduler:
    """Brackets one after another."""
    return hyperband(searcher, budget.max_epochs, budget.eta, mode=budget.mode)


def _hyperband_parallel(searcher: Searcher, budget: Budget) -> Scheduler:
    """All brackets side by side: the same trials, epochs and result, in less time."""
    brackets = len(hyperband_brackets(budget.max_epochs, budget.eta))
    return hyperband(
        searcher, budget.max_epochs, budget.eta, mode=budget.mode, concurrent_brackets=brackets
    )


def _fast_hyperband(searcher: Searcher, budget: Budget) -> Scheduler:
    """With 20 curves at a rung in place of the published 100, which no rung here would reach."""
    return fast_hyperband(searcher, budget.max_epochs, budget.eta, min_curves=20, mode=budget.mode)


def _swift(searcher: Searcher, budget: Budget) -> Scheduler:
    """As published, with nu-SVR."""
    return swift_hyperband(searcher, budget.max_epochs, budget.eta, mode=budget.mode)


def _swift_qsvr(searcher: Searcher, budget: Budget) -> Scheduler:
    """As published, with QSVR by simulated annealing at the published settings."""
    return swift_hyperband(
        searcher,
        budget.max_epochs,
        budget.eta,
        predictor=predictors.qsvr(published=True),
        mode=budget.mode,
    )


def _swift_improved(searcher: Searcher, budget: Budget) -> Scheduler:
    """Stops of bounded risk, one setting for every table."""
    return swift_improved(searcher, budget.max_epochs, budget.eta, mode=budget.mode)


def _swift_async(searcher: Searcher, budget: Budget) -> Scheduler:
    """The same stops, without barriers."""
    return asynchronous_swift(searcher, budget.max_epochs, budget.eta, mode=budget.mode)


def _swift_careful(searcher: Searcher, budget: Budget) -> Scheduler:
    """As the improved rule, and trials that jump are foreseen with less certainty."""
    risk = Risk(jumps=1.5)
    return swift_improved(searcher, budget.max_epochs, budget.eta, risk=risk, mode=budget.mode)


def _swift_in_context(searcher: Searcher, budget: Budget) -> Scheduler:
    """As the improved rule, with a network's forecasts."""
    risk = Risk(forecast="in_context")
    return swift_improved(searcher, budget.max_epochs, budget.eta, risk=risk, mode=budget.mode)


def _swift_frugal(searcher: Searcher, budget: Budget) -> Scheduler:
    """Without barriers, but trials wait where nobody can tell what they are worth."""
    return asynchronous_swift(
        searcher, budget.max_epochs, budget.eta, frugal=True, mode=budget.mode
    )


def _adaptive(searcher: Searcher, budget: Budget) -> Scheduler:
    """Hyperband's trials, each as long as what it promises is worth its epochs."""
    return adaptive(searcher, budget.max_epochs, budget.eta, mode=budget.mode)


def _adaptive_ratios(searcher: Searcher, budget: Budget) -> Scheduler:
    """The same, but losses are foreseen and gains counted as ratios."""
    price = Price(ratios=True)
    return adaptive(searcher, budget.max_epochs, budget.eta, price=price, mode=budget.mode)


def _adaptive_async(searcher: Searcher, budget: Budget) -> Scheduler:
    """The same, without barriers."""
    return asynchronous_adaptive(searcher, budget.max_epochs, budget.eta, mode=budget.mode)


METHODS: Mapping[str, Callable[[Searcher, Budget], Scheduler]] = {
    "random": _random,
    "top_n": _top_n,
    "successive_halving": _successive_halving,
    "asha": _asha,
    "hyperband": _hyperband,
    "hyperband_parallel": _hyperband_parallel,
    "fast_hyperband": _fast_hyperband,
    "swift": _swift,
    "swift_qsvr": _swift_qsvr,
    "swift_improved": _swift_improved,
    "swift_async": _swift_async,
    "swift_careful": _swift_careful,
    "swift_in_context": _swift_in_context,
    "swift_frugal": _swift_frugal,
    "adaptive": _adaptive,
    "adaptive_ratios": _adaptive_ratios,
    "adaptive_async": _adaptive_async,
}
"""Each makes a scheduler of a searcher and a budget; it raises ValueError where R and eta make
no schedule."""

SCHEDULERS: Mapping[str, str] = {
    "full_training": "random",
    "swift_hyperband": "swift",
    "asynchronous_swift": "swift_async",
    "asynchronous_adaptive": "adaptive_async",
}
"""Methods by the names of schedulers elsewhere, where those are others."""


def methods_called(names: Iterable[str]) -> list[str]:
    """The methods of these names, in their order, each once; a scheduler's name is its method's,
    and what is neither stays what it is."""
    return list(dict.fromkeys(SCHEDULERS.get(name, name) for name in names))
