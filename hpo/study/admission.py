"""What an executor may say of the jobs it was given: all else is refused before it is written.

An event that could not have happened would stand in the log for ever, and no state follows from it.
"""

import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from hpo.core.trials import defect_of
from hpo.core.types import Completed, Failed, Job, Reported, TrialEvent, WorkerLost
from hpo.executors.protocol import Told

_OF_TRIALS = (Reported, Completed, Failed, WorkerLost)  # a tuple is tested faster than a union


class Refused(NamedTuple):
    """An event that an executor told and that could not be: twice, too late, or of no job.

    Neither the log nor the scheduler has it; the study goes on as if it had not been told.
    """

    event: Any
    reason: str

    def __str__(self) -> str:
        return f"{self.event}: {self.reason}"


class Admission(NamedTuple):
    """What comes of an executor's events: those to be told, the trials that fail by them and whose
    jobs are to be cancelled, and those that are refused."""

    events: Sequence[TrialEvent]
    spoilt: Sequence[int]
    refused: Sequence[Refused]


class _Progress(NamedTuple):
    """A job up to epoch `last` of which epochs up to `done` were reported."""

    attempt: int
    done: int
    last: int


class Jobs:
    """The jobs that an executor runs, and how far each has come; `begun` are those that were asked
    before, for the trials' attempts are counted on."""

    def __init__(self, begun: Iterable[Job] = ()) -> None:
        self._running: dict[int, _Progress] = {}
        self._attempts = Counter(job.trial for job in begun)

    def __len__(self) -> int:
        return len(self._running)

    def begin(self, job: Job) -> int:
        """One more runs; the number of this attempt."""
        attempt = self._attempts[job.trial]
        self._attempts[job.trial] += 1
        self._running[job.trial] = _Progress(attempt, job.first_epoch, job.last_epoch)
        return attempt

    def admit(self, told: Iterable[Told], metric: str) -> Admission:
        """Sort events, in the order in which they were told. A report without a usable metric, and
        the completion of a job whose epochs were not all reported, become failures: the job has
        ended, and a study that waited for it would hang."""
        admitted, spoilt, refused = [], [], []
        for attempt, event, _ in told:
            reason = self.refusal(event, attempt)
            if reason is not None:
                # The last words of a job that failed just now are no fault: that is on record.
                if getattr(event, "trial", None) not in spoilt:
                    refused.append(Refused(event, reason))
                continue
            error = self.defect(event, metric)
            if error is not None:
                spoilt.append(event.trial)
                event = Failed(event.trial, error)
            self.follow(event)
            admitted.append(event)
        return Admission(admitted, spoilt, refused)

    def refusal(self, event: TrialEvent, attempt: int | None = None) -> str | None:
        """Why the event cannot be, None where it can; of the present attempt unless told."""
        if not isinstance(event, _OF_TRIALS):
            return "it is no event of a trial"
        malformed = _malformed(event)
        if malformed is not None:
            return malformed
        job = self._running.get(event.trial)
        if job is None:
            return "the trial has no job"
        if attempt is not None and attempt != job.attempt:
            return f"it is of attempt {attempt}, and attempt {job.attempt} runs"
        if isinstance(event, Reported) and not event.epoch == job.done + 1 <= job.last:
            return f"after {job.done} of {job.last} epochs that is not the next one"
        if isinstance(event, Completed) and event.epoch != job.last:
            return f"the trial's job ends with epoch {job.last}: it is of another one"
        return None

    def follow(self, event: TrialEvent) -> None:
        """Bring the job up to date with an event that can be."""
        if isinstance(event, Reported):
            job = self._running[event.trial]
            self._running[event.trial] = job._replace(done=event.epoch)
        else:
            del self._running[event.trial]

    def defect(self, event: TrialEvent, metric: str) -> str | None:
        """Why the trial of an event that can be fails by it, None where it does not."""
        if isinstance(event, Reported):
            defect = defect_of(event, metric)
            return defect and f"epoch {event.epoch}: {defect}"
        if isinstance(event, Completed):
            _, done, last = self._running[event.trial]
            if done < last:
                return f"completed at epoch {event.epoch}, with {done} of {last} epochs reported"
        return None


def _malformed(event: TrialEvent) -> str | None:
    """What is wrong with an event's fields, whatever runs."""
    if type(event.trial) is not int:
        return f"its trial is {event.trial!r}, not a whole number"
    if isinstance(event, Reported | Completed) and type(event.epoch) is not int:
        return f"its epoch is {event.epoch!r}, not a whole number"
    if isinstance(event, Reported) and not isinstance(event.metrics, Mapping):
        return f"its metrics are {event.metrics!r}, not values by name"
    return None


def warn(refused: Refused) -> None:
    """Say that an event was refused, as a RuntimeWarning."""
    warnings.warn(f"the executor's event was refused: {refused}", RuntimeWarning, stacklevel=2)
