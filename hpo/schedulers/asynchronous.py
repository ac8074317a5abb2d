"""Asynchronous Swift-Hyperband: no barrier ever idles a worker.

The brackets, rounds and places are Hyperband's, the stops those of `improved`; but every trial
is judged when it comes to its own decision point, by what is known then. A worker first takes who
was sent on for certain, then begins the next configuration, of whatever bracket. Only where there
is neither, it promotes a trial before its round is over: the best that stands among the first
(places / trials) of those that have come to the rung, as in ASHA. When the last has come, whoever
is among the best of the round and was not promoted goes on too. So whom Hyperband would promote
is promoted here, and idle workers cost epochs, not time.
"""

from dataclasses import asdict
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from hpo.core.ordered import Ordered, Result
from hpo.core.proposals import searched
from hpo.core.state import (
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
    with_trial,
)
from hpo.core.trials import extended, told
from hpo.core.types import (
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
from hpo.core.vector import Vector
from hpo.forecasting.chances import chance_of_place
from hpo.schedulers.brackets import Bracket, hyperband_brackets
from hpo.schedulers.halving import searcher_of
from hpo.schedulers.improved import (
    Risk,
    answer_forecast,
    extrapolate,
    inflation,
    next_point,
    questions,
    stakes_of,
    verdict,
)
from hpo.schedulers.rounds import checked_seed, sign_of
from hpo.searchers.base import Searcher
from hpo.space import Space


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
    judged      trials that stand at a decision point; `answers` have come about them
    begun       epochs that each trial had done when its present job was sent
    running     jobs
    """

    seed: int
    sign: int
    trials: Vector[TrialState]
    rounds: tuple[tuple[RoundState, ...], ...]
    ready: tuple[int, ...]
    judged: tuple[int, ...]
    answers: tuple[Predicted, ...]
    begun: Vector[int]
    running: int
    fits: tuple[Fit, ...]
    predictions: tuple[Prediction, ...]


class Group(NamedTuple):
    """Trials of a round at the same decision point; `partial` while others may still come to it."""

    partial: bool
    bracket: int
    round: int
    epoch: int
    members: tuple[int, ...]


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
    stakes = stakes_of(brackets)
    homes = [b for b, rounds in enumerate(brackets) for _ in range(rounds[0].trials)]

    def init(seed: int) -> AsyncState:
        empty = RoundState(0, 0, Ordered(), False)
        rounds = tuple(tuple(empty for _ in bracket) for bracket in brackets)
        return AsyncState(
            checked_seed(seed), sign, Vector(), rounds, (), (), (), Vector(), 0, (), ()
        )

    def ask(state: AsyncState) -> tuple[AsyncState, Action]:
        if state.ready:
            return start(state._replace(ready=state.ready[1:]), state.trials[state.ready[0]])
        following = homes[len(state.trials)] if len(state.trials) < len(homes) else None
        if following is not None and state.rounds[following][0].entered:
            return begin(state)  # the bracket is complete only when all of it has begun
        group = to_judge(state)
        if group is not None and (not group.partial or following is None):
            requests = wanted(state, group)
            if requests:
                return state, requests[len(matching(state, requests))]
            return ask(feed(state, group))
        if following is not None:
            return begin(state)
        early = promotable(state)
        if early is not None:
            return ask(promote(state, *early))
        return state, (Wait() if state.running else Finished(best_trial(state)))

    def begin(state: AsyncState) -> tuple[AsyncState, Job]:
        number, bracket = len(state.trials), homes[len(state.trials)]
        configuration = searcher.propose(state.seed, number)
        goal = next_point(risk, brackets[bracket][0], 0)
        trial = TrialState(number, bracket, configuration, (), WAITING, goal, None)
        state = state._replace(begun=state.begun.put(number, 0))
        return start(_counted(state, bracket, 0, entered=1), trial)

    def start(state: AsyncState, trial: TrialState) -> tuple[AsyncState, Job]:
        state = with_trial(state, trial._replace(status=RUNNING))
        job = Job(trial.number, trial.configuration, len(trial.curve), trial.goal)
        return state._replace(running=state.running + 1), job

    def send(state: AsyncState, number: int, goal: int) -> AsyncState:
        trial = state.trials[number]
        state = with_trial(state, trial._replace(status=WAITING, goal=goal))
        begun = state.begun.put(number, len(trial.curve))
        return state._replace(begun=begun, ready=(*state.ready, number))

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
        state = _counted(state, bracket, i + 1, entered=1)
        return send(state, number, next_point(risk, following, following.start))

    def tell(state: AsyncState, event: Event) -> AsyncState:
        if isinstance(event, Predicted):
            return answered(state, event)
        trial = told(state.trials, event, metric)
        state = with_trial(state, trial)
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
        return state._replace(judged=(*state.judged, trial.number))

    def arrive(state: AsyncState, trial: TrialState, i: int) -> AsyncState:
        """The trial stands at a rung."""
        result = Result(sign * trial.curve[-1], trial.number)
        state = _counted(state, trial.bracket, i, left=1, result=result)
        if i + 1 == len(brackets[trial.bracket]):
            state = with_trial(state, trial._replace(status=COMPLETED))
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
                    state = with_trial(state, state.trials[number]._replace(status=NOT_PROMOTED))
        return state

    def to_judge(state: AsyncState) -> Group | None:
        """Trials of one round that stand at one decision point; complete groups first."""
        groups: dict[tuple[int, int, int], list[int]] = {}
        for number in state.judged:
            trial = state.trials[number]
            i = _round_of(brackets[trial.bracket], trial.goal)
            groups.setdefault((trial.bracket, i, trial.goal), []).append(number)
        found = []
        for (bracket, i, epoch), members in groups.items():
            coming = (t for t in on_the_way(state, bracket, i) if t.goal <= epoch)
            complete = entering(state, bracket, i) and not any(coming)
            found.append(Group(not complete, bracket, i, epoch, tuple(sorted(members))))
        return min(found, default=None)

    def entering(state: AsyncState, bracket: int, i: int) -> bool:
        """Whether everybody has entered the round."""
        rounds = state.rounds[bracket]
        return rounds[i - 1].closed if i else rounds[0].entered == brackets[bracket][0].trials

    def on_the_way(state: AsyncState, bracket: int, i: int) -> list[TrialState]:
        """Trials of the round with a job."""
        round = brackets[bracket][i]
        return [
            t
            for t in state.trials
            if t.bracket == bracket
            and t.status in (RUNNING, WAITING)
            and round.start < t.goal <= round.epoch
        ]

    def wanted(state: AsyncState, group: Group) -> tuple[Predict, ...]:
        """What must be known to judge the group; nothing where too few curves tell of the rung."""
        round, epoch = brackets[group.bracket][group.round], group.epoch
        known, winners = reached(state, round.epoch), reached(state, max_epochs)
        if len(known) < risk.min_curves:
            return ()
        return questions(risk, round, max_epochs, epoch, known, winners, group.members)

    def matching(state: AsyncState, requests: tuple[Predict, ...]) -> tuple[Predicted, ...]:
        """The answers to these requests so far: what was asked can change before it is told."""
        pairs = zip(state.answers, requests, strict=False)
        return state.answers if all(a.request == r for a, r in pairs) else ()

    def feed(state: AsyncState, group: Group) -> AsyncState:
        """Too few curves: the best train to the rung, the others to the next point."""
        round = brackets[group.bracket][group.round]
        coming = sum(t.goal == round.epoch for t in on_the_way(state, group.bracket, group.round))
        missing = risk.min_curves - len(reached(state, round.epoch)) - coming
        losses = losses_at(state, group.members, group.epoch)
        ranked = [n for _, n in sorted(zip(losses, group.members, strict=True))]
        best, point = ranked[: max(missing, 0)], next_point(risk, round, group.epoch)
        return leave(state, group, {n: round.epoch if n in best else point for n in group.members})

    def leave(state: AsyncState, group: Group, goals: dict[int, int]) -> AsyncState:
        """The group has been judged: who has no goal is stopped."""
        judged = tuple(n for n in state.judged if n not in group.members)
        state = state._replace(judged=judged, answers=())
        for number in group.members:
            if number in goals:
                state = send(state, number, goals[number])
            else:
                state = with_trial(state, state.trials[number]._replace(status=STOPPED))
                state = _counted(state, group.bracket, group.round, left=1)
        return settle(state, group.bracket)

    def answered(state: AsyncState, event: Predicted) -> AsyncState:
        group = to_judge(state)
        requests = wanted(state, group) if group is not None else ()
        answers = matching(state, requests)
        size = len(event.request.trials)
        if requests[len(answers) :][:1] != (event.request,) or not (
            len(event.means) == len(event.spreads) == size
        ):
            raise ValueError(f"{event}: nobody asked for that prediction")
        state = state._replace(answers=(*answers, event))
        return state if len(state.answers) < len(requests) else decide(state, group)

    def decide(state: AsyncState, group: Group) -> AsyncState:
        round = brackets[group.bracket][group.round]
        wider = inflation(sign, state.predictions, _settled(state), risk.patience)
        results = state.rounds[group.bracket][group.round].results.all()
        ahead = answer_forecast(sign, state.answers[0], wider)
        rivals = foreseen(state, group)
        means, spreads = (np.concatenate(p) for p in zip(ahead[:2], rivals, strict=True))
        finished = np.array([result.loss for result in results])
        chance, needed = chance_of_place(finished, means, spreads, ahead.degrees, round.places)
        own, winners = chance[: len(group.members)], reached(state, max_epochs)
        state, goals = verdict(
            state, risk, round, stakes, state.answers, own, needed, winners, wider
        )
        return leave(state, group, goals)

    def foreseen(
        state: AsyncState, group: Group
    ) -> tuple[Float[np.ndarray, " rivals"], Float[np.ndarray, " rivals"]]:
        """Losses (mean and spread) foreseen for the others of the round, as last predicted."""
        rung = brackets[group.bracket][group.round].epoch
        latest = {p.trial: p for p in state.predictions if p.rung == rung and p.continued}
        others = [t.number for t in on_the_way(state, group.bracket, group.round)]
        known = [latest[n] for n in others if n in latest]
        return np.array([sign * p.mean for p in known]), np.array([p.spread for p in known])

    def predict(state: AsyncState, request: Predict) -> Predicted:
        return extrapolate(state, _settled(state), request)

    def reached(state: AsyncState, epoch: int) -> tuple[int, ...]:
        return tuple(n for n, curve in enumerate(_settled(state)) if len(curve) >= epoch)

    def _settled(state: AsyncState) -> list[tuple[float, ...]]:
        """Curves up to the last job that ended: reports of a running one decide nothing."""
        return [
            trial.curve[:begun] if trial.status in (RUNNING, WAITING) else trial.curve
            for trial, begun in zip(state.trials, state.begun, strict=True)
        ]

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
