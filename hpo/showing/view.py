"""What is shown of a study, whether its log or its last state is at hand."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from hpo.core.state import COMPLETED, FAILED, NOT_PROMOTED, PAUSED, RUNNING, STOPPED, WAITING
from hpo.core.types import Configuration
from hpo.study.summary import summarise

STATUSES = (COMPLETED, RUNNING, PAUSED, WAITING, NOT_PROMOTED, STOPPED, FAILED)


class Seen(NamedTuple):
    """A trial; `curve[i]` is the metric after epoch i+1. `bracket` is None where there are none."""

    number: int
    bracket: int | None
    configuration: Configuration
    curve: tuple[float, ...]
    status: str
    error: str | None

    @property
    def epochs(self) -> int:
        return len(self.curve)


class Span(NamedTuple):
    """A job of a trial, from epoch `first` to `last`, between two times of the study's clock (s).

    `end` says how it ended: completed, failed, lost, or running, where it has not. `worker` is the
    place, from 0, of the one that had it, None where the log does not say; where it does, a job
    that waited for its worker begins when that was free.
    """

    trial: int
    begun: float
    ended: float
    first: int
    last: int
    goal: int
    end: str
    worker: int | None = None


class Report(NamedTuple):
    """The metric as it came, and all that came with it, by name; `seconds` on the study's clock,
    None where that was not recorded."""

    seconds: float | None
    trial: int
    epoch: int
    value: float
    metrics: Mapping[str, Any]


class Foreseen(NamedTuple):
    """A prediction at `epoch` for `rung`; `actual` is None where nobody went to see."""

    trial: int
    epoch: int
    rung: int
    mean: float
    spread: float
    actual: float | None


@dataclass(frozen=True)
class View:
    """A study.

    sign       +1 where the metric is minimised, -1 where it is maximised
    reports    in the order in which they came; by trial where no log says when
    spans      empty where no log says when
    settings   of the scheduler, empty where only a state is known
    over       nobody trains or will. A log does not say so: it is taken to be where all trials of
               the schedule have begun, somebody was sent to the end, and no job runs. In the last
               round that is so, too, between the jobs before a decision and those after it
    begun, last  times of the first and the last row (s since 1970), None without a log
    """

    metric: str
    sign: int
    trials: tuple[Seen, ...]
    reports: tuple[Report, ...]
    spans: tuple[Span, ...]
    foreseen: tuple[Foreseen, ...]
    settings: Mapping[str, Any]
    seed: int | None
    over: bool
    begun: float | None
    last: float | None

    @property
    def epochs(self) -> int:
        """All that were trained, each counted once."""
        return sum(trial.epochs for trial in self.trials)

    @property
    def seconds(self) -> float | None:
        """For which the study was played; None where that was not recorded."""
        times = [span.ended for span in self.spans]
        return max(times) if times else None

    def ranked(self) -> list[Seen]:
        """Trials that did not fail: those trained longest first, and among these the best first."""
        alive = [t for t in self.trials if t.curve and t.status != FAILED]
        return sorted(alive, key=lambda t: (-t.epochs, self.sign * t.curve[-1], t.number))

    @property
    def best(self) -> Seen | None:
        """Of the trials trained longest and not failed the best."""
        return next(iter(self.ranked()), None)


def of_state(state: Any) -> View:
    """The view of a scheduler's state: without times, and without its settings."""
    sign = getattr(state, "inner", state).sign
    summary = summarise(state)
    trials = tuple(
        Seen(t.number, t.bracket, t.configuration, t.curve, t.status, t.error)
        for t in summary.trials
    )
    reports = tuple(
        Report(None, t.number, epoch, value, {"loss": value})
        for t in trials
        for epoch, value in enumerate(t.curve, 1)
    )
    foreseen = tuple(
        Foreseen(p.trial, p.epoch, p.rung, p.mean, p.spread, p.actual) for p in summary.predictions
    )
    over = not any(t.status in (RUNNING, WAITING, PAUSED) for t in trials)
    return View("loss", sign, trials, reports, (), foreseen, {}, None, over, None, None)
