"""Studies played step by step, for laws about single decisions."""

from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple

from hpo.core.types import Completed, Finished, Job, Predict, Predicted, Reported, Scheduler
from hpo.simulation.tables import ROW, Table


class Step(NamedTuple):
    """A job that was asked, a job that ended or a prediction that was told, and what it changed."""

    before: Any
    item: Job | Completed | Predicted
    after: Any


def steps(
    scheduler: Scheduler, table: Table, seed: int = 0, workers: int = 1, order: int = 0
) -> Iterator[Step]:
    """A whole study; of the workers a random one ends its job next."""
    chance, state, running = Random(order), scheduler.init(seed), {}
    while True:
        before = state
        state, action = scheduler.ask(state) if len(running) < workers else (state, None)
        if isinstance(action, Job):
            running[action.trial] = action
            yield Step(before, action, state)
        elif isinstance(action, Predict):
            answer = scheduler.predict(state, action)
            state = scheduler.tell(state, answer)
            yield Step(before, answer, state)
        elif isinstance(action, Finished):
            return
        else:
            job = running.pop(chance.choice(sorted(running)))
            curve = table.curves[job.configuration[ROW]]
            epochs = range(job.first_epoch + 1, job.last_epoch + 1)
            reports = [Reported(job.trial, e, {"loss": float(curve[e - 1])}) for e in epochs]
            ended = Completed(job.trial, job.last_epoch)
            state = scheduler.tell(scheduler.extend(state, reports), ended)
            yield Step(before, ended, state)


def goals_of(state: Any) -> dict[int, int]:
    """Where those that wait for a worker are sent."""
    return {t.number: t.goal for t in state.trials if t.status == "waiting" and t.goal}


def barriers(played: Iterator[Step]) -> Iterator[tuple[Any, tuple[Predicted, ...], Any]]:
    """Before, answers and after of every decision: predictions that were told one after another."""
    begun, answers = None, ()
    for step in played:
        if not isinstance(step.item, Predicted):
            continue
        begun = step.before if not answers else begun
        answers += (step.item,)
        if goals_of(step.after) or not step.after.answers:
            yield begun, answers, step.after
            answers = ()
