"""The schedulers that `compare_hpo` knows, by name, with the settings they are compared at."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

BASELINE = "hyperband"


@dataclass(frozen=True)
class Budget:
    """What all methods share: R, eta, and whether the metric is minimised."""

    max_epochs: int
    eta: int
    mode: str


def random(hpo: Any, searcher: Any, budget: Budget) -> Any:
    """Full trainings, as many as Hyperband's epochs pay for."""
    epochs = hpo.hyperband_epochs(budget.max_epochs, budget.eta)
    return hpo.full_training(
        searcher, max(epochs // budget.max_epochs, 1), budget.max_epochs, mode=budget.mode
    )


def top_n(hpo: Any, searcher: Any, budget: Budget) -> Any:
    """Hyperband's configurations for a sixteenth of the epochs, the best eight to the end."""
    trials = hpo.hyperband_trials(budget.max_epochs, budget.eta)
    return hpo.top_n(
        searcher,
        trials,
        budget.max_epochs,
        epochs=max(budget.max_epochs // 16, 1),
        places=min(8, trials),
        mode=budget.mode,
    )


def successive_halving(hpo: Any, searcher: Any, budget: Budget) -> Any:
    """One bracket over Hyperband's configurations, with the rungs of its largest bracket."""
    rounds = len(hpo.hyperband_brackets(budget.max_epochs, budget.eta)[0])
    trials = hpo.hyperband_trials(budget.max_epochs, budget.eta)
    return hpo.successive_halving(
        searcher, trials, budget.max_epochs, budget.eta, rounds=rounds, mode=budget.mode
    )


def asha(hpo: Any, searcher: Any, budget: Budget) -> Any:
    """Promotion, over Hyperband's configurations, from the first rung of its largest bracket."""
    first = hpo.hyperband_brackets(budget.max_epochs, budget.eta)[0][0]
    return hpo.asha(
        searcher,
        hpo.hyperband_trials(budget.max_epochs, budget.eta),
        budget.max_epochs,
        budget.eta,
        min_epochs=first.epoch,
        mode=budget.mode,
    )


def hyperband(hpo: Any, searcher: Any, budget: Budget) -> Any:
    """Brackets one after another."""
    return hpo.hyperband(searcher, budget.max_epochs, budget.eta, mode=budget.mode)


def hyperband_parallel(hpo: Any, searcher: Any, budget: Budget) -> Any:
    """All brackets side by side: the same trials, epochs and result, in less time."""
    brackets = len(hpo.hyperband_brackets(budget.max_epochs, budget.eta))
    return hpo.hyperband(
        searcher, budget.max_epochs, budget.eta, mode=budget.mode, concurrent_brackets=brackets
    )


def fast_hyperband(hpo: Any, searcher: Any, budget: Budget) -> Any:
    """With 20 curves at a rung in place of the published 100, which no rung here would reach."""
    return hpo.fast_hyperband(
        searcher, budget.max_epochs, budget.eta, min_curves=20, mode=budget.mode
    )


def swift(hpo: Any, searcher: Any, budget: Budget) -> Any:
    """As published, with nu-SVR."""
    return hpo.swift_hyperband(searcher, budget.max_epochs, budget.eta, mode=budget.mode)


def swift_qsvr(hpo: Any, searcher: Any, budget: Budget) -> Any:
    """As published, with QSVR by simulated annealing at the published settings."""
    from hpo.forecasting import predictors

    return hpo.swift_hyperband(
        searcher,
        budget.max_epochs,
        budget.eta,
        predictor=predictors.qsvr(published=True),
        mode=budget.mode,
    )


def swift_improved(hpo: Any, searcher: Any, budget: Budget) -> Any:
    """Stops of bounded risk, one setting for every table."""
    return hpo.swift_improved(searcher, budget.max_epochs, budget.eta, mode=budget.mode)


def swift_async(hpo: Any, searcher: Any, budget: Budget) -> Any:
    """The same stops, without barriers."""
    return hpo.asynchronous_swift(searcher, budget.max_epochs, budget.eta, mode=budget.mode)


def adaptive(hpo: Any, searcher: Any, budget: Budget) -> Any:
    """Hyperband's trials, each as long as what it promises is worth its epochs."""
    return hpo.adaptive(searcher, budget.max_epochs, budget.eta, mode=budget.mode)


METHODS: Mapping[str, Callable[[Any, Any, Budget], Any]] = {
    make.__name__: make
    for make in (
        random,
        top_n,
        successive_halving,
        asha,
        hyperband,
        hyperband_parallel,
        fast_hyperband,
        swift,
        swift_qsvr,
        swift_improved,
        swift_async,
        adaptive,
    )
}


def make(name: str, table: Any, budget: Budget) -> Any:
    """The scheduler of that name over the table's rows."""
    import hpo

    return METHODS[name](hpo, table.searcher(), budget)
