"""Rounds without barriers: who has entered them, who has left, who stands where to be judged.

Functions are of any state with trials, rounds, `begun` and `judged` as `AsyncState` has them.
"""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from hpo.core.ordered import Ordered, Result
from hpo.core.state import (
    FAILED,
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


class OpenState(NamedTuple):
    """Everything a study of `asynchronous_adaptive` knows; what has no word here is as above.

    sent        how many trials have begun
    thawed      trials with a job outside of rounds
    enough      of those that pause nobody was worth going on, and no job has ended since
    leaders     at each epoch where trials may stand the best of all that came there
    """

    seed: int
    sign: int
    trials: Vector[TrialState]
    rounds: tuple[tuple[RoundState, ...], ...]
    begun: Vector[int]
    sent: int
    ready: tuple[int, ...]
    judged: tuple[int, ...]
    thawed: tuple[int, ...]
    enough: bool
    answers: tuple[Predicted, ...]
    running: int
    predictions: tuple[Prediction, ...]
    lowest: float | None
    leaders: tuple[tuple[Result, ...], ...]


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
    state: Any,
    bracket: int,
    i: int,
    *,
    entered: int = 0,
    left: int = 0,
    result: Result | None = None,
    closed: bool = False,
) -> Any:
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


def settled(state: Any) -> list[int]:
    """Epochs of each trial up to its last job that ended: reports of a running one decide
    nothing."""
    return [
        begun if trial.status in (RUNNING, WAITING) else len(trial.curve)
        for trial, begun in zip(state.trials, state.begun, strict=True)
    ]


def waiting(state: Any, now: RoundState, epoch: int, first: int) -> list[int]:
    """Of the best `first` results at a rung, the trials that still stand there."""
    trials = [state.trials[result.trial] for result in now.results.all()[:first]]
    return [t.number for t in trials if t.status == PAUSED and len(t.curve) == epoch]


def standing_at(state: Any, brackets: tuple[Bracket, ...], number: int) -> int | None:
    """The round at whose rung the trial stands and waits for others to come."""
    trial = state.trials[number]
    pairs = zip(brackets[trial.bracket], state.rounds[trial.bracket], strict=True)
    for i, (round, now) in enumerate(pairs):
        if round.epoch == len(trial.curve) and not now.closed:
            return i if any(r.trial == number for r in now.results.all()) else None
    return None


def promotable(state: Any, brackets: tuple[Bracket, ...]) -> tuple[int, int, int] | None:
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


def full(state: Any, brackets: tuple[Bracket, ...], bracket: int, i: int) -> bool:
    """Whether everybody has entered the round."""
    rounds = state.rounds[bracket]
    return rounds[i - 1].closed if i else rounds[0].entered == brackets[bracket][0].trials


def on_the_way(state: Any, brackets: tuple[Bracket, ...], bracket: int, i: int) -> list[TrialState]:
    """Trials of the round with a job."""
    round = brackets[bracket][i]
    return [
        t
        for t in state.trials
        if t.bracket == bracket
        and t.status in (RUNNING, WAITING)
        and round.start < t.goal <= round.epoch
    ]


def to_judge(state: Any, brackets: tuple[Bracket, ...], least: int = 0) -> Group | None:
    """Trials of one round that stand at one decision point; complete groups first.

    Of a group whose rung fewer than `least` curves have come to, only as many as are missing and
    not on their way: the others wait for these, unless nobody trains.
    """
    allowed = (_enough(state, brackets, group, least) for group in groups(state, brackets))
    return next((group for group in allowed if group.members), None)


def groups(state: Any, brackets: tuple[Bracket, ...]) -> list[Group]:
    """All trials that are to be judged, complete groups first."""
    standing: dict[tuple[int, int, int], list[int]] = {}
    for number in state.judged:
        trial = state.trials[number]
        i = round_of(brackets[trial.bracket], trial.goal)
        standing.setdefault((trial.bracket, i, len(trial.curve)), []).append(number)
    found = []
    for (bracket, i, epoch), members in standing.items():
        coming = (t for t in on_the_way(state, brackets, bracket, i) if t.goal <= epoch)
        complete = full(state, brackets, bracket, i) and not any(coming)
        found.append(Group(not complete, bracket, i, epoch, tuple(sorted(members))))
    return sorted(found)


class Rivals(NamedTuple):
    """Losses at a rung of others of the round: come there, and foreseen (`mean`, `spread`)."""

    arrived: Float[np.ndarray, " arrived"]
    mean: Float[np.ndarray, " others"]
    spread: Float[np.ndarray, " others"]


def rivals_of(state: Any, brackets: tuple[Bracket, ...], group: Group) -> Rivals:
    """Whom the group competes with at its rung; those on the way as they were last foreseen."""
    rung = brackets[group.bracket][group.round].epoch
    results = state.rounds[group.bracket][group.round].results.all()
    latest = {p.trial: p for p in state.predictions if p.rung == rung and p.continued}
    others = on_the_way(state, brackets, group.bracket, group.round)
    known = [latest[t.number] for t in others if t.number in latest]
    return Rivals(
        np.array([result.loss for result in results]),
        np.array([state.sign * p.mean for p in known]),
        np.array([p.spread for p in known]),
    )


def spent(state: Any) -> int:
    """Epochs trained, and those of all jobs under way; a failed trial's last did not come."""
    return sum(
        t.goal if t.status in (RUNNING, WAITING) else len(t.curve) + (t.status == FAILED)
        for t in state.trials
    )


def owed(state: Any, brackets: tuple[Bracket, ...], outside: tuple[int, ...]) -> int:
    """Epochs that rounds may still take at most, beyond those of jobs under way.

    `outside` have a job that is of no round. With `spent` at first all epochs of the brackets; what
    trials that leave a round leave of it can be spent otherwise.
    """
    total = 0
    for t in state.trials:
        job = t.status in (RUNNING, WAITING) and t.goal and t.number not in outside
        if job or t.number in state.judged:
            rung = brackets[t.bracket][round_of(brackets[t.bracket], t.goal)].epoch
            total += rung - (t.goal if job else len(t.curve))
    for rounds, came in zip(brackets, state.rounds, strict=True):
        coming = rounds[0].trials - came[0].entered
        for round, now in zip(rounds, came, strict=True):
            total += coming * (round.epoch - round.start)
            arriving = coming + now.entered - now.left
            ahead = len(waiting(state, now, round.epoch, round.places))
            coming = 0 if now.closed else min(round.places, arriving + ahead)
    return total


def _enough(state: Any, brackets: tuple[Bracket, ...], group: Group, least: int) -> Group:
    """The group without those who wait for others to come to its rung."""
    rung = brackets[group.bracket][group.round].epoch
    known = reached(settled(state), rung) if least else ()
    if len(known) >= least or not state.running:
        return group
    others = on_the_way(state, brackets, group.bracket, group.round)
    missing = max(least - len(known) - sum(t.goal == rung for t in others), 0)
    first = ranked(state, group.members, group.epoch)[:missing]
    return group._replace(members=tuple(sorted(first)))
