"""ASHA, asynchronous successive halving: no barriers (Li et al., MLSys 2020, arXiv:1810.05934).

Two variants. `promotion` is the paper's: a free worker takes the best trial of the highest rung
that stands among the first 1/eta of those that have come there and was not promoted yet; where
there is none it begins a new trial. Trials pause at a rung and resume from their checkpoint, maybe
much later. `stopping` is what most tools run: a trial that comes to a rung among the first 1/eta
so far goes on at once, any other ends there for good.
"""

from typing import NamedTuple

from hpo.core.ordered import Ordered, Result
from hpo.core.proposals import searched
from hpo.core.state import (
    COMPLETED,
    NOT_PROMOTED,
    PAUSED,
    RUNNING,
    WAITING,
    Prediction,
    TrialState,
    best_trial,
)
from hpo.core.trials import extended, told
from hpo.core.types import (
    Action,
    Event,
    Finished,
    Job,
    Predicted,
    Proposed,
    Reported,
    Scheduler,
    Wait,
)
from hpo.core.vector import Vector
from hpo.schedulers.brackets import asha_rungs
from hpo.schedulers.halving import searcher_of
from hpo.schedulers.rounds import checked_seed, sign_of
from hpo.searchers.base import Searcher
from hpo.space import Space


class Rung(NamedTuple):
    """Results at `epoch`: how many came, and those of the trials that still wait there.

    `promoted` are the results of those that went on; `due` whether the best that waits is to go on.
    """

    epoch: int
    arrived: int
    waiting: Ordered
    promoted: Ordered
    due: bool


class AshaState(NamedTuple):
    """Everything a study knows. `ready` have a job to be asked; `running` counts jobs."""

    seed: int
    sign: int
    trials: Vector[TrialState]
    rungs: tuple[Rung, ...]
    ready: tuple[int, ...]
    running: int
    predictions: tuple[Prediction, ...]  # none: what every study's summary shows


def asha(
    space: Space | Searcher,
    trials: int,
    max_epochs: int,
    eta: int = 3,
    *,
    min_epochs: int = 1,
    variant: str = "promotion",
    metric: str = "loss",
    mode: str = "minimise",
) -> Scheduler:
    """ASHA over `trials` configurations, with rungs at min_epochs * eta^k up to max_epochs.

    Raises ValueError on bad settings, and from `tell` on an event that the state has not asked for.
    """
    epochs = asha_rungs(min_epochs, max_epochs, eta)
    if trials < 1:
        raise ValueError(f"at least one trial is needed, not {trials}")
    if variant not in ("promotion", "stopping"):
        raise ValueError(f'variant must be "promotion" or "stopping", not {variant!r}')
    searcher, sign, stopping = searcher_of(space), sign_of(mode), variant == "stopping"

    def init(seed: int) -> AshaState:
        rungs = tuple(Rung(epoch, 0, Ordered(), Ordered(), False) for epoch in epochs)
        return AshaState(checked_seed(seed), sign, Vector(), rungs, (), 0, ())

    def ask(state: AshaState) -> tuple[AshaState, Action]:
        if state.ready:
            trial = state.trials[state.ready[0]]._replace(status=RUNNING)
            return start(state._replace(ready=state.ready[1:]), trial)
        for level in range(len(epochs) - 2, -1, -1):
            if state.rungs[level].due:
                return start(*promote(state, level))
        number = len(state.trials)
        if number < trials:
            configuration = searcher.propose(state.seed, number)
            return start(state, TrialState(number, 0, configuration, (), RUNNING, epochs[0], None))
        return state, (Wait() if state.running else Finished(best_trial(state)))

    def start(state: AshaState, trial: TrialState) -> tuple[AshaState, Job]:
        job = Job(trial.number, trial.configuration, len(trial.curve), trial.goal)
        changed = state.trials.put(trial.number, trial)
        return state._replace(trials=changed, running=state.running + 1), job

    def rung_of(epoch: int, arrived: int, waiting: Ordered, promoted: Ordered) -> Rung:
        """With what follows: those better than the best that waits have all been promoted, so it
        goes on where it is among the first 1/eta that came."""
        best = None if stopping or epoch == epochs[-1] else waiting.first()
        due = best is not None and promoted.rank(best) < arrived // eta
        return Rung(epoch, arrived, waiting, promoted, due)

    def promote(state: AshaState, level: int) -> tuple[AshaState, TrialState]:
        epoch, arrived, waiting, promoted, _ = state.rungs[level]
        best = waiting.first()
        moved = rung_of(epoch, arrived, waiting.remove(best), promoted.insert(best))
        trial = state.trials[best.trial]._replace(goal=epochs[level + 1], status=RUNNING)
        return state._replace(rungs=_with(state.rungs, level, moved)), trial

    def tell(state: AshaState, event: Event) -> AshaState:
        if isinstance(event, Predicted):
            raise ValueError(f"{event}: nobody asked for that prediction")
        trial = told(state.trials, event, metric)
        if isinstance(event, Reported | Proposed):
            return state._replace(trials=state.trials.put(trial.number, trial))
        rungs = state.rungs
        if trial.status == PAUSED:
            level = epochs.index(trial.goal)
            rung, trial = arrive(rungs[level], trial, level)
            rungs = _with(rungs, level, rung)
        return state._replace(
            trials=state.trials.put(trial.number, trial),
            rungs=rungs,
            ready=(*state.ready, trial.number) if trial.status == WAITING else state.ready,
            running=state.running - 1,
        )

    def arrive(rung: Rung, trial: TrialState, level: int) -> tuple[Rung, TrialState]:
        """A rung with one more result, and what becomes of its trial."""
        epoch, arrived, waiting, promoted, _ = rung
        if epoch == epochs[-1]:
            return rung._replace(arrived=arrived + 1), trial._replace(status=COMPLETED)
        result = Result(sign * trial.curve[-1], trial.number)
        rung = rung_of(epoch, arrived + 1, waiting.insert(result), promoted)
        if not stopping:
            return rung, trial
        # The waiting of this variant are all that ever came: the first one always goes on.
        if rung.waiting.rank(result) < max(rung.arrived // eta, 1):
            return rung, trial._replace(goal=epochs[level + 1], status=WAITING)
        return rung, trial._replace(status=NOT_PROMOTED)

    def extend(state: AshaState, reports: list[Reported]) -> AshaState:
        return extended(state, reports, metric)

    settings = {
        "scheduler": "asha",
        "variant": variant,
        "metric": metric,
        "mode": mode,
        "trials": trials,
        "rungs": list(epochs),
        "eta": eta,
        **searcher.settings,
    }
    scheduler = Scheduler(init, ask, tell, _predicts_nothing, settings, metric, extend)
    return searched(scheduler, searcher)


def _with(rungs: tuple[Rung, ...], level: int, rung: Rung) -> tuple[Rung, ...]:
    return (*rungs[:level], rung, *rungs[level + 1 :])


def _predicts_nothing(state: AshaState, request: object) -> Predicted:
    raise ValueError("this scheduler predicts nothing")
