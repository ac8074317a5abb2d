"""`hpo.tune`: any training, tuned in ten lines."""

import operator
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hpo.core.searcher import Searcher
from hpo.core.types import Scheduler
from hpo.front import reaching, rules
from hpo.front.gate import EXECUTORS, Workshop
from hpo.front.objective import Terms, name_of
from hpo.front.spaces import space_of
from hpo.front.study import Setting, Study
from hpo.front.watching import Callback, say, silent
from hpo.space import Space


def tune(
    objective: Callable[..., Any] | str,
    space: Space | Mapping[str, Any],
    *,
    max_epochs: int,
    scheduler: str | Callable[..., Scheduler] | Scheduler = "swift_improved",
    metric: str | Mapping[str, float] = "loss",
    mode: str = "min",
    workers: int = 1,
    folder: str | Path | None = None,
    seed: int = 0,
    searcher: str | Callable[[Space], Searcher] = "random",
    eta: int | None = None,
    trials: int | None = None,
    epochs: int | None = None,
    seconds: float | None = None,
    timeout: float | None = None,
    enqueue: Sequence[Mapping[str, Any]] = (),
    retries: int = 0,
    resumable: bool = True,
    callbacks: Sequence[Callback] = (),
    executor: str | None = None,
    executor_options: Mapping[str, Any] | None = None,
    verbose: bool = True,
) -> Study:
    """Search the hyperparameters of a training, and return the study.

    objective    called with a `hpo.Trial`: a generator that yields the metrics of each of
                 `trial.epochs`, or a function that calls `trial.report(loss=...)` in a loop of its
                 own and returns when that says False; or the name of one, "module:function".
                 It goes on from `trial.load()`, and keeps its state by `trial.save(state)`
    space        parameters by name: `hpo.LogFloat(1e-5, 1e-1)` ..., or Optuna's distributions
    max_epochs   to which the best trials are trained
    scheduler    a name ("swift_improved", "adaptive", "asynchronous_swift",
                 "asynchronous_adaptive", "swift_hyperband", "fast_hyperband", "hyperband",
                 "successive_halving", "asha", "top_n", "random"); a function of (searcher,
                 max_epochs, metric=, mode=), as `functools.partial(hpo.hyperband, eta=4)`; or a
                 scheduler
    metric       what is optimised of the metrics that are reported, all of which are kept; or
                 weights of several, {"loss": 0.5, "size": 0.5}
    workers      trials that run at once. One runs in this process, unless its epochs have a time
    folder       where everything is kept. A study that is started again there goes on where it was
                 cut off, and returns at once where it was finished. None: nothing is kept
    searcher     "random", "quasi_random", "bayesian", "bohb", or a function of the space
    eta          of schedulers that halve: of eta trials one goes on; their own unless given
    trials       at most. Schedulers of brackets leave out those beyond
    epochs       in all, after which the study ends; `study.extend()` goes on with it
    seconds      the same for the time of this call; it is looked at when an epoch is reported
    timeout      s that an epoch of a trial may take; who takes longer fails
    enqueue      configurations to try first; what one leaves out is searched
    retries      how often a failed job is tried again, from its last epoch
    resumable    False for an objective that cannot save its state: its runner waits in its worker
                 while its trial pauses, or begins anew, and what it repeats is counted
    callbacks    each called with every `Report`; one that raises `hpo.StopStudy` ends the study
    executor     "inline" (this process), "processes" or "ray" (`executor_options`:
                 address, resources)
    verbose      whether to say on the screen what is best and what fails

    A trial that fails is recorded, and the study goes on. Raises ValueError or TypeError, before
    anything is written, on what cannot be, and SettingsChanged where the folder holds a study with
    other settings.
    """
    space, mode, metric = space_of(space), rules.mode_of(mode), _metric(metric)
    max_epochs, workers, seed = _whole(max_epochs=max_epochs, workers=workers, seed=seed)
    if callable(callbacks):
        raise TypeError(f"callbacks is {callbacks!r:.200}: give a list of functions")
    if folder is not None and Path(folder).is_file():
        raise ValueError(f"folder {folder} is a file: name a folder, or one that is to be made")
    _check_numbers(trials=trials, epochs=epochs, seconds=seconds, timeout=timeout)
    terms = Terms(metric, max_epochs, resumable, timeout)
    for name in {terms.name, *([] if isinstance(metric, str) else metric)} & {*space.parameters}:
        raise ValueError(f"{name!r} is a hyperparameter and the metric: rename one of them")
    reaching.found(objective)
    executor = _executor(executor, objective, workers, timeout)
    goal = {"metric": terms.name, "mode": mode}

    def make(searcher: Searcher, count: int | None, last: int) -> Scheduler:
        return rules.scheduler_of(scheduler, searcher, rules.Budget(last, count, eta), goal)

    if isinstance(scheduler, Scheduler):
        _check_ready(scheduler, space, enqueue)
    setting = Setting(
        space=space,
        searcher=rules.searcher_of(searcher, space),
        make=make,
        counted=rules.takes_trials(scheduler),
        mode=mode,
        terms=terms,
        workshop=Workshop(objective, executor, workers, retries, executor_options or {}),
        seed=seed,
        callbacks=tuple(callbacks),
        tell=say if verbose else silent,
    )
    study = Study(setting, None if folder is None else Path(folder))
    return study.begin(trials, enqueue, epochs, seconds)


def _metric(metric: str | Mapping[str, float]) -> str | dict[str, float]:
    if isinstance(metric, str):
        return metric
    if not isinstance(metric, Mapping) or not metric:
        raise ValueError(f"metric is {metric!r}: give a name, or weights by name")
    weights = {name: float(weight) for name, weight in metric.items()}
    if name_of(weights) in weights:
        raise ValueError(f"{name_of(weights)!r} is the weighted sum and one of its metrics")
    return weights


def _whole(**numbers: int) -> list[int]:
    for name, value in numbers.items():
        if not hasattr(value, "__index__"):
            raise TypeError(f"{name} must be a whole number, not {value!r:.200}")
    return list(map(operator.index, numbers.values()))


def _check_numbers(**limits: float | None) -> None:
    for name, value in limits.items():
        if value is not None and not value > 0:
            raise ValueError(f"{name} must be above 0, or None for no limit; got {value!r}")


def _executor(
    name: str | None, objective: Callable[..., Any] | str, workers: int, timeout: float | None
) -> str:
    """Where trials run unless it is said: one worker without a time for its epochs in this process.
    Only a process of its own can be ended, but what cannot reach one has a thread here."""
    if name is not None and name not in EXECUTORS:
        raise ValueError(f"executor {name!r} is none of {', '.join(EXECUTORS)}")
    if workers < 1:
        raise ValueError(f"at least one worker is needed, not {workers}")
    if name == "inline" or (name is None and workers == 1 and timeout is None):
        return "inline"
    try:
        reaching.packed(objective)
    except ValueError:
        if name is None and workers == 1:
            return "inline"
        raise
    return name or "processes"


def _check_ready(scheduler: Scheduler, space: Space, enqueue: Sequence[Mapping[str, Any]]) -> None:
    """A scheduler that has its searcher already proposes by that."""
    has = scheduler.settings.get("space", space.settings)
    if has != space.settings or enqueue:
        raise ValueError(
            "the scheduler was made with "
            + ("another space" if has != space.settings else "a searcher that knows no enqueue")
            + ": give hpo.tune its name, or a function of (searcher, max_epochs, metric=, mode=)"
        )
