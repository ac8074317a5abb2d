"""A searcher that learns, under any scheduler: `searched` asks it when a new trial is to begin.

Its proposals are events (`Proposed`): a study that is replayed from its log has the configurations
it had, on any machine, with any version of the library that fitted the model, and fits nothing.
"""

import bisect
import dataclasses
import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

from hpo.core.searcher import Observed, Searcher
from hpo.core.types import (
    Action,
    Event,
    Failed,
    Job,
    Predict,
    Propose,
    Proposed,
    Reported,
    Scheduler,
)


class Searched(NamedTuple):
    """The scheduler's own state, and what its searcher learns from.

    `ready` is the first job of a trial whose configuration has been chosen: the next to be asked.
    """

    seed: int
    inner: Any
    observed: tuple[Observed, ...]
    ready: Job | None


def searched(scheduler: Scheduler, searcher: Searcher) -> Scheduler:
    """The scheduler, with configurations by `searcher.suggest`; itself where there is none.

    The scheduler must take a `Proposed` in `tell`, for a trial that it has just asked to begin,
    by giving that trial its configuration. What is known when a trial begins depends on which
    worker was faster, so with more than one worker proposals do too; their replay does not.
    """
    if searcher.suggest is None:
        return scheduler
    sign = -1.0 if scheduler.settings.get("mode") == "maximise" else 1.0

    def init(seed: int) -> Searched:
        return Searched(seed, scheduler.init(seed), (), None)

    def ask(state: Searched) -> tuple[Searched, Action]:
        if state.ready is not None:
            return state._replace(ready=None), state.ready
        inner, action = scheduler.ask(state.inner)
        if isinstance(action, Job) and _find(state.observed, action.trial) is None:
            return state, Propose(action.trial)
        return state._replace(inner=inner), action

    def predict(state: Searched, request: Predict | Propose) -> Event:
        if isinstance(request, Propose):
            configuration = searcher.suggest(state.seed, request.trial, state.observed)
            return Proposed(request.trial, configuration)
        return scheduler.predict(state.inner, request)

    def tell(state: Searched, event: Event) -> Searched:
        if isinstance(event, Proposed):
            return begin(state, event)
        state = state._replace(inner=scheduler.tell(state.inner, event))
        if isinstance(event, Reported):
            return _updated(state, event.trial, value=sign * event.metrics[scheduler.metric])
        return _updated(state, event.trial) if isinstance(event, Failed) else state

    def begin(state: Searched, event: Proposed) -> Searched:
        inner, action = scheduler.ask(state.inner)
        known = _find(state.observed, event.trial) is not None
        if not isinstance(action, Job) or action.trial != event.trial or known or state.ready:
            raise ValueError(f"{event}: nobody asked for that configuration")
        return Searched(
            state.seed,
            scheduler.tell(inner, event),
            tuple(sorted((*state.observed, Observed(event.trial, event.configuration, (), False)))),
            dataclasses.replace(action, configuration=event.configuration),
        )

    def extend(state: Searched, reports: Sequence[Reported]) -> Searched:
        return functools.reduce(tell, reports, state)

    return Scheduler(init, ask, tell, predict, scheduler.settings, scheduler.metric, extend)


def _find(observed: tuple[Observed, ...], trial: int) -> int | None:
    """Where a trial stands, in the order of their numbers."""
    place = bisect.bisect_left(observed, trial, key=lambda entry: entry.trial)
    return place if place < len(observed) and observed[place].trial == trial else None


def _updated(state: Searched, trial: int, value: float | None = None) -> Searched:
    """With one more epoch of a trial, or with its failure."""
    place = _find(state.observed, trial)
    entry = state.observed[place]
    if value is None:
        entry = entry._replace(failed=True)
    else:
        entry = entry._replace(curve=(*entry.curve, value))
    return state._replace(observed=(*state.observed[:place], entry, *state.observed[place + 1 :]))
