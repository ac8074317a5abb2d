"""Whole studies on tabulated curves and a virtual clock: any number of workers, slow or failing.

No scheduler decides anything before a job has ended, so the clock moves from job to job, not from
epoch to epoch: a study of 3,000 epochs takes milliseconds. Epoch times and failures belong to
(seed, trial, epoch): every scheduler meets the same ones, and comparisons are paired.
"""

import heapq
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from hpo.core import streams
from hpo.core.types import (
    Completed,
    Failed,
    Finished,
    Job,
    Predict,
    Propose,
    Reported,
    Scheduler,
    TrialEvent,
    WorkerLost,
)
from hpo.executors.protocol import checked_workers
from hpo.simulation.tables import Table, row_of


@dataclass(frozen=True)
class Conditions:
    """What training is like. Times are in units of a mean epoch.

    workers      jobs that run at once
    spread       sigma of the logarithm of an epoch's time, whose mean is 1
    stragglers   share of trials whose every epoch takes `slowness` times as long
    crashes      chance that an epoch is lost, halfway, with its worker; the trial can go on from
                 the epoch before
    """

    workers: int = 1
    spread: float = 0.0
    stragglers: float = 0.0
    slowness: float = 4.0
    crashes: float = 0.0

    def __post_init__(self) -> None:
        checked_workers(self.workers)
        if self.spread < 0 or self.slowness < 1:
            raise ValueError(
                f"spread must be at least 0 and slowness at least 1, got {self.spread}, "
                f"{self.slowness}"
            )
        for name in ("stragglers", "crashes"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must lie in [0, 1), got {getattr(self, name)}")


class Outcome(NamedTuple):
    """What a simulated study came to.

    state         the scheduler's last
    best          the trial returned, None where all failed; `loss` is its last (the metric)
    epochs        all that were run, each counted once; those lost with a worker apart, in `lost`
    failed        trials that diverged
    wall, busy    virtual time, and the sum of what workers spent training
    idle          share of wall * workers spent waiting
    idle_asked    the same until the last job was asked: while there was work left
    longest       the time of the trial that took longest: with busy / workers, the least wall
    wrong_stops   trials given up that would have ended below the loss returned
    """

    state: Any
    best: int | None
    loss: float
    epochs: int
    lost: int
    failed: int
    wall: float
    busy: float
    idle: float
    idle_asked: float
    longest: float
    wrong_stops: int

    @property
    def trials(self) -> Any:
        """The trials of the last state, by number."""
        return getattr(self.state, "inner", self.state).trials


class _Run(NamedTuple):
    """A job on its worker: events that end it at time `end`, sorted by it, then as asked."""

    end: float
    order: int
    start: float
    reports: list[Reported]
    last: TrialEvent
    epochs: int


def simulate(
    scheduler: Scheduler, table: Table, seed: int, conditions: Conditions | None = None
) -> Outcome:
    """Play a study of the table's rows to its end; `scheduler` has the table's searcher.

    Raises RuntimeError where the scheduler waits although nothing runs.
    """
    conditions = conditions or Conditions()
    fates = _Fates(conditions, seed, table.curves.shape[1])
    state, clock = scheduler.init(seed), 0.0
    running, done = list[_Run](), list[_Run]()
    while True:
        action = None
        while len(running) < conditions.workers:
            state, action = scheduler.ask(state)
            if isinstance(action, Predict | Propose):
                state = scheduler.tell(state, scheduler.predict(state, action))
            elif isinstance(action, Job):
                order = len(done) + len(running)
                heapq.heappush(running, _train(action, table, fates, clock, order, scheduler))
            else:
                break
        if not running:
            if isinstance(action, Finished):
                return _outcome(scheduler, table, state, action.best, done, conditions)
            raise RuntimeError("the scheduler waits although nothing runs: it can never go on")
        ended = heapq.heappop(running)
        clock = ended.end
        state = scheduler.tell(scheduler.extend(state, ended.reports), ended.last)
        done.append(ended)


class _Fates:
    """How long each epoch of each trial takes, and how often its worker is lost in it."""

    def __init__(self, conditions: Conditions, seed: int, epochs: int):
        self._conditions, self._seed, self._epochs = conditions, seed, epochs
        self._trials: dict[int, tuple[Float[np.ndarray, " epochs"], Int[np.ndarray, " epochs"]]]
        self._trials = {}

    def __getitem__(
        self, trial: int
    ) -> tuple[Float[np.ndarray, " epochs"], Int[np.ndarray, " epochs"]]:
        """Times, and losses still to come (the one thing here that changes)."""
        if trial not in self._trials:
            now = self._conditions
            times, losses = np.ones(self._epochs), np.zeros(self._epochs, int)
            if now.spread or now.stragglers or now.crashes:
                generator = np.random.default_rng(streams.fates(self._seed, trial))
                logarithms = generator.normal(-(now.spread**2) / 2, now.spread, self._epochs)
                slow = now.slowness if generator.random() < now.stragglers else 1.0
                times = slow * np.exp(logarithms)
                losses = generator.geometric(1 - now.crashes, self._epochs) - 1
            self._trials[trial] = (times, losses)
        return self._trials[trial]


def _train(
    job: Job, table: Table, fates: _Fates, clock: float, order: int, scheduler: Scheduler
) -> _Run:
    """What comes of a job that starts now."""
    times, losses = fates[job.trial]
    first, last = job.first_epoch, job.last_epoch
    values = table.curves[row_of(job.configuration), first:last].tolist()
    cut = next((i for i, value in enumerate(values) if not math.isfinite(value)), len(values))
    crashing = np.flatnonzero(losses[first : first + min(cut + 1, len(values))])
    reported = int(crashing[0]) if len(crashing) else cut
    reports = [
        Reported(job.trial, first + i + 1, {scheduler.metric: value})
        for i, value in enumerate(values[:reported])
    ]
    spent = float(times[first : first + reported].sum())
    if len(crashing):
        losses[first + reported] -= 1
        half = 0.5 * float(times[first + reported])
        return _Run(clock + spent + half, order, clock, reports, WorkerLost(job.trial), reported)
    if cut < len(values):
        error = f"epoch {first + cut + 1}: the loss is {values[cut]}"
        end = clock + spent + float(times[first + cut])
        return _Run(end, order, clock, reports, Failed(job.trial, error), cut + 1)
    return _Run(clock + spent, order, clock, reports, Completed(job.trial, last), len(values))


def _outcome(
    scheduler: Scheduler,
    table: Table,
    state: Any,
    best: int | None,
    done: list[_Run],
    conditions: Conditions,
) -> Outcome:
    trials = getattr(state, "inner", state).trials
    wall = max((run.end for run in done), default=0.0)
    asked = max((run.start for run in done), default=0.0)
    busy = sum(run.end - run.start for run in done)
    until = sum(min(run.end, asked) - run.start for run in done)
    spent: dict[int, float] = {}
    for run in done:
        spent[run.last.trial] = spent.get(run.last.trial, 0.0) + run.end - run.start
    return Outcome(
        state,
        best,
        math.nan if best is None else trials[best].curve[-1],
        sum(run.epochs for run in done),
        sum(isinstance(run.last, WorkerLost) for run in done),
        sum(isinstance(run.last, Failed) for run in done),
        wall,
        busy,
        1 - busy / (wall * conditions.workers) if wall else 0.0,
        1 - until / (asked * conditions.workers) if asked else 0.0,
        max(spent.values(), default=0.0),
        _wrong_stops(scheduler, table, trials, best),
    )


def _wrong_stops(scheduler: Scheduler, table: Table, trials: Any, best: int | None) -> int:
    if best is None:
        return 0
    last = len(trials[best].curve)
    given_up = [row_of(t.configuration) for t in trials if t.error is None and len(t.curve) < last]
    sign = -1 if scheduler.settings.get("mode") == "maximise" else 1
    return int((sign * table.curves[given_up, last - 1] < sign * trials[best].curve[-1]).sum())
