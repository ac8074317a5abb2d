"""Asynchronous Swift-Hyperband: no barrier ever idles a worker.

The brackets, rounds and places are Hyperband's, the stops those of `hpo.improved`; but every trial
is judged when it comes to its own decision point, by what is known then. A worker first takes who
was sent on for certain, then begins the next configuration, of whatever bracket. Only where there
is neither, it promotes a trial before its round is over: the best that stands among the first
(places / trials) of those that have come to the rung, as in ASHA. When the last has come, whoever
is among the best of the round and was not promoted goes on too. So whom Hyperband would promote
is promoted here, and idle workers cost epochs, not time.
"""

import math
from dataclasses import asdict
from typing import NamedTuple

import numpy as np

from hpo.brackets import Bracket, Round, hyperband_brackets
from hpo.chances import chance_below, chance_of_place
from hpo.halving import searcher_of
from hpo.improved import Risk, answer_forecast, extrapolate, inflation, next_point
from hpo.ordered import Ordered, Result
from hpo.proposals import searched
from hpo.rounds import checked_seed, sign_of
from hpo.searchers import Searcher
from hpo.space import Space
from hpo.state import (
    COMPLETED,
    FAILED,
    NOT_PROMOTED,
    PAUSED,
    RUNNING,
    STOPPED,
    WAITING,
    Fit,
    Prediction,
    TrialState,
    best_trial,
    losses_at,
)
from hpo.swift import recorded
from hpo.trials import extended, told
from hpo.types import (
    Action,
    Event,
    Finished,
    Job,
    Predict,
    Predicted,
    Proposed,
    Reported,
    Scheduler,
    Wait,
)
from hpo.vector import Vector


class RoundState(NamedTuple):
    """`entered` trials were sent into the round; `left` of them came to its rung, with `results`,
    were stopped on the way or failed. `closed`: nobody will come any more."""

    entered: int
    left: int
    results: Ordered
    closed: bool


class AsyncState(NamedTuple):
    """Everything a study knows.

    rounds      of each bracket
    ready       trials with a job to be asked
    judged      trials at a decision point, the first of which waits for `answers` to `requests`
    running     jobs
    """

    seed: int
    sign: int
    trials: Vector[TrialState]
    rounds: tuple[tuple[RoundState, ...], ...]
    ready: tuple[int, ...]
    judged: tuple[int, ...]
    requests: tuple[Predict, ...]
    answers: tuple[Predicted, ...]
    running: int
    fits: tuple[Fit, ...]
    predictions: tuple[Prediction, ...]


def asynchronous_swift(
    space: Space | Searcher,
    max_epochs: int,
    eta: int = 2,
    *,
    risk: Risk | None = None,
    metric: str = "loss",
    mode: str = "minimise",
) -> Scheduler:
    """Swift-Hyperband without barriers; `risk` as for `swift_improved`."""
    risk, sign = risk or Risk(), sign_of(mode)
    brackets, searcher = hyperband_brackets(max_epochs, eta), searcher_of(space)
    homes = [b for b, rounds in enumerate(brackets) for _ in range(rounds[0].trials)]

    def init(seed: int) -> AsyncState:
        empty = RoundState(0, 0, Ordered(), False)
        rounds = tuple(tuple(empty for _ in bracket) for bracket in brackets)
        return AsyncState(checked_seed(seed), sign, Vector(), rounds, (), (), (), (), 0, (), ())

    def ask(state: AsyncState) -> tuple[AsyncState, Action]:
        if state.requests:
            return state, state.requests[len(state.answers)]
        if state.ready:
            return start(state._replace(ready=state.ready[1:]), state.trials[state.ready[0]])
        if len(state.trials) < len(homes):
            return begin(state)
        early = promotable(state)
        if early is not None:
            state = promote(state, *early)
            return start(state._replace(ready=state.ready[:-1]), state.trials[state.ready[-1]])
        return state, (Wait() if state.running else Finished(best_trial(state)))

    def begin(state: AsyncState) -> tuple[AsyncState, Job]:
        number = len(state.trials)
        bracket = homes[number]
        goal = next_point(risk, brackets[bracket][0], 0)
        configuration = searcher.propose(state.seed, number)
        trial = TrialState(number, bracket, configuration, (), WAITING, goal, None)
        return start(_counted(state, bracket, 0, entered=1), trial)

    def start(state: AsyncState, trial: TrialState) -> tuple[AsyncState, Job]:
        state = _with(state, trial._replace(status=RUNNING))
        job = Job(trial.number, trial.configuration, len(trial.curve), trial.goal)
        return state._replace(running=state.running + 1), job

    def promotable(state: AsyncState) -> tuple[int, int, int] | None:
        """Trial, bracket and round of who may go on early; the longest trained first."""
        found = []
        for bracket, rounds in enumerate(brackets):
            for i, round in enumerate(rounds[:-1]):
                now = state.rounds[bracket][i]
                quota = min(round.places * now.left // round.trials, round.places)
                waiting = _waiting(state, now, round.epoch, quota) if not now.closed else ()
                found += [(-round.epoch, bracket, i, number) for number in waiting[:1]]
        if not found:
            return None
        _, bracket, i, number = min(found)
        return number, bracket, i

    def promote(state: AsyncState, number: int, bracket: int, i: int) -> AsyncState:
        following = brackets[bracket][i + 1]
        goal = next_point(risk, following, following.start)
        trial = state.trials[number]._replace(status=WAITING, goal=goal)
        state = _counted(_with(state, trial), bracket, i + 1, entered=1)
        return state._replace(ready=(*state.ready, number))

    def tell(state: AsyncState, event: Event) -> AsyncState:
        if isinstance(event, Predicted):
            return answered(state, event)
        trial = told(state.trials, event, metric)
        state = _with(state, trial)
        if isinstance(event, Reported | Proposed):
            return state
        state = state._replace(running=state.running - 1)
        if trial.status == WAITING:
            return state._replace(ready=(trial.number, *state.ready))
        i = _round_of(brackets[trial.bracket], trial.goal)
        if trial.status == FAILED:
            return settle(_counted(state, trial.bracket, i, left=1), trial.bracket)
        if len(trial.curve) == brackets[trial.bracket][i].epoch:
            return arrive(state, trial, i)
        return judge(state._replace(judged=(*state.judged, trial.number)))

    def arrive(state: AsyncState, trial: TrialState, i: int) -> AsyncState:
        """The trial stands at a rung."""
        result = Result(sign * trial.curve[-1], trial.number)
        state = _counted(state, trial.bracket, i, left=1, result=result)
        if i + 1 == len(brackets[trial.bracket]):
            state = _with(state, trial._replace(status=COMPLETED))
        return settle(state, trial.bracket)

    def settle(state: AsyncState, bracket: int) -> AsyncState:
        """Close the rounds that are over, and send their best on."""
        rounds = brackets[bracket]
        for i, round in enumerate(rounds):
            now = state.rounds[bracket][i]
            full = state.rounds[bracket][i - 1].closed if i else now.entered == round.trials
            if now.closed or not full or now.left < now.entered:
                continue
            state = _counted(state, bracket, i, closed=True)
            if i + 1 < len(rounds):
                for number in _waiting(state, now, round.epoch, round.places):
                    state = promote(state, number, bracket, i)
                for number in _waiting(state, now, round.epoch, now.left):
                    state = _with(state, state.trials[number]._replace(status=NOT_PROMOTED))
        return state

    def judge(state: AsyncState) -> AsyncState:
        """Ask what must be known about the first trial at a decision point, if anything."""
        while state.judged and not state.requests:
            trial = state.trials[state.judged[0]]
            round = brackets[trial.bracket][_round_of(brackets[trial.bracket], trial.goal)]
            known = reached(state, round.epoch)
            if len(known) < risk.min_curves:
                state = go_on(state, trial, round)
                continue
            here, epoch = (trial.number,), len(trial.curve)
            asked = (Predict(round.epoch, epoch, known, here),)
            winners = reached(state, max_epochs)
            late = epoch >= risk.winner_from * max_epochs and round.epoch < max_epochs
            if late and len(winners) >= risk.min_winners:
                asked += (Predict(max_epochs, epoch, winners, here),)
            state = state._replace(requests=asked)
        return state

    def go_on(state: AsyncState, trial: TrialState, round: Round) -> AsyncState:
        goal = next_point(risk, round, len(trial.curve))
        state = _with(state, trial._replace(status=WAITING, goal=goal))
        return state._replace(ready=(*state.ready, trial.number), judged=state.judged[1:])

    def answered(state: AsyncState, event: Predicted) -> AsyncState:
        waiting = state.requests[len(state.answers) :][:1]
        if waiting != (event.request,) or not len(event.means) == len(event.spreads) == 1:
            raise ValueError(f"{event}: nobody asked for that prediction")
        state = state._replace(answers=(*state.answers, event))
        return state if len(state.answers) < len(state.requests) else decide(state)

    def decide(state: AsyncState) -> AsyncState:
        trial = state.trials[state.judged[0]]
        i = _round_of(brackets[trial.bracket], trial.goal)
        round, epoch = brackets[trial.bracket][i], len(trial.curve)
        wider = inflation(state.predictions, _settled(state), risk.patience)
        ahead = answer_forecast(sign, state.answers[0], wider)
        finished = [
            r.loss for chunk in state.rounds[trial.bracket][i].results.chunks for r in chunk
        ]
        chance, needed = chance_of_place(np.array(finished), *ahead, round.places)
        accepted = risk.last if round.epoch == max_epochs else risk.place
        stop = bool(chance[0] < accepted)
        thresholds = [sign * needed if math.isfinite(needed) else None]
        winners = reached(state, max_epochs)
        if len(winners) >= risk.min_winners and epoch >= risk.winner_from * max_epochs:
            incumbent = min(losses_at(state, winners, max_epochs))
            final = answer_forecast(sign, state.answers[-1], wider)
            stop |= bool(chance_below(*final, incumbent)[0] < risk.winner)
            thresholds.append(sign * incumbent)
        goals = {} if stop else {trial.number: epoch}
        for answer, threshold in zip(state.answers, thresholds, strict=False):
            state = recorded(state, answer, threshold, goals)
        state = state._replace(requests=(), answers=())
        if stop:
            state = _with(state, trial._replace(status=STOPPED))
            state = _counted(state, trial.bracket, i, left=1)
            state = settle(state._replace(judged=state.judged[1:]), trial.bracket)
        else:
            state = go_on(state, trial, round)
        return judge(state)

    def predict(state: AsyncState, request: Predict) -> Predicted:
        return extrapolate(state, _settled(state), request, risk.doubt)

    def reached(state: AsyncState, epoch: int) -> tuple[int, ...]:
        return tuple(n for n, curve in enumerate(_settled(state)) if len(curve) >= epoch)

    def _settled(state: AsyncState) -> list[tuple[float, ...]]:
        """Curves up to the last job that ended: reports of a running one decide nothing."""
        return [
            trial.curve[: _begun(trial)] if trial.status in (RUNNING, WAITING) else trial.curve
            for trial in state.trials
        ]

    def _begun(trial: TrialState) -> int:
        round = brackets[trial.bracket][_round_of(brackets[trial.bracket], trial.goal)]
        epoch = round.start
        while next_point(risk, round, epoch) < trial.goal:
            epoch = next_point(risk, round, epoch)
        return epoch

    def extend(state: AsyncState, reports: list[Reported]) -> AsyncState:
        return extended(state, reports, metric)

    settings = {
        "scheduler": "asynchronous swift",
        "metric": metric,
        "mode": mode,
        "trials": len(homes),
        "rungs": sorted({round.epoch for bracket in brackets for round in bracket}),
        "eta": eta,
        "risk": asdict(risk),
        **searcher.settings,
    }
    return searched(Scheduler(init, ask, tell, predict, settings, metric, extend), searcher)


def _round_of(rounds: Bracket, goal: int) -> int:
    """The round in which a job with that goal trains."""
    return next(i for i, round in enumerate(rounds) if round.start < goal <= round.epoch)


def _waiting(state: AsyncState, now: RoundState, epoch: int, first: int) -> list[int]:
    """Of the best `first` results at a rung, the trials that still stand there."""
    trials = [state.trials[result.trial] for result in now.results.all()[:first]]
    return [t.number for t in trials if t.status == PAUSED and len(t.curve) == epoch]


def _with(state: AsyncState, trial: TrialState) -> AsyncState:
    return state._replace(trials=state.trials.put(trial.number, trial))


def _counted(
    state: AsyncState,
    bracket: int,
    i: int,
    *,
    entered: int = 0,
    left: int = 0,
    result: Result | None = None,
    closed: bool = False,
) -> AsyncState:
    """The state with more in the counts of a round."""
    rounds = state.rounds[bracket]
    now = rounds[i]
    now = RoundState(
        now.entered + entered,
        now.left + left,
        now.results.insert(result) if result else now.results,
        now.closed or closed,
    )
    rounds = (*rounds[:i], now, *rounds[i + 1 :])
    return state._replace(rounds=(*state.rounds[:bracket], rounds, *state.rounds[bracket + 1 :]))
