"""Rounds without barriers: who has entered them, who has left, who stands where to be judged."""

from typing import NamedTuple

from hpo.core.ordered import Ordered, Result
from hpo.core.state import (
    PAUSED,
    RUNNING,
    WAITING,
    Fit,
    Prediction,
    TrialState,
    ranked,
    reached,
)
from hpo.core.types import Predicted
from hpo.core.vector import Vector
from hpo.schedulers.brackets import Bracket


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
    lowest      the lowest loss of any epoch of a job that has ended, None before the first
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
    lowest: float | None


class Group(NamedTuple):
    """Trials of a round at the same decision point; `partial` while others may still come to it."""

    partial: bool
    bracket: int
    round: int
    epoch: int
    members: tuple[int, ...]


def empty_rounds(brackets: tuple[Bracket, ...]) -> tuple[tuple[RoundState, ...], ...]:
    """Nobody has entered any."""
    empty = RoundState(0, 0, Ordered(), False)
    return tuple(tuple(empty for _ in bracket) for bracket in brackets)


def counted(
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


def round_of(rounds: Bracket, goal: int) -> int:
    """The round in which a job with that goal trains."""
    return next(i for i, round in enumerate(rounds) if round.start < goal <= round.epoch)


def settled(state: AsyncState) -> list[int]:
    """Epochs of each trial up to its last job that ended: reports of a running one decide
    nothing."""
    return [
        begun if trial.status in (RUNNING, WAITING) else len(trial.curve)
        for trial, begun in zip(state.trials, state.begun, strict=True)
    ]


def waiting(state: AsyncState, now: RoundState, epoch: int, first: int) -> list[int]:
    """Of the best `first` results at a rung, the trials that still stand there."""
    trials = [state.trials[result.trial] for result in now.results.all()[:first]]
    return [t.number for t in trials if t.status == PAUSED and len(t.curve) == epoch]


def promotable(state: AsyncState, brackets: tuple[Bracket, ...]) -> tuple[int, int, int] | None:
    """Trial, bracket and round of who may go on early; the longest trained first."""
    found = []
    for bracket, rounds in enumerate(brackets):
        for i, round in enumerate(rounds[:-1]):
            now = state.rounds[bracket][i]
            quota = min(round.places * now.left // round.trials, round.places)
            able = waiting(state, now, round.epoch, quota) if not now.closed else ()
            found += [(-round.epoch, bracket, i, number) for number in able[:1]]
    if not found:
        return None
    _, bracket, i, number = min(found)
    return number, bracket, i


def full(state: AsyncState, brackets: tuple[Bracket, ...], bracket: int, i: int) -> bool:
    """Whether everybody has entered the round."""
    rounds = state.rounds[bracket]
    return rounds[i - 1].closed if i else rounds[0].entered == brackets[bracket][0].trials


def on_the_way(
    state: AsyncState, brackets: tuple[Bracket, ...], bracket: int, i: int
) -> list[TrialState]:
    """Trials of the round with a job."""
    round = brackets[bracket][i]
    return [
        t
        for t in state.trials
        if t.bracket == bracket
        and t.status in (RUNNING, WAITING)
        and round.start < t.goal <= round.epoch
    ]


def to_judge(state: AsyncState, brackets: tuple[Bracket, ...], least: int = 0) -> Group | None:
    """Trials of one round that stand at one decision point; complete groups first.

    Of a group whose rung fewer than `least` curves have come to, only as many as are missing and
    not on their way: the others wait for these, unless nobody trains.
    """
    groups: dict[tuple[int, int, int], list[int]] = {}
    for number in state.judged:
        trial = state.trials[number]
        i = round_of(brackets[trial.bracket], trial.goal)
        groups.setdefault((trial.bracket, i, trial.goal), []).append(number)
    found = []
    for (bracket, i, epoch), members in groups.items():
        coming = (t for t in on_the_way(state, brackets, bracket, i) if t.goal <= epoch)
        complete = full(state, brackets, bracket, i) and not any(coming)
        found.append(Group(not complete, bracket, i, epoch, tuple(sorted(members))))
    allowed = (_enough(state, brackets, group, least) for group in sorted(found))
    return next((group for group in allowed if group.members), None)


def _enough(state: AsyncState, brackets: tuple[Bracket, ...], group: Group, least: int) -> Group:
    """The group without those who wait for others to come to its rung."""
    rung = brackets[group.bracket][group.round].epoch
    known = reached(settled(state), rung) if least else ()
    if len(known) >= least or not state.running:
        return group
    others = on_the_way(state, brackets, group.bracket, group.round)
    missing = max(least - len(known) - sum(t.goal == rung for t in others), 0)
    first = ranked(state, group.members, group.epoch)[:missing]
    return group._replace(members=tuple(sorted(first)))
