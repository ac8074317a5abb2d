"""The figures behind the pictures of a study's course: values in, values out."""

import heapq
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from hpo.core.state import FAILED, NOT_PROMOTED, STOPPED
from hpo.showing import schedule
from hpo.showing.view import Seen, Span, View


class Best(NamedTuple):
    """The best metric of any report so far, after so many `epochs` of the study; and the trial and
    its epoch that it is of. `seconds` is NaN where times are not known."""

    epochs: Int[np.ndarray, " reports"]
    seconds: Float[np.ndarray, " reports"]
    value: Float[np.ndarray, " reports"]
    trial: Int[np.ndarray, " reports"]
    epoch: Int[np.ndarray, " reports"]


class Spent(NamedTuple):
    """Epochs of the study, of plain Hyperband on its schedule and of its trials all trained to the
    end (None where the settings do not tell). `seconds_saved` is what the epochs that Hyperband has
    more would have taken one worker at the study's mean epoch, None where there is no clock."""

    study: int
    hyperband: int | None
    full: int
    seconds_saved: float | None


class Stops(NamedTuple):
    """Trials that were given up, and those of them of which it is known to be an error.

    better     stand already below the best trial's last value
    ahead      were better at their last epoch than the best trial was at the same epoch: it may
               have been an error, for they had less training
    """

    given_up: tuple[int, ...]
    better: tuple[int, ...]
    ahead: tuple[int, ...]


def best_so_far(view: View) -> Best:
    """After every report the best until then; of equal ones the first."""
    values = view.sign * np.array([r.value for r in view.reports], float)
    lowest = np.minimum.accumulate(values) if len(values) else values
    rows = np.arange(len(values))
    holder = np.maximum.accumulate(np.where(np.r_[True, np.diff(lowest) < 0][: len(rows)], rows, 0))
    seconds = [np.nan if r.seconds is None else r.seconds for r in view.reports]
    trial = np.array([r.trial for r in view.reports], int)
    epoch = np.array([r.epoch for r in view.reports], int)
    at = holder.astype(int)
    return Best(rows + 1, np.array(seconds, float), view.sign * lowest, trial[at], epoch[at])


def lanes(spans: Sequence[Span]) -> list[int]:
    """A lane for each span, in order: its worker's, where every span has one. Else such that none
    overlap and there are as few as can be: the one that has been free for longest."""
    places = [span.worker for span in spans if span.worker is not None]
    if places and len(places) == len(spans):
        workers = sorted(set(places))
        return [workers.index(place) for place in places]
    order = sorted(range(len(spans)), key=lambda i: (spans[i].begun, spans[i].ended))
    busy, free = list[tuple[float, int]](), list[tuple[float, int]]()
    chosen, count = [0] * len(spans), 0
    for i in order:
        while busy and busy[0][0] <= spans[i].begun:
            heapq.heappush(free, heapq.heappop(busy))
        if free:
            _, lane = heapq.heappop(free)
        else:
            lane, count = count, count + 1
        chosen[i] = lane
        heapq.heappush(busy, (max(spans[i].ended, spans[i].begun), lane))
    return chosen


def longest(view: View) -> int:
    """The last epoch that the schedule has, or that any trial was sent to."""
    goals = [span.goal for span in view.spans] or [trial.epochs for trial in view.trials]
    return max((*schedule.rungs_of(view.settings), *goals), default=0)


def spent(view: View) -> Spent:
    """What the study cost beside what others would have."""
    end = longest(view)
    theirs = schedule.hyperband(view.settings, end)
    busy = sum(span.ended - span.begun for span in view.spans)
    saved = None
    if theirs is not None and view.spans and view.epochs and view.over:
        saved = (theirs - view.epochs) * busy / view.epochs
    return Spent(view.epochs, theirs, end * len(view.trials), saved)


def wrong_stops(view: View) -> Stops:
    """What is known of the trials that were given up. How they would have ended nobody knows."""
    best = view.best
    given_up = [t for t in view.trials if t.status in (STOPPED, NOT_PROMOTED) and t.curve]
    numbers = tuple(t.number for t in given_up)
    if best is None:
        return Stops(numbers, (), ())

    def below(trial: Seen, value: float) -> bool:
        return view.sign * trial.curve[-1] < view.sign * value

    shorter = [t for t in given_up if t.epochs < best.epochs]
    return Stops(
        numbers,
        tuple(t.number for t in shorter if below(t, best.curve[-1])),
        tuple(t.number for t in shorter if below(t, best.curve[t.epochs - 1])),
    )


def common_epoch(view: View, least: int = 20) -> tuple[int, tuple[Seen, ...]]:
    """An epoch at which trials can be compared, and those that came to it: the last that `least`
    trials or a third of all came to, whichever is more; (0, ()) where nobody reported."""
    trials = [t for t in view.trials if t.curve]
    if not trials:
        return 0, ()
    lengths = sorted((t.epochs for t in trials), reverse=True)
    wanted = min(max(least, -(-len(lengths) // 3)), len(lengths))
    epoch = lengths[wanted - 1]
    return epoch, tuple(t for t in trials if t.epochs >= epoch)


def counts(view: View) -> dict[str, int]:
    """How many trials there are of each status, failed ones last."""
    statuses = [t.status for t in view.trials]
    return {s: statuses.count(s) for s in sorted(set(statuses), key=lambda s: (s == FAILED, s))}
