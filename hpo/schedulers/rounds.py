"""The machine under every synchronous scheduler: brackets of rounds, with barriers between them.

A round trains its members to a rung; the best go on to the next round. A `Rule` may let some
members pause on the way, once or often, and stop part of them there. Hyperband is this machine
with the rule `train_all`; Swift-Hyperband is it with a rule that extrapolates learning curves.

Decisions are taken at barriers alone and look at members in their own order, never in the order
of arrival. So the outcome depends on seed, settings and losses, not on which worker was faster.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from hpo.core.searcher import Searcher
from hpo.core.state import (
    COMPLETED,
    NOT_PROMOTED,
    PAUSED,
    RUNNING,
    STOPPED,
    WAITING,
    BracketState,
    State,
    TrialState,
    best_trial,
    job_of,
    lowest_with,
    ranked,
    underway,
    with_bracket,
    with_curves,
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
    Predict,
    Predicted,
    Scheduler,
    Wait,
)
from hpo.core.vector import Vector
from hpo.schedulers.brackets import Bracket, Round
from hpo.schedulers.common import assembled, predicts_nothing, sign_of
from hpo.schedulers.questions import check_answer

Goals = Mapping[int, int]
"""By trial the epoch to which it is sent, in the order in which jobs are asked.

Who is sent where it stands waits there for those that train, and is asked about again."""


def rank_by_loss(state: State, members: Sequence[int], round: Round) -> list[int]:
    """Those that stand at the rung, best first; ties in the order of their numbers."""
    arrived = [n for n in members if state.trials[n].status == PAUSED]
    return ranked(state, arrived, round.epoch)


class Rule(NamedTuple):
    """How a round saves epochs.

    plan(state, members, round) -> Goals               where each member is sent first
    request(state, short, round) -> Predicts | Goals   what must be known about those that have
                                                       paused short of the rung, or, where
                                                       nothing is asked, where they go
    predict(state, Predict) -> Predicted
    decide(state, answers, arrived, round) -> (State, Goals)
                                                       with its records; those without a goal
                                                       stop;
                                                       `arrived` stand at the rung
    rank(state, members, round) -> members, best first
    revives            whether `rank` may take one that was stopped
    """

    plan: Callable[[State, tuple[int, ...], Round], Goals]
    request: Callable[[State, tuple[int, ...], Round], tuple[Predict, ...] | Goals]
    predict: Callable[[State, Predict], Predicted]
    decide: Callable[[State, tuple[Predicted, ...], tuple[int, ...], Round], tuple[State, Goals]]
    settings: Mapping[str, Any]
    rank: Callable[[State, Sequence[int], Round], list[int]] = rank_by_loss
    revives: bool = False


def to_rung(state: State, members: Iterable[int], round: Round) -> Goals:
    """Everybody is sent to the rung."""
    return dict.fromkeys(members, round.epoch)


def _undecided(state: State, answers: Sequence[Predicted], *_: object) -> Any:
    raise AssertionError(f"{answers}: this rule asks nothing")


train_all = Rule(
    plan=to_rung,
    request=to_rung,
    predict=predicts_nothing,
    decide=_undecided,
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
    sign = sign_of(mode)
    if concurrent_brackets < 1:
        raise ValueError(f"concurrent_brackets must be at least 1, not {concurrent_brackets}")

    def init(seed: int) -> State:
        return State(checked_seed(seed), sign, Vector(), (), (), (), (), None)

    def ask(state: State) -> tuple[State, Action]:
        active = [bracket for bracket in state.brackets if not bracket.finished]
        for bracket in active:
            if bracket.requests:
                return state, bracket.requests[len(bracket.answers)]
            if bracket.lost or bracket.sent < len(bracket.queue):
                return next_job(state, bracket)
        if len(state.brackets) < len(brackets) and len(active) < concurrent_brackets:
            return ask(start_bracket(state))
        return state, (Wait() if active else Finished(best_trial(state)))

    def next_job(state: State, bracket: BracketState) -> tuple[State, Job]:
        if bracket.lost:
            number, bracket = bracket.lost[0], bracket._replace(lost=bracket.lost[1:])
        else:
            number, bracket = bracket.queue[bracket.sent], bracket._replace(sent=bracket.sent + 1)
        trial = state.trials[number]._replace(status=RUNNING)
        return with_bracket(with_trial(state, trial), bracket), job_of(trial)

    def tell(state: State, event: Event) -> State:
        if isinstance(event, Predicted):
            return hear(state, event)
        trial = told(state.trials, event, metric)
        state = with_trial(state, trial)
        if isinstance(event, MID_JOB):
            return state
        bracket = state.brackets[trial.bracket]
        if trial.status == WAITING:
            return with_bracket(state, bracket._replace(lost=(*bracket.lost, trial.number)))
        state = state._replace(lowest=lowest_with(state, trial))
        bracket = bracket._replace(missing=bracket.missing - 1)
        return with_bracket(state, bracket) if bracket.missing else meet(state, bracket)

    def start_bracket(state: State) -> State:
        index, first = len(state.brackets), len(state.trials)
        numbers = tuple(range(first, first + brackets[index][0].trials))
        new = [
            TrialState(n, index, searcher.propose(state.seed, n), Vector(), PAUSED, 0, None)
            for n in numbers
        ]
        bracket = BracketState(index, 0, numbers, (), 0, (), 0, 0, (), (), False)
        grown = state._replace(trials=state.trials.extend(new), brackets=(*state.brackets, bracket))
        return start_round(grown, bracket)

    def start_round(state: State, bracket: BracketState) -> State:
        round = brackets[bracket.index][bracket.round]
        return send(state, bracket, rule.plan(state, bracket.members, round))

    def send(state: State, bracket: BracketState, goals: Goals) -> State:
        trials = state.trials
        goals = {n: goal for n, goal in goals.items() if goal > len(trials[n].curve)}
        for number, goal in goals.items():
            trials = trials.put(number, trials[number]._replace(status=WAITING, goal=goal))
        bracket = bracket._replace(
            queue=tuple(goals), sent=0, missing=len(goals), requests=(), answers=()
        )
        return with_bracket(state._replace(trials=trials), bracket)

    def meet(state: State, bracket: BracketState) -> State:
        """A barrier: nobody of the round is training."""
        round = brackets[bracket.index][bracket.round]
        arrived, short = parted(state, bracket.members, round)
        if not bracket.barriers:  # later arrivals were selected by a prediction
            state = with_curves(state, round.epoch, arrived)
        bracket = bracket._replace(barriers=bracket.barriers + 1)
        if not short:
            return end_round(state, bracket)
        asked = rule.request(state, short, round)
        if isinstance(asked, tuple):
            return with_bracket(state, bracket._replace(requests=asked))
        return send(state, bracket, asked)

    def hear(state: State, event: Predicted) -> State:
        """One more answer; after the last of a barrier its members go on, or stop."""
        asking = [bracket for bracket in state.brackets if bracket.requests]
        asked = [bracket.requests[len(bracket.answers)] for bracket in asking]
        check_answer(event, asked)
        bracket = asking[asked.index(event.request)]
        bracket = bracket._replace(answers=(*bracket.answers, event))
        if len(bracket.answers) < len(bracket.requests):
            return with_bracket(state, bracket)
        round = brackets[bracket.index][bracket.round]
        arrived, _ = parted(state, bracket.members, round)
        state, goals = rule.decide(state, bracket.answers, arrived, round)
        for number in event.request.trials:
            if number not in goals:
                state = with_trial(state, state.trials[number]._replace(status=STOPPED))
        state = send(state, bracket, goals)
        return state if goals else end_round(state, state.brackets[bracket.index])

    def end_round(state: State, bracket: BracketState) -> State:
        """Nobody is left on the way to the rung."""
        rounds = brackets[bracket.index]
        round = rounds[bracket.round]
        best = rule.rank(state, bracket.members, round)
        last = bracket.round + 1 == len(rounds) or not best
        for number in best if last else best[round.places :]:
            trial = state.trials[number]
            if trial.status == PAUSED:
                status = COMPLETED if last else NOT_PROMOTED
                state = with_trial(state, trial._replace(status=status))
        if last:
            return with_bracket(state, bracket._replace(finished=True))
        members = tuple(best[: round.places])
        following = bracket._replace(round=bracket.round + 1, members=members, barriers=0)
        return start_round(state, following)

    def open_trials(state: State) -> frozenset[int]:
        active = (bracket for bracket in state.brackets if not bracket.finished)
        return underway(state).union(*(hopeful(state, bracket) for bracket in active))

    def hopeful(state: State, bracket: BracketState) -> set[int]:
        """Members who pause short of the rung, or stand there among the best for its places."""
        rounds = brackets[bracket.index]
        round = rounds[bracket.round]
        arrived, short = parted(state, bracket.members, round)
        places = round.places if bracket.round + 1 < len(rounds) else 0
        stopped = {n for n in bracket.members if state.trials[n].status == STOPPED}
        best = ranked(state, arrived, round.epoch)[:places]
        return {*short, *best, *(stopped if rule.revives else ())}

    settings = {
        "brackets": [[list(round) for round in rounds] for rounds in brackets],
        "concurrent_brackets": concurrent_brackets,
        **rule.settings,
    }
    return assembled(
        init, ask, tell, rule.predict, open_trials,
        settings=settings, searcher=searcher, metric=metric, mode=mode,
    )  # fmt: skip


def parted(
    state: State, members: Sequence[int], round: Round
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The members that stand at the rung, and those that paused short of it."""
    paused = [state.trials[n] for n in members if state.trials[n].status == PAUSED]
    return (
        tuple(trial.number for trial in paused if len(trial.curve) >= round.epoch),
        tuple(trial.number for trial in paused if len(trial.curve) < round.epoch),
    )
