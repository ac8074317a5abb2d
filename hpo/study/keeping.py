"""Which checkpoints a study still needs, and the others deleted while it is played.

Needed are those of trials that may go on (`Scheduler.open_trials`), and of the best of those that
are out, for whoever wants to look at them. A trial that is out stays out, and those out are never
fewer: what was deleted is never wanted again, however often a study is cut off and taken up.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

from hpo.core.places import WHOLE, Place
from hpo.core.proposals import own
from hpo.core.state import RUNNING, WAITING, TrialState
from hpo.core.types import MID_JOB, Event, Scheduler
from hpo.executors import folders
from hpo.study.outcomes import ranked
from mlpf_install.wording import counted

Choice = Callable[[Sequence[TrialState]], Iterable[TrialState]]
"""Of the trials that are out, those whose checkpoints are kept."""


class Store(Protocol):
    """How checkpoints lie in a trial's folder: `hpo.executors.folders`, unless it is said."""

    def trim(self, folder: Path, done: int) -> None:
        """Delete those that a newer one makes useless to a trial that goes on after `done`."""

    def discard(self, folder: Path) -> None:
        """Delete all."""


def needed(scheduler: Scheduler, state: Any, best: int | Choice) -> frozenset[int]:
    """Trials that may go on, and of those that are out and did not fail the `best`, or those that
    it chooses."""
    going_on = scheduler.open_trials(state)
    out = [trial for trial in own(state).trials if trial.number not in going_on]
    order = ranked(out, scheduler.settings["mode"])
    chosen = best(order) if callable(best) else order[:best]
    return going_on | {trial.number for trial in chosen}


class Keeper:
    """Keeps what is needed in a study's folder: the `on_event` of `run_study`.

    Of a trial that is needed and has no job only the last checkpoint is kept. A `best` below 0
    keeps everything; a function chooses of the trials that are out. `troubles` are the trials whose
    checkpoints could not be deleted, and why: they are tried again with every job that ends.
    `place` is where the scheduler's trials stand in a larger study, `store` how checkpoints lie.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        folder: str | Path,
        best: int | Choice = 5,
        place: Place = WHOLE,
        store: Store = folders,
    ):
        self.troubles: dict[int, OSError] = {}
        self._scheduler, self._folder, self._best = scheduler, Path(folder), best
        self._place, self._store = place, store
        self._seen: dict[int, tuple[bool, int]] = {}  # what was done: needed, epochs

    def __call__(self, event: Event, state: Any) -> None:
        """After an event of the study, which is written down."""
        if not isinstance(event, MID_JOB):
            self.clear(state)

    def clear(self, state: Any) -> None:
        """Delete what a study in this state does not need."""
        if not callable(self._best) and self._best < 0:
            return
        keep = needed(self._scheduler, state, self._best)
        for trial in own(state).trials:
            wanted = trial.number in keep
            if wanted and trial.status in (RUNNING, WAITING):
                self._seen.pop(trial.number, None)
            elif self._seen.get(trial.number) != (wanted, len(trial.curve)):
                self._clear(trial.number, wanted, len(trial.curve))

    def _clear(self, trial: int, wanted: bool, done: int) -> None:
        folder = folders.folder_of(self._folder, self._place.number_of(trial))
        try:
            if wanted:
                self._store.trim(folder, done + self._place.epochs)
            else:
                self._store.discard(folder)
        except OSError as error:
            self.troubles[trial] = error
        else:
            self._seen[trial] = wanted, done
            self.troubles.pop(trial, None)

    def line(self, state: Any) -> str:
        """What is left, for a screen: "checkpoints: 12 of 81 kept, 34.0 MB"."""
        return line(self._folder, len(own(state).trials), self.troubles)


def line(folder: Path, trials: int, troubles: dict[int, OSError] | None = None) -> str:
    """What the checkpoints of a study of so many trials take, and what could not be deleted."""
    found = folders.footprint(folder)
    words = f"checkpoints: {found.trials} of {trials} kept, {found.bytes / 1e6:.1f} MB"
    if not troubles:
        return words
    first = next(iter(troubles.values()))
    return f"{words}; those of {counted(len(troubles), 'trial')} could not be deleted ({first})"
