"""What stands between a study and the executor that runs its trials.

A `Gate` describes the study by what its user named, whichever executor it has, so that a study can
go on with another one; it tries failed jobs again, and keeps a study of brackets to a number of
trials. It also translates: a part of a study counts trials and epochs from 0, the study does not.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from hpo.core.places import BEYOND, Place
from hpo.core.types import Completed, Failed, Job, Reported, TrialEvent, WorkerLost
from hpo.executors.inline import InlineExecutor, name_of
from hpo.executors.protocol import Executor, Told
from hpo.front import reaching
from hpo.front.objective import KEPT, Terms, prepared

EXECUTORS = ("inline", "processes", "ray")


@dataclass(frozen=True)
class Workshop:
    """Who trains: workers of a kind ("inline" is this process), and how often a failed job is
    tried again."""

    objective: Callable[..., Any] | str
    executor: str
    workers: int
    retries: int
    options: Mapping[str, Any]

    @contextmanager
    def opened(
        self,
        terms: Terms,
        folder: Path,
        place: Place,
        limit: int | None,
        ahead: bool,
        on_retry: Callable[[int, str], None],
    ) -> Iterator["Gate"]:
        """The gate to the workers, who end with it; `ahead`: what is asked does not depend on how
        much is asked at once, so that each worker can go on with the runners that wait in it."""
        waiting = KEPT * self.workers if ahead and not terms.resumable else 0
        inner = self._executor(terms, folder, waiting)
        try:
            yield Gate(inner, self.description(terms, limit), self.retries, limit, place, on_retry)
        finally:
            if hasattr(inner, "close"):
                inner.close()

    def description(self, terms: Terms, limit: int | None) -> dict[str, Any]:
        """What the study's log says of the objective: its name, and what it was told."""
        settings = {"metric": terms.metric, "resumable": terms.resumable, "trials": limit}
        given = self.objective
        name = given if isinstance(given, str) else name_of(given)
        return {"objective": name, "settings": settings}

    def _executor(self, terms: Terms, folder: Path, ahead: int) -> Any:
        if self.executor == "inline":
            objective = prepared(reaching.found(self.objective), terms)
            return InlineExecutor(objective, self.workers, folder=folder)
        work = {
            "work": reaching.packed(self.objective),
            "terms": asdict(replace(terms, alone=True)),
        }
        nothing: dict[str, Any] = {}  # of what a study goes on with alone
        arguments = (reaching.FACTORY, nothing, folder, self.workers)
        if self.executor == "ray":
            from hpo.executors.ray import RayExecutor

            return RayExecutor(*arguments, places=work, **{"ahead": ahead, **self.options})
        from hpo.executors import devices
        from hpo.executors.processes import ProcessExecutor
        from hpo.executors.resources import ALONE

        resources = self.options.get("resources", ALONE)
        shares = devices.environments(self.workers, devices.machine(), resources)
        options = {"environments": shares, "ahead": ahead, **self.options}
        return ProcessExecutor(*arguments, places=work, **options)


class Gate:
    """An executor, described as the study wants it, in the numbers of a part of the study."""

    def __init__(
        self,
        inner: Executor,
        description: Mapping[str, Any],
        retries: int,
        limit: int | None,
        place: Place,
        on_retry: Callable[[int, str], None],
    ):
        self._inner, self._description, self._limit = inner, description, limit
        self._place, self._retries, self._on_retry = place, retries, on_retry
        self._failures: Counter[int] = Counter()
        self._beyond: list[Told] = []
        self._numbers: dict[int, int] = {}  # of the part's trials, by those of the study

    @property
    def slots(self) -> int:
        return self._inner.slots

    @property
    def description(self) -> Mapping[str, Any]:
        return {**self._description, "seed": self._inner.description["seed"]}

    def begin(self, seed: int) -> None:
        self._inner.begin(seed)

    def submit(self, job: Job, attempt: int) -> None:
        number, epochs = self._place.number_of(job.trial), self._place.epochs
        if self._limit is not None and number >= self._limit:
            self._beyond.append(Told(attempt, Failed(job.trial, BEYOND)))
            return
        self._numbers[number] = job.trial
        there = replace(
            job,
            trial=number,
            first_epoch=job.first_epoch + epochs,
            last_epoch=job.last_epoch + epochs,
        )
        self._inner.submit(there, attempt)

    def wait(self) -> list[Told]:
        beyond, self._beyond = self._beyond, []
        return beyond or [
            told._replace(event=self._again(self._translated(told.event)))
            for told in self._inner.wait()
        ]

    def cancel(self, trial: int) -> None:
        self._inner.cancel(self._place.number_of(trial))

    def _translated(self, event: TrialEvent) -> TrialEvent:
        trial = self._numbers[event.trial]
        if isinstance(event, Reported | Completed):
            return replace(event, trial=trial, epoch=event.epoch - self._place.epochs)
        return replace(event, trial=trial)

    def _again(self, event: TrialEvent) -> TrialEvent:
        """A failure as a worker lost, as long as the job may be tried again: it goes on from its
        last epoch, and the log counts it."""
        if isinstance(event, Reported):
            self._failures.pop(event.trial, None)
        if not isinstance(event, Failed) or self._failures[event.trial] >= self._retries:
            return event
        self._failures[event.trial] += 1
        self._on_retry(self._place.number_of(event.trial), event.error)
        return WorkerLost(event.trial)
