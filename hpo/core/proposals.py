"""A searcher that learns, under any scheduler: `searched` asks it when a new trial is to begin.

Its proposals are events (`Proposed`): a study that is replayed from its log has the configurations
it had, on any machine, with any version of the library that fitted the model, and fits nothing.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

from hpo.core.searcher import Observed, Searcher
from hpo.core.state import FAILED
from hpo.core.types import (
    Action,
    Event,
    Job,
    Predict,
    Predicted,
    Propose,
    Proposed,
    Reported,
    Scheduler,
)


class Searched(NamedTuple):
    """The scheduler's own state, from whose trials the searcher learns.

    `proposed` are the trials that have a configuration by the searcher, in order. `ready` is the
    first job of a trial whose configuration has been chosen: the next to be asked.
    """

    seed: int
    inner: Any
    proposed: tuple[int, ...]
    ready: Job | None


def searched(scheduler: Scheduler, searcher: Searcher) -> Scheduler:
    """The scheduler, with configurations by `searcher.suggest`; itself where there is none.

    The scheduler must take a `Proposed` in `tell`, for a trial that it has just asked to begin,
    by giving that trial its configuration. What is known when a trial begins depends on which
    worker was faster, so with more than one worker proposals do too; their replay does not.
    """
    suggest = searcher.suggest
    if suggest is None:
        return scheduler
    sign = -1.0 if scheduler.settings.get("mode") == "maximise" else 1.0

    def init(seed: int) -> Searched:
        return Searched(seed, scheduler.init(seed), (), None)

    def ask(state: Searched) -> tuple[Searched, Action]:
        if state.ready is not None:
            return state._replace(ready=None), state.ready
        inner, action = scheduler.ask(state.inner)
        if isinstance(action, Job) and action.trial not in state.proposed:
            return state, Propose(action.trial)
        return state._replace(inner=inner), action

    def predict(state: Searched, request: Predict | Propose) -> Predicted | Proposed:
        if isinstance(request, Propose):
            known = observed(state, sign)
            return Proposed(request.trial, suggest(state.seed, request.trial, known))
        return scheduler.predict(state.inner, request)

    def tell(state: Searched, event: Event) -> Searched:
        if isinstance(event, Proposed):
            return begin(state, event)
        return state._replace(inner=scheduler.tell(state.inner, event))

    def begin(state: Searched, event: Proposed) -> Searched:
        inner, action = scheduler.ask(state.inner)
        known = event.trial in state.proposed
        if not isinstance(action, Job) or action.trial != event.trial or known or state.ready:
            raise ValueError(f"{event}: nobody asked for that configuration")
        return Searched(
            state.seed,
            scheduler.tell(inner, event),
            tuple(sorted((*state.proposed, event.trial))),
            dataclasses.replace(action, configuration=event.configuration),
        )

    def extend(state: Searched, reports: Sequence[Reported]) -> Searched:
        return state._replace(inner=scheduler.extend(state.inner, reports))

    def open_trials(state: Searched) -> frozenset[int]:
        return scheduler.open_trials(state.inner)

    return Scheduler(
        init, ask, tell, predict, scheduler.settings, scheduler.metric, extend, open_trials
    )


def own(state: Any) -> Any:
    """The state of the scheduler itself, whether a searcher learns from it or not."""
    return state.inner if isinstance(state, Searched) else state


def observed(state: Searched, sign: float) -> tuple[Observed, ...]:
    """What the study knows of the trials that its searcher has proposed."""
    trials = (state.inner.trials[number] for number in state.proposed)
    return tuple(
        Observed(t.number, t.configuration, tuple(sign * v for v in t.curve), t.status == FAILED)
        for t in trials
    )
