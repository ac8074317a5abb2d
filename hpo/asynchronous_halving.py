"""ASHA, asynchronous successive halving: no barriers (Li et al., MLSys 2020, arXiv:1810.05934).

Two variants. `promotion` is the paper's: a free worker takes the best trial of the highest rung
that stands among the first 1/eta of those that have come there and was not promoted yet; where
there is none it begins a new trial. Trials pause at a rung and resume from their checkpoint, maybe
much later. `stopping` is what most tools run: a trial that comes to a rung among the first 1/eta
so far goes on at once, any other ends there for good.
"""

from typing import NamedTuple

from hpo.brackets import asha_rungs
from hpo.halving import searcher_of
from hpo.ordered import Ordered, Result
from hpo.proposals import searched
from hpo.rounds import checked_seed, sign_of
from hpo.searchers import Searcher
from hpo.space import Space
from hpo.state import (
    COMPLETED,
    NOT_PROMOTED,
    PAUSED,
    RUNNING,
    WAITING,
    Prediction,
    TrialState,
    best_trial,
)
from hpo.trials import extended, told
from hpo.types import Action, Event, Finished, Job, Predicted, Proposed, Reported, Scheduler, Wait
from hpo.vector import Vector


class Rung(NamedTuple):
    """Results at `epoch`: how many came, and those of the trials that still wait there.

    `promoted` are the results of those that went on.
    """

    epoch: int
    arrived: int
    waiting: Ordered
    promoted: Ordered


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
        rungs = tuple(Rung(epoch, 0, Ordered(), Ordered()) for epoch in epochs)
        return AshaState(checked_seed(seed), sign, Vector(), rungs, (), 0, ())

    def ask(state: AshaState) -> tuple[AshaState, Action]:
        if state.ready:
            return start(state._replace(ready=state.ready[1:]), state.trials[state.ready[0]])
        level = promotable(state)
        if level is not None:
            state, trial = promote(state, level)
            return start(state, trial)
        if len(state.trials) < trials:
            number = len(state.trials)
            configuration = searcher.propose(state.seed, number)
            trial = TrialState(number, 0, configuration, (), WAITING, epochs[0], None)
            return start(state, trial)
        return state, (Wait() if state.running else Finished(best_trial(state)))

    def start(state: AshaState, trial: TrialState) -> tuple[AshaState, Job]:
        job = Job(trial.number, trial.configuration, len(trial.curve), trial.goal)
        changed = state.trials.put(trial.number, trial._replace(status=RUNNING))
        return state._replace(trials=changed, running=state.running + 1), job

    def promotable(state: AshaState) -> int | None:
        """The highest rung whose best waiting trial is among the first 1/eta that came there."""
        for level in () if stopping else range(len(epochs) - 2, -1, -1):
            rung = state.rungs[level]
            best = rung.waiting.first()
            # Those better than it have all been promoted.
            if best is not None and rung.promoted.rank(best) < rung.arrived // eta:
                return level
        return None

    def promote(state: AshaState, level: int) -> tuple[AshaState, TrialState]:
        rung = state.rungs[level]
        best = rung.waiting.first()
        moved = rung._replace(
            waiting=rung.waiting.remove(best), promoted=rung.promoted.insert(best)
        )
        trial = state.trials[best.trial]._replace(goal=epochs[level + 1])
        return _with_rung(state, level, moved), trial

    def tell(state: AshaState, event: Event) -> AshaState:
        if isinstance(event, Predicted):
            raise ValueError(f"{event}: nobody asked for that prediction")
        trial = told(state.trials, event, metric)
        changed = state._replace(trials=state.trials.put(trial.number, trial))
        if isinstance(event, Reported | Proposed):
            return changed
        changed = changed._replace(running=state.running - 1)
        if trial.status == WAITING:
            return changed._replace(ready=(*changed.ready, trial.number))
        return arrive(changed, trial) if trial.status == PAUSED else changed

    def arrive(state: AshaState, trial: TrialState) -> AshaState:
        level = epochs.index(trial.goal)
        result = Result(sign * trial.curve[-1], trial.number)
        rung = state.rungs[level]
        rung = rung._replace(arrived=rung.arrived + 1)
        if level + 1 == len(epochs):
            return _ended(_with_rung(state, level, rung), trial, COMPLETED)
        waiting = rung.waiting.insert(result)
        state = _with_rung(state, level, rung._replace(waiting=waiting))
        if not stopping:
            return state
        # The waiting of this variant are all that ever came: the first one always goes on.
        if waiting.rank(result) < max(rung.arrived // eta, 1):
            trial = trial._replace(goal=epochs[level + 1], status=WAITING)
            ready = (*state.ready, trial.number)
            return state._replace(trials=state.trials.put(trial.number, trial), ready=ready)
        return _ended(state, trial, NOT_PROMOTED)

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


def _with_rung(state: AshaState, level: int, rung: Rung) -> AshaState:
    return state._replace(rungs=(*state.rungs[:level], rung, *state.rungs[level + 1 :]))


def _ended(state: AshaState, trial: TrialState, status: str) -> AshaState:
    return state._replace(trials=state.trials.put(trial.number, trial._replace(status=status)))


def _predicts_nothing(state: AshaState, request: object) -> Predicted:
    raise ValueError("this scheduler predicts nothing")
