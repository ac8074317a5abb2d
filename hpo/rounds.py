"""The machine under every synchronous scheduler: brackets of rounds, with barriers between them.

A round trains its members to a rung; the best go on to the next round. A `Rule` may let some
members pause on the way and stop part of them there. Hyperband is this machine with the rule
`train_all`; Swift-Hyperband is it with a rule that extrapolates learning curves.

Decisions are taken at barriers alone and look at members in their own order, never in the order
of arrival. So the outcome depends on seed, settings and losses, not on which worker was faster.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from hpo.brackets import Bracket, Round
from hpo.proposals import searched
from hpo.searchers import Searcher
from hpo.state import (
    COMPLETED,
    FAILED,
    NOT_PROMOTED,
    PAUSED,
    RUNNING,
    STOPPED,
    WAITING,
    BracketState,
    State,
    TrialState,
    best_trial,
    losses_at,
    send,
    with_bracket,
    with_curves,
    with_trial,
)
from hpo.types import (
    Action,
    Completed,
    Event,
    Failed,
    Finished,
    Job,
    Predict,
    Predicted,
    Proposed,
    Reported,
    Scheduler,
    TrialEvent,
    Wait,
    WorkerLost,
)


class Rule(NamedTuple):
    """How a round saves epochs.

    plan(state, members, round) -> (members sent to the rung at once, epoch where the others pause)
    request(state, paused, round) -> Predict, or None: all go on
    predict(state, Predict) -> Predicted
    decide(state, Predicted, full, round) -> (state with its records, those who go on)
    """

    plan: Callable[[State, tuple[int, ...], Round], tuple[tuple[int, ...], int]]
    request: Callable[[State, tuple[int, ...], Round], Predict | None]
    predict: Callable[[State, Predict], Predicted]
    decide: Callable[[State, Predicted, tuple[int, ...], Round], tuple[State, tuple[int, ...]]]
    settings: Mapping[str, Any]


def _never(state: State, *_: object) -> Any:
    raise ValueError("this scheduler predicts nothing")


train_all = Rule(
    plan=lambda state, members, round: (members, round.epoch),
    request=lambda state, paused, round: None,
    predict=_never,
    decide=_never,
    settings={"rule": "train all"},
)


def synchronous(
    searcher: Searcher,
    brackets: Sequence[Bracket],
    rule: Rule = train_all,
    *,
    metric: str = "loss",
    mode: str = "minimise",
    concurrent_brackets: int = 1,
) -> Scheduler:
    """A scheduler that plays the brackets, `concurrent_brackets` of them at a time.

    A failed trial is out; its place is taken by the next best. Raises ValueError on bad settings,
    and from `tell` on an event that the state has not asked for.
    """
    if mode not in ("minimise", "maximise"):
        raise ValueError(f'mode must be "minimise" or "maximise", not {mode!r}')
    if concurrent_brackets < 1:
        raise ValueError(f"concurrent_brackets must be at least 1, not {concurrent_brackets}")

    def init(seed: int) -> State:
        if seed < 0:
            raise ValueError(f"the seed must not be negative, got {seed}")
        return State(seed, 1 if mode == "minimise" else -1, (), (), (), (), ())

    def ask(state: State) -> tuple[State, Action]:
        active = [bracket for bracket in state.brackets if not bracket.finished]
        for bracket in active:
            if bracket.request is not None:
                return state, bracket.request
            for number in bracket.members:
                trial = state.trials[number]
                if trial.status == WAITING:
                    job = Job(number, trial.configuration, len(trial.curve), trial.goal)
                    return with_trial(state, trial._replace(status=RUNNING)), job
        if len(state.brackets) < len(brackets) and len(active) < concurrent_brackets:
            return ask(start_bracket(state))
        return state, (Wait() if active else Finished(best_trial(state)))

    def tell(state: State, event: Event) -> State:
        if isinstance(event, Predicted):
            return decide(state, event)
        trial = _running_trial(state, event)
        if isinstance(event, Proposed):
            return with_trial(state, trial._replace(configuration=event.configuration))
        if isinstance(event, Reported):
            return with_trial(state, _append(trial, event, metric))
        done = len(trial.curve) == trial.goal
        if isinstance(event, WorkerLost) and not done:
            return with_trial(state, trial._replace(status=WAITING))
        if isinstance(event, Failed):
            trial = trial._replace(status=FAILED, error=event.error)
        elif isinstance(event, Completed) and not (done and event.epoch == trial.goal):
            raise ValueError(f"{event} but {len(trial.curve)} of {trial.goal} epochs reported")
        else:
            trial = trial._replace(status=PAUSED)
        return settle(with_trial(state, trial), trial.bracket)

    def start_bracket(state: State) -> State:
        index, first = len(state.brackets), len(state.trials)
        numbers = tuple(range(first, first + brackets[index][0].trials))
        new = tuple(
            TrialState(n, index, searcher.propose(state.seed, n), (), PAUSED, 0, None)
            for n in numbers
        )
        bracket = BracketState(index, 0, (), (), None, False, False)
        grown = state._replace(trials=state.trials + new, brackets=(*state.brackets, bracket))
        return start_round(grown, bracket, numbers)

    def start_round(state: State, bracket: BracketState, members: tuple[int, ...]) -> State:
        round = brackets[bracket.index][bracket.round]
        full, pause = rule.plan(state, members, round)
        for number in members:
            state = send(state, number, round.epoch if number in full else pause)
        return with_bracket(
            state, bracket._replace(members=members, full=tuple(full), decided=False)
        )

    def settle(state: State, index: int) -> State:
        """Pass the barrier if everyone is there."""
        bracket = state.brackets[index]
        if any(state.trials[number].status in (WAITING, RUNNING) for number in bracket.members):
            return state
        return end_round(state, bracket) if bracket.decided else meet(state, bracket)

    def meet(state: State, bracket: BracketState) -> State:
        """First barrier: those sent on are at the rung, the others where they pause."""
        round = brackets[bracket.index][bracket.round]
        full, paused = _parted(state, bracket)
        state = with_curves(state, round.epoch, full)
        request = rule.request(state, paused, round) if paused else None
        if request is None:
            return go_on(state, bracket, paused)
        return with_bracket(state, bracket._replace(request=request))

    def decide(state: State, event: Predicted) -> State:
        bracket = next((b for b in state.brackets if b.request == event.request), None)
        if bracket is None or not len(event.means) == len(event.spreads) == len(
            event.request.trials
        ):
            raise ValueError(f"{event}: nobody asked for that prediction")
        full, _ = _parted(state, bracket)
        state, chosen = rule.decide(state, event, full, brackets[bracket.index][bracket.round])
        return go_on(state, bracket, chosen)

    def go_on(state: State, bracket: BracketState, chosen: tuple[int, ...]) -> State:
        """Send the chosen to the rung and stop the others that paused."""
        goal = brackets[bracket.index][bracket.round].epoch
        for number in _parted(state, bracket)[1]:
            if number in chosen:
                state = send(state, number, goal)
            else:
                state = with_trial(state, state.trials[number]._replace(status=STOPPED))
        state = with_bracket(state, bracket._replace(request=None, decided=True))
        return settle(state, bracket.index)

    def end_round(state: State, bracket: BracketState) -> State:
        """Second barrier: all that were not stopped stand at the rung."""
        rounds = brackets[bracket.index]
        round = rounds[bracket.round]
        arrived = [n for n in bracket.members if state.trials[n].status == PAUSED]
        losses = losses_at(state, arrived, round.epoch)
        ranked = [number for _, number in sorted(zip(losses, arrived, strict=True))]
        if bracket.round + 1 == len(rounds) or not ranked:
            for number in ranked:
                state = with_trial(state, state.trials[number]._replace(status=COMPLETED))
            return with_bracket(state, bracket._replace(finished=True))
        for number in ranked[round.places :]:
            state = with_trial(state, state.trials[number]._replace(status=NOT_PROMOTED))
        following = bracket._replace(round=bracket.round + 1)
        return start_round(state, following, tuple(ranked[: round.places]))

    settings = {
        "metric": metric,
        "mode": mode,
        "brackets": [[list(round) for round in rounds] for rounds in brackets],
        "concurrent_brackets": concurrent_brackets,
        **searcher.settings,
        **rule.settings,
    }
    return searched(Scheduler(init, ask, tell, rule.predict, settings, metric), searcher)


def _parted(state: State, bracket: BracketState) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The members that have not failed: those sent to the rung, and the others."""
    alive = [n for n in bracket.members if state.trials[n].status != FAILED]
    return (
        tuple(n for n in alive if n in bracket.full),
        tuple(n for n in alive if n not in bracket.full),
    )


def _running_trial(state: State, event: TrialEvent | Proposed) -> TrialState:
    if not 0 <= event.trial < len(state.trials):
        raise ValueError(f"{event}: there is no such trial")
    trial = state.trials[event.trial]
    if trial.status != RUNNING:
        raise ValueError(f"{event}: the trial is {trial.status}, not running")
    return trial


def _append(trial: TrialState, event: Reported, metric: str) -> TrialState:
    if event.epoch != len(trial.curve) + 1 or event.epoch > trial.goal:
        raise ValueError(
            f"trial {event.trial} reported epoch {event.epoch}; after {len(trial.curve)} epochs of "
            f"{trial.goal} that is not the next one"
        )
    value = event.metrics[metric]
    if not math.isfinite(value):
        raise ValueError(f"{event}: {metric} must be finite; tell Failed for a diverged trial")
    return trial._replace(curve=(*trial.curve, value))
