"""ASHA, asynchronous successive halving: no barriers (Li et al., MLSys 2020, arXiv:1810.05934).

Two variants. `promotion` is the paper's: a free worker takes the best trial of the highest rung
that stands among the first 1/eta of those that have come there and was not promoted yet; where
there is none it begins a new trial. Trials pause at a rung and resume from their checkpoint, maybe
much later. `stopping` is what most tools run: a trial that comes to a rung among the first 1/eta
so far goes on at once, any other is out: at once where somebody has come to the last epoch, until
then it waits (see 2).

The paper's rule has no end: with few trials, or where many fail, a rung can hold too few for
anybody to be promoted, and nobody is trained to the last epoch. So when all have begun, nobody
trains and nobody is to be promoted,

1. failed trials count as if they had come to the rung that they were sent to, as its worst;
   promotions go on by that count;
2. where still nobody has come to the last epoch, the best that waits at the highest rung is sent
   there (in both variants; after its failure the next);
3. and then who still waits was not promoted.

Until then failed trials count nowhere, as in the paper.
"""

from typing import NamedTuple

from hpo.core.ordered import Ordered, Result
from hpo.core.searcher import Searcher
from hpo.core.state import (
    COMPLETED,
    FAILED,
    NOT_PROMOTED,
    PAUSED,
    RUNNING,
    WAITING,
    Prediction,
    TrialState,
    best_trial,
    dismissed,
    job_of,
    undecided,
    underway,
    with_trial,
)
from hpo.core.streams import checked_seed
from hpo.core.trials import told
from hpo.core.types import (
    MID_JOB,
    Action,
    Event,
    Finished,
    Job,
    Predicted,
    Scheduler,
    Wait,
)
from hpo.core.vector import Vector
from hpo.schedulers.brackets import asha_rungs
from hpo.schedulers.common import assembled, predicts_nothing, searcher_of, sign_of
from hpo.schedulers.questions import unasked
from hpo.space import Space


class Rung(NamedTuple):
    """Results at `epoch`: how many came, and those of the trials that still wait there.

    `failed` were sent there and did not come. `promoted` are the results of those that went on;
    `due` whether the best that waits is to go on.
    """

    epoch: int
    arrived: int
    failed: int
    waiting: Ordered
    promoted: Ordered
    due: bool


class AshaState(NamedTuple):
    """Everything a study knows.

    `ready` have a job to be asked; `running` counts jobs. `closing`: failed trials count too.
    """

    seed: int
    sign: int
    trials: Vector[TrialState]
    rungs: tuple[Rung, ...]
    ready: tuple[int, ...]
    running: int
    closing: bool
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

    The study ends with the best trained to `max_epochs`, unless every trial failed. Raises
    ValueError on bad settings, and from `tell` on an event that the state has not asked for.
    """
    epochs = asha_rungs(min_epochs, max_epochs, eta)
    if trials < 1:
        raise ValueError(f"at least one trial is needed, not {trials}")
    if variant not in ("promotion", "stopping"):
        raise ValueError(f'variant must be "promotion" or "stopping", not {variant!r}')
    searcher, sign, stopping = searcher_of(space), sign_of(mode), variant == "stopping"

    def init(seed: int) -> AshaState:
        rungs = tuple(Rung(epoch, 0, 0, Ordered(), Ordered(), False) for epoch in epochs)
        return AshaState(checked_seed(seed), sign, Vector(), rungs, (), 0, False, ())

    def ask(state: AshaState) -> tuple[AshaState, Action]:
        if state.ready:
            trial = state.trials[state.ready[0]]
            return start(state._replace(ready=state.ready[1:]), trial)
        for level in range(len(epochs) - 2, -1, -1):
            if state.rungs[level].due:
                return start(*promote(state, level))
        number = len(state.trials)
        if number < trials:
            configuration = searcher.propose(state.seed, number)
            new = TrialState(number, 0, configuration, Vector(), WAITING, epochs[0], None)
            return start(state, new)
        return state, (Wait() if state.running else Finished(best_trial(state)))

    def start(state: AshaState, trial: TrialState) -> tuple[AshaState, Job]:
        trials = state.trials.put(trial.number, trial._replace(status=RUNNING))
        return state._replace(trials=trials, running=state.running + 1), job_of(trial)

    def rung_of(
        epoch: int, arrived: int, failed: int, waiting: Ordered, promoted: Ordered, closing: bool
    ) -> Rung:
        """With what follows: those better than the best that waits have all been promoted, so it
        goes on where it is among the first 1/eta that came."""
        best = None if stopping or epoch == epochs[-1] else waiting.first()
        came = arrived + failed if closing else arrived
        due = best is not None and promoted.rank(best) < came // eta
        return Rung(epoch, arrived, failed, waiting, promoted, due)

    def promote(state: AshaState, level: int) -> tuple[AshaState, TrialState]:
        epoch, arrived, failed, waiting, promoted, _ = state.rungs[level]
        best = waiting.first()
        assert best is not None, f"nobody waits at epoch {epoch} to be promoted"
        waiting, promoted = waiting.remove(best), promoted.insert(best)
        moved = rung_of(epoch, arrived, failed, waiting, promoted, state.closing)
        trial = state.trials[best.trial]._replace(goal=epochs[level + 1])
        return state._replace(rungs=_with(state.rungs, level, moved)), trial

    def tell(state: AshaState, event: Event) -> AshaState:
        if isinstance(event, Predicted):
            raise unasked(event)
        trial = told(state.trials, event, metric)
        if isinstance(event, MID_JOB):
            return state._replace(trials=state.trials.put(trial.number, trial))
        rungs = state.rungs
        if trial.status != WAITING:
            level = epochs.index(trial.goal)
            rung, trial = ended(rungs[level], trial, level, state.closing)
            rungs = _with(rungs, level, rung)
        state = state._replace(
            trials=state.trials.put(trial.number, trial),
            rungs=rungs,
            ready=(*state.ready, trial.number) if trial.status == WAITING else state.ready,
            running=state.running - 1,
        )
        return settled(without_the_stopped(state, trial) if stopping else state)

    def ended(rung: Rung, trial: TrialState, level: int, closing: bool) -> tuple[Rung, TrialState]:
        """The rung after a job that was to come there, and what becomes of its trial."""
        epoch, arrived, failed, waiting, promoted, _ = rung
        if trial.status == FAILED:
            return rung_of(epoch, arrived, failed + 1, waiting, promoted, closing), trial
        if epoch == epochs[-1]:
            return rung._replace(arrived=arrived + 1), trial._replace(status=COMPLETED)
        result = Result(sign * trial.curve[-1], trial.number)
        rung = rung_of(epoch, arrived + 1, failed, waiting.insert(result), promoted, closing)
        # The waiting of the other variant are all that ever came: the first one always goes on.
        if stopping and rung.waiting.rank(result) < max(rung.arrived // eta, 1):
            trial = trial._replace(goal=epochs[level + 1], status=WAITING)
        return rung, trial

    def without_the_stopped(state: AshaState, trial: TrialState) -> AshaState:
        """The state after a job of the trial: once somebody has come to the last epoch, nobody
        that waits is sent on, neither those so far nor those to come."""
        arrived = state.rungs[-1].arrived
        if arrived == 1 and trial.status == COMPLETED:
            return dismissed(state)
        if arrived and trial.status == PAUSED:
            return with_trial(state, trial._replace(status=NOT_PROMOTED))
        return state

    def settled(state: AshaState) -> AshaState:
        """The state after a job; where nothing is left to do, the study is brought to its end."""
        if busy(state):
            return state
        if not state.closing:
            rungs = tuple(rung_of(*rung[:-1], closing=True) for rung in state.rungs)
            state = state._replace(closing=True, rungs=rungs)
            if busy(state):
                return state
        left = [t for t in state.trials if t.status == PAUSED]
        if state.rungs[-1].arrived or not left:
            return dismissed(state)
        best = min(left, key=lambda t: (-len(t.curve), sign * t.curve[-1], t.number))
        state = with_trial(state, best._replace(goal=max_epochs, status=WAITING))
        return state._replace(ready=(best.number,))

    def busy(state: AshaState) -> bool:
        more = state.ready or state.running or len(state.trials) < trials
        return bool(more) or any(rung.due for rung in state.rungs)

    def open_trials(state: AshaState) -> frozenset[int]:
        """Until somebody has come to the last epoch, all that pause, for each may be sent there
        (2). Then those alone that stand among the first 1/eta of all that can ever come."""
        if stopping or not state.rungs[-1].arrived:
            return undecided(state)
        found = underway(state)
        goals = [state.trials[n].goal for n in found]
        coming = trials - len(state.trials)  # and those that are on the way to the rung
        for rung in state.rungs[:-1]:
            coming += goals.count(rung.epoch)
            places = (rung.arrived + rung.failed + coming) // eta
            able = {
                result.trial
                for better, result in enumerate(rung.waiting.all())
                if better + rung.promoted.rank(result) < places
                and state.trials[result.trial].status == PAUSED
            }
            found, coming = found | able, coming + len(able)
        return found

    settings = {
        "scheduler": "asha",
        "variant": variant,
        "trials": trials,
        "rungs": list(epochs),
        "eta": eta,
    }
    return assembled(
        init, ask, tell, predicts_nothing, open_trials,
        settings=settings, searcher=searcher, metric=metric, mode=mode,
    )  # fmt: skip


def _with(rungs: tuple[Rung, ...], level: int, rung: Rung) -> tuple[Rung, ...]:
    return (*rungs[:level], rung, *rungs[level + 1 :])
