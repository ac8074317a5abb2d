"""How fast a study goes, and how much of it is left."""

from fractions import Fraction
from typing import NamedTuple

from hpo.schedulers.brackets import schedule_epochs
from hpo.showing import schedule
from hpo.showing.view import View

WINDOW = 200  # reports over which the present rate is taken


class Pace(NamedTuple):
    """Epochs a second of the last reports, on the study's clock; epochs that the schedule has left
    at most, and the time that they would take. None where it is not known, or nothing is left."""

    per_second: float | None
    left_epochs: int | None
    left_seconds: float | None


def pace(view: View) -> Pace:
    """Both are of the past: stops to come save epochs, dearer epochs to come take longer."""
    some = [r.seconds for r in view.reports[-WINDOW:] if r.seconds is not None]
    wall = some[-1] - some[0] if len(some) > 1 else 0.0
    rate = (len(some) - 1) / wall if wall > 0 else None
    planned = planned_epochs(view)
    if view.over or planned is None:
        return Pace(rate, None, None)
    left = max(planned - view.epochs, 0)
    return Pace(rate, left, left / rate if rate else None)


def planned_epochs(view: View) -> int | None:
    """What the schedule has at most: all brackets without a stop; of rungs without brackets what
    they have where 1/eta of each go on. None where the settings do not tell."""
    if brackets := schedule.brackets_of(view.settings):
        return schedule_epochs(brackets)
    rungs, eta = schedule.rungs_of(view.settings), view.settings.get("eta")
    trials = schedule.trials_of(view.settings)
    if not rungs or not eta or not trials:
        return None
    steps = zip((0, *rungs), rungs, strict=False)
    return int(sum(Fraction(trials, eta**k) * (b - a) for k, (a, b) in enumerate(steps)))
