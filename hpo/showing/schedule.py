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


def statuses(
    settings: Mapping[str, Any],
    done: Sequence[int],
    goals: Sequence[int],
    foreseen: Sequence[bool],
    over: bool,
) -> list[str]:
    """What trials are that pause, as far as a log tells; it does not hold the scheduler's state.

    `done` and `goals` are the epochs of each trial and the last that it was sent to, `foreseen`
    whether a prediction is the last that was said of it. A synchronous round is over once one of
    its bracket is sent beyond the rung, or a later bracket begins where only one is played at a
    time; who stands below or at the rung then is out. Else nobody is, before the study is over.
    """
    brackets = brackets_of(settings)
    homes = homes_of(brackets)
    synchronous = bool(brackets) and settings.get("scheduler") != "adaptive"
    alone = settings.get("concurrent_brackets", 1) == 1
    furthest: dict[int, int] = {}
    for number, goal in enumerate(goals):
        if number < len(homes) and goal:
            furthest[homes[number]] = max(furthest.get(homes[number], 0), goal)
    newest = max(furthest, default=0)

    def status(number: int) -> str:
        if not synchronous or number >= len(homes):
            out = over
            short = foreseen[number] and "asynchronous" in settings.get("scheduler", "")
        else:
            home = homes[number]
            rung = min((r.epoch for r in brackets[home] if r.epoch >= done[number]), default=0)
            out = over or furthest.get(home, 0) > rung or (alone and home < newest)
            short = done[number] < rung
        return ("stopped" if short else "not promoted") if out else "paused"

    return [status(number) for number in range(len(done))]
