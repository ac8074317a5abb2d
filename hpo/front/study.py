"""A study as its user holds it: results, and ways to go on."""

import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from hpo.core.places import WHOLE, Place
from hpo.core.searcher import Observed, Searcher
from hpo.core.state import TrialState
from hpo.core.types import Reported, Scheduler
from hpo.front import results, states
from hpo.front.gate import Workshop
from hpo.front.objective import Terms
from hpo.front.results import TrialResult
from hpo.front.rules import may_ask_ahead
from hpo.front.spaces import further, with_first
from hpo.front.watching import Callback, Limits, StopStudy, Watch, short
from hpo.schedulers.halving import full_training
from hpo.showing.parts import Piece
from hpo.space import Space
from hpo.study.journal import Journal
from hpo.study.keeping import Keeper
from hpo.study.memory import Memory
from hpo.study.replay import fold
from hpo.study.run import Log, run_study
from hpo.study.summary import summarise
from mlpf_install.wording import counted


class StudyError(RuntimeError):
    """What was asked of a study it cannot give; the message says why."""


@dataclass(frozen=True)
class Setting:
    """What a study was begun with.

    make     the scheduler of a searcher, a number of trials (None: as the scheduler has it) and
             the last epoch
    counted  whether the number of trials is a setting of the scheduler, and no limit of ours
    """

    space: Space
    searcher: Searcher
    make: Callable[[Searcher, int | None, int], Scheduler]
    counted: bool
    mode: str
    terms: Terms
    workshop: Workshop
    seed: int
    callbacks: Sequence[Callback]
    tell: Callable[[str], None]


class Part(NamedTuple):
    """A study, or what it was extended by: a scheduler of its own, with a log of its own."""

    scheduler: Scheduler
    terms: Terms
    place: Place
    limit: int | None


class Played(NamedTuple):
    """A part as far as it has come."""

    part: Part
    log: Log
    state: Any
    finished: bool
    trials: list[TrialResult]


class Study:
    """Trials of a training, and the best of them: what `hpo.tune` returns.

    best_trial  of the trials trained longest, the one with the best metric; best_params, best_value
    trials      every `TrialResult`, by number
    epochs      trained in all, each counted once
    finished    False where a limit ended the study before its scheduler did
    folder      None where nothing is kept
    """

    def __init__(self, setting: Setting, folder: Path | None):
        self.folder, self._setting = folder, setting
        self._place = folder or Path(tempfile.mkdtemp(prefix="hpo-"))
        if folder is None:
            weakref.finalize(self, shutil.rmtree, self._place, ignore_errors=True)
        self._parts: list[Played] = []
        self._max_epochs = setting.terms.max_epochs
        self._allowed: int | None = None  # epochs in all

    # What came of it

    @property
    def trials(self) -> tuple[TrialResult, ...]:
        return results.joined(part.trials for part in self._parts)

    @property
    def best_trial(self) -> TrialResult:
        """Raises StudyError where no trial is left to be the best."""
        trials = self.trials
        order = results.ranked(trials, self._sign)
        if order:
            return order[0]
        errors = [trial for trial in trials if trial.error]
        if not errors:
            raise StudyError("no trial has reported an epoch yet: there is no best one")
        first = errors[0]
        raise StudyError(
            f"every trial failed ({len(errors)}), trial {first.number} with: {first.error}"
        )

    @property
    def best_params(self) -> dict[str, Any]:
        return dict(self.best_trial.params)

    @property
    def best_value(self) -> float:
        return self.best_trial.curve[-1]

    @property
    def epochs(self) -> int:
        return sum(trial.epochs for trial in self.trials)

    @property
    def finished(self) -> bool:
        return all(part.finished for part in self._parts)

    def rows(self) -> list[dict[str, Any]]:
        """A mapping a trial: value, epochs, status, error ..., hyperparameters, last metrics."""
        return results.rows(self.trials)

    def to_frame(self) -> Any:
        """`rows` as a DataFrame of pandas or polars, or, without both, a record array of numpy."""
        import hpo

        return hpo.export.frame(self.rows())

    def plot(self) -> Any:
        """A figure of matplotlib: the curves, and the best value so far."""
        import hpo

        return hpo.plot(self)

    def page(self, path: str | Path) -> Path:
        """Writes the study, with all that it was extended by, as one self-contained HTML page, and
        returns its path."""
        import hpo

        return hpo.page(self, path)

    def __repr__(self) -> str:
        trials = self.trials
        failed = sum(trial.status == "failed" for trial in trials)
        words = [counted(len(trials), "trial"), counted(self.epochs, "epoch")]
        words += [f"{failed} failed"] * bool(failed)
        words += [] if self.finished else ["not finished"]
        if order := results.ranked(trials, self._sign):
            best = order[0]
            words.append(
                f"best {self._setting.terms.name} {short(best.value)} "
                f"(trial {best.number}, epoch {best.epochs})"
            )
        return f"Study({', '.join(words)})"

    # How it goes on

    def extend(
        self,
        *,
        trials: int | None = None,
        max_epochs: int | None = None,
        epochs: int | None = None,
        seconds: float | None = None,
        enqueue: Sequence[Mapping[str, Any]] = (),
    ) -> "Study":
        """Go on with the study, which is returned.

        One that a limit ended goes on to its end, or for `epochs` and `seconds` more. A finished
        one is extended: by `trials` new configurations (without a number: as many as its scheduler
        has), the first of them `enqueue`; or to `max_epochs`, to which the trials that came to the
        last epoch train on (with `trials`, the best so many of them). Each extension has a log of
        its own: a script that is started again finds it, and goes on. Raises StudyError where the
        study cannot go on so.
        """
        if not self.finished and (trials is not None or max_epochs is not None or enqueue):
            raise StudyError(
                "a limit ended the study before its end: call extend() first, which takes it there"
            )
        base = self.epochs if self._allowed is None else self._allowed
        self._allowed = None if epochs is None else base + epochs
        if not self.finished:
            part = self._parts.pop()
            return self._play(part.part, part.log, seconds)
        if max_epochs is None:
            return self._play(self._of_new_trials(trials, enqueue), None, seconds)
        return self._play(self._of_more_epochs(max_epochs, trials), None, seconds)

    def begin(
        self,
        trials: int | None,
        enqueue: Sequence[Mapping[str, Any]],
        epochs: int | None,
        seconds: float | None,
    ) -> "Study":
        """Play the first part. `hpo.tune` calls this."""
        self._allowed = epochs
        setting = self._setting
        searcher = with_first(setting.searcher, setting.space, enqueue, setting.seed)
        scheduler = setting.make(searcher, trials, self._max_epochs)
        limit = None if setting.counted else trials
        return self._play(Part(scheduler, setting.terms, WHOLE, limit), None, seconds)

    def _of_new_trials(self, trials: int | None, enqueue: Sequence[Mapping[str, Any]]) -> Part:
        setting, known = self._setting, self.trials
        after = 1 + max((trial.number for trial in known), default=-1)
        observed = tuple(
            Observed(
                trial.number,
                trial.params,
                tuple(self._sign * value for value in trial.curve),
                trial.status == "failed",
            )
            for trial in known
        )
        searcher = further(setting.searcher, after, observed)
        searcher = with_first(searcher, setting.space, enqueue, setting.seed)
        scheduler = setting.make(searcher, trials, self._max_epochs)
        limit = None if setting.counted or trials is None else after + trials
        terms = replace(setting.terms, max_epochs=self._max_epochs)
        return Part(scheduler, terms, Place(lambda trial: trial + after, 0), limit)

    def _of_more_epochs(self, max_epochs: int, trials: int | None) -> Part:
        setting, before = self._setting, self._max_epochs
        if max_epochs <= before:
            raise StudyError(
                f"its trials have {counted(before, 'epoch')} already: max_epochs={max_epochs}"
            )
        order = results.ranked(self.trials, self._sign)
        chosen = [trial for trial in order if trial.epochs == before][:trials]
        if not chosen:
            raise StudyError(f"no trial came to epoch {before}: nobody can train on from there")
        numbers = [trial.number for trial in chosen]
        searcher = Searcher(
            lambda seed, number: chosen[number].params,
            {"searcher": "trials that train on", "trials": numbers, "from": before},
        )
        scheduler = full_training(
            searcher,
            len(chosen),
            max_epochs - before,
            metric=setting.terms.name,
            mode=setting.mode,
        )
        self._max_epochs = max_epochs
        terms = replace(setting.terms, max_epochs=max_epochs)
        return Part(scheduler, terms, Place(numbers.__getitem__, before), None)

    def _play(self, part: Part, log: Log | None, seconds: float | None) -> "Study":
        setting = self._setting
        until = None if seconds is None else time.monotonic() + seconds
        limits = Limits(self._allowed, until)
        part.scheduler.init(setting.seed)  # refuses a bad seed before anything is written
        described = {**setting.workshop.description(part.terms, part.limit), "seed": setting.seed}
        with self._opened(log) as log:
            log.begin(part.scheduler.settings, setting.seed, described)
            epochs = self.epochs + sum(isinstance(item, Reported) for _, item in log.entries())
            keeper = self._keeper(part)
            watch = Watch(part.place, setting.callbacks, limits, epochs, setting.tell, keeper)
            if limits.reached(epochs):
                state, finished = self._folded(part, log), False
            else:
                state, finished = self._run(part, log, watch)
            summaries, entries = summarise(state).trials, list(log.entries())
        trials = results.results(entries, summaries, part.scheduler.metric, part.place)
        for trial, error in list(keeper.troubles.items())[:1]:
            count = len(keeper.troubles)
            setting.tell(
                f"  states of {counted(count, 'trial')} could not be deleted, of {trial}: {error}"
            )
        self._parts.append(Played(part, log, state, finished, trials))
        setting.tell(f"  {self!r}")
        return self

    def _run(self, part: Part, log: Log, watch: Watch) -> tuple[Any, bool]:
        setting = self._setting
        folder = self._place / "trials"

        def retried(trial: int, error: str) -> None:
            setting.tell(f"  trial {trial} failed and is tried again: {error}")

        ahead = may_ask_ahead(part.scheduler, setting.searcher)
        opened = setting.workshop.opened
        with opened(part.terms, folder, part.place, part.limit, ahead, retried) as gate:
            try:
                return run_study(part.scheduler, gate, log, setting.seed, watch), True
            except StopStudy:
                return self._folded(part, log), False

    def _keeper(self, part: Part) -> Keeper:
        """Forgets the states of trials that go on no more, but for those that came to the last
        epoch, from which the study can be extended."""
        last = part.terms.max_epochs - part.place.epochs

        def at_the_end(out: Sequence[TrialState]) -> list[TrialState]:
            return [trial for trial in out if len(trial.curve) >= last]

        return Keeper(part.scheduler, self._place / "trials", at_the_end, part.place, states)

    def _folded(self, part: Part, log: Log) -> Any:
        return fold(part.scheduler, log.entries(), self._setting.seed)[0]

    def _opened(self, log: Log | None) -> AbstractContextManager[Log]:
        """The log of the part that is to be played."""
        if self.folder is None:
            return nullcontext(log or Memory())
        return Journal(self._path_of(len(self._parts)))

    def _path_of(self, part: int) -> Path:
        return self._place / ("study.db" if part == 0 else f"study-{part + 1}.db")

    @property
    def source(self) -> Any:
        """What `hpo.page`, `hpo.plot` and `hpo.export` make of a study: the log of each part, and
        where it stands."""
        logs = (
            played.log if isinstance(played.log, Memory) else self._path_of(part)
            for part, played in enumerate(self._parts)
        )
        return [Piece(log, each.part.place) for log, each in zip(logs, self._parts, strict=True)]

    @property
    def _sign(self) -> int:
        return -1 if self._setting.mode == "maximise" else 1
