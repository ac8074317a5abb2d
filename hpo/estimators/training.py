"""The executor of a search: trials in all folds, by joblib's workers."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int
from sklearn.utils.parallel import Parallel, delayed

from hpo.core.places import BEYOND
from hpo.core.types import Completed, Failed, Job, Reported, TrialEvent
from hpo.estimators.candidates import Candidates
from hpo.estimators.folds import EPOCHS, Plan, Task, Trained, train
from hpo.executors.protocol import Told
from hpo.front.objective import REPEATED

METRIC = "score"  # the mean over the folds
SPLIT = "split {}: "  # how the error begins of a trial whose fit failed
_MANY = 1_000_000  # jobs at once: all that are asked before a barrier are trained together


class Fold(NamedTuple):
    """Rows to train on, in the order in which a sample grows, and rows to test on."""

    train: Int[np.ndarray, " rows"]
    test: Int[np.ndarray, " rows"]


class Asked(NamedTuple):
    """A job, its number among the trial's, and the epoch from which it is trained: where what was
    fitted is gone, from the first."""

    job: Job
    attempt: int
    first: int


class Training:
    """Runs jobs, those together that were asked together; what they tell comes in their order.

    So neither results nor their order depend on `n_jobs`. What was fitted stays in memory until
    `keep` says that its trial goes on no more. `known` is the last score of each trial that was
    begun before.
    """

    slots = _MANY

    def __init__(
        self,
        plan: Plan,
        folds: Sequence[Fold],
        found: Candidates,
        limit: int | None,
        n_jobs: int | None,
        description: Mapping[str, Any],
        known: Mapping[int, float],
        batch: int,
    ):
        self._plan, self._folds, self._found, self._limit = plan, folds, found, limit
        self._n_jobs = n_jobs
        self.description = description
        self._scores, self._batch = dict(known), batch
        self._fitted: dict[int, list[Any]] = {}
        self._queue: list[Asked] = []
        self._running: list[Asked] = []
        self._coming: Iterator[Trained] = iter(())
        self._beyond: list[Told] = []

    def begin(self, seed: int) -> None:
        """Nothing is drawn here."""

    def submit(self, job: Job, attempt: int) -> None:
        """Queue the job."""
        if self._limit is not None and job.trial >= self._limit:
            self._beyond.append(Told(attempt, Failed(job.trial, BEYOND)))
            return
        goes_on = self._plan.resource != EPOCHS or job.trial in self._fitted
        self._queue.append(Asked(job, attempt, job.first_epoch if goes_on else 0))

    def wait(self) -> list[Told]:
        """Train the next job in all folds. Raises what a fit raises, with error_score "raise"."""
        if self._beyond:
            beyond, self._beyond = self._beyond, []
            return beyond
        if not self._running:
            self._begin_batch()
        asked = self._running.pop(0)
        trained = list(islice(self._coming, len(self._folds)))
        return [Told(asked.attempt, event) for event in self._events(asked, trained)]

    def cancel(self, trial: int) -> None:
        """A trial whose score is no number: nobody waits for more of it."""
        self._fitted.pop(trial, None)

    def keep(self, going_on: frozenset[int]) -> None:
        """Forget what was fitted of all other trials."""
        self._fitted = {n: fitted for n, fitted in self._fitted.items() if n in going_on}

    def _begin_batch(self) -> None:
        batch, self._queue = self._queue, []
        self._running = list(batch)
        self._batch += 1
        self._coming = Parallel(n_jobs=self._n_jobs, return_as="generator")(
            delayed(train)(self._plan, self._task(asked, place))
            for asked in batch
            for place in range(len(self._folds))
        )

    def _task(self, asked: Asked, place: int) -> Task:
        job, fitted = asked.job, self._fitted.get(asked.job.trial) if asked.first else None
        values, fold = self._found.values(job.configuration), self._folds[place]
        return Task(values, *fold, asked.first, job.last_epoch, fitted and fitted[place])

    def _events(self, asked: Asked, trained: Sequence[Trained]) -> Iterator[TrialEvent]:
        job, curve = asked.job, self._curve(asked, trained)
        errors = [SPLIT.format(i) + t.error for i, t in enumerate(trained) if t.error]
        ends = {} if errors else self._last_metrics(asked, trained)
        for epoch, (score, more) in enumerate(curve, asked.first + 1):
            if epoch > job.first_epoch:
                told = {METRIC: score, **more, **(ends if epoch == job.last_epoch else {})}
                yield Reported(job.trial, epoch, told)
        if errors:
            yield Failed(job.trial, errors[0])
            return
        if self._plan.resource == EPOCHS:
            self._fitted[job.trial] = [each.fitted for each in trained]
        self._scores[job.trial] = curve[-1][0]
        yield Completed(job.trial, job.last_epoch)

    def _curve(
        self, asked: Asked, trained: Sequence[Trained]
    ) -> list[tuple[float, dict[str, float]]]:
        """The mean score of each epoch that all folds came to. Between two sizes of a sample it is
        drawn straight from one to the other, and said to be."""
        scores = [float(np.mean(each)) for each in zip(*(t.scores for t in trained), strict=False)]
        if self._plan.resource == EPOCHS or not scores:
            return [(score, {}) for score in scores]
        job = asked.job
        before = self._scores.get(job.trial, scores[0])
        epochs = np.arange(job.first_epoch + 1, job.last_epoch + 1)
        line = np.interp(epochs, (job.first_epoch, job.last_epoch), (before, scores[0]))
        measured = (epochs == job.last_epoch).astype(float).tolist()
        return [(v, {"measured": m}) for v, m in zip(line.tolist(), measured, strict=True)]

    def _last_metrics(self, asked: Asked, trained: Sequence[Trained]) -> dict[str, float]:
        """What is told with the last epoch of a job, for the table of results."""
        found = {"batch": float(self._batch)}
        if asked.first < asked.job.first_epoch:
            found[REPEATED] = float(asked.job.first_epoch)
        for i, each in enumerate(trained):
            found[f"split{i}_test_score"] = each.scores[-1]
            found[f"split{i}_fit_time"], found[f"split{i}_score_time"] = each.seconds
            if each.train_score is not None:
                found[f"split{i}_train_score"] = each.train_score
        return found
