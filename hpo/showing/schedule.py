"""What a study's settings say of its schedule: brackets, rungs, and what Hyperband would train."""

from collections.abc import Mapping, Sequence
from typing import Any

from hpo.schedulers.brackets import Bracket, Round, homes_of, hyperband_epochs, schedule_epochs


def brackets_of(settings: Mapping[str, Any]) -> tuple[Bracket, ...]:
    """The brackets that the settings name, in the order in which they are begun; () for none."""
    return tuple(
        tuple(Round(*round) for round in rounds) for rounds in settings.get("brackets", ())
    )


def rungs_of(settings: Mapping[str, Any]) -> tuple[int, ...]:
    """Every epoch at which trials are ranked; () where the settings name none."""
    if brackets := brackets_of(settings):
        return tuple(sorted({round.epoch for rounds in brackets for round in rounds}))
    return tuple(settings.get("rungs", ()))


def trials_of(settings: Mapping[str, Any]) -> int | None:
    """How many trials the schedule has, None where the settings do not say."""
    if brackets := brackets_of(settings):
        return len(homes_of(brackets))
    return settings.get("trials")


def homes(settings: Mapping[str, Any]) -> dict[int, int]:
    """The bracket of each trial that the settings place in one."""
    return dict(enumerate(homes_of(brackets_of(settings))))


def hyperband(settings: Mapping[str, Any], max_epochs: int) -> int | None:
    """Epochs that plain Hyperband trains: on the same brackets where there are brackets, else with
    the same eta up to `max_epochs`; None where the settings tell neither."""
    if brackets := brackets_of(settings):
        return schedule_epochs(brackets)
    eta = settings.get("eta")
    return hyperband_epochs(max_epochs, eta) if eta and max_epochs >= eta >= 2 else None


def all_sent(settings: Mapping[str, Any], goals: Sequence[int], failed: Sequence[bool]) -> bool:
    """Whether every trial has begun, and in every bracket somebody was sent to the last rung, or
    all have failed: before that, a study is not over."""
    if len(goals) < (trials_of(settings) or 1):
        return False
    brackets, homes = brackets_of(settings), homes_of(brackets_of(settings))
    if not brackets or "adaptive" in settings.get("scheduler", ""):
        brackets, homes = (), [0] * len(goals)
    ends = {b: rounds[-1].epoch for b, rounds in enumerate(brackets)}
    ends = ends or {0: max(rungs_of(settings), default=1)}
    sent = dict.fromkeys(ends, False)
    sound = dict.fromkeys(ends, False)
    for home, goal, lost in zip(homes, goals, failed, strict=False):
        sent[home] |= goal >= ends[home]
        sound[home] |= not lost
    return all(sent[b] or not sound[b] for b in ends)


def statuses(
    settings: Mapping[str, Any],
    done: Sequence[int],
    goals: Sequence[int],
    foreseen: Sequence[bool],
    over: bool,
) -> list[str]:
    """What trials are that pause, as far as a log tells; it does not hold the scheduler's state.

    `done` and `goals` are the epochs of each trial and the last that it was sent to, `foreseen`
    whether a prediction is the last that was said of it. Who stands at or below a rung of a
    synchronous bracket is out once the places beyond it are taken, once somebody is sent beyond
    the next rung, or once a later bracket begins where one is played at a time. Elsewhere nobody
    is out before the study is over.
    """
    brackets = brackets_of(settings)
    homes = homes_of(brackets)
    if not brackets or "adaptive" in settings.get("scheduler", ""):
        stops = settings.get("scheduler") == "asynchronous swift"
        ended = ["stopped" if f and stops else "not promoted" for f in foreseen]
        return ended if over else ["paused"] * len(done)
    sent: dict[int, list[int]] = {}
    for home, goal in zip(homes, goals, strict=False):
        if goal:
            sent.setdefault(home, []).append(goal)
    newest = max(sent, default=0)
    alone = settings.get("concurrent_brackets", 1) == 1

    def status(number: int) -> str:
        home = homes[number]
        ahead = [round for round in brackets[home] if round.epoch >= done[number]]
        out = over or (alone and home < newest) or _taken(ahead, sent.get(home, ()))
        if not out:
            return "paused"
        return "stopped" if done[number] < ahead[0].epoch else "not promoted"

    return [status(number) for number in range(len(done))]


def _taken(ahead: Sequence[Round], goals: Sequence[int]) -> bool:
    """Whether nobody who has not passed the first of these rungs can any more."""
    beyond = [goal for goal in goals if goal > ahead[0].epoch]
    later = ahead[1].epoch if len(ahead) > 1 else ahead[0].epoch
    return len(beyond) >= ahead[0].places or any(goal > later for goal in beyond)
