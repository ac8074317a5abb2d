"""This project: schedulers at their defaults, with random rows, BOHB's and a Bayesian searcher.

Two more have the other one's default eta: `ASIDE`, which are played where they are named alone.
"""

import functools
import hashlib
import math
from collections.abc import Callable, Mapping
from pathlib import Path

import hpo
from benchmarks.hpo.quality.training import Training
from hpo.core.searcher import Searcher
from hpo.core.types import Completed, Failed, Job, Predict, Propose, Reported, TrialEvent
from hpo.searchers.bayesian import bayesian_search
from hpo.searchers.bohb import bohb_search
from hpo.simulation.tables import ROW

_PARTS = ("core", "space", "searchers", "schedulers", "forecasting")


def version() -> str:
    """A checksum of the sources that decide."""
    folder, digest = Path(hpo.__file__).parent, hashlib.sha256()
    for path in sorted(path for part in _PARTS for path in (folder / part).rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:8]


def _asha(searcher: Searcher, max_epochs: int) -> hpo.Scheduler:
    """With more trials than any budget here pays for: the budget ends it, as it ends its peers."""
    return hpo.asha(searcher, 10_000, max_epochs)


def _hyperband_of_two(searcher: Searcher, max_epochs: int) -> hpo.Scheduler:
    return hpo.hyperband(searcher, max_epochs, eta=2)


def _swift_of_three(searcher: Searcher, max_epochs: int) -> hpo.Scheduler:
    return hpo.swift_improved(searcher, max_epochs, eta=3)


_SCHEDULERS: Mapping[str, Callable[[Searcher, int], hpo.Scheduler]] = {
    "hyperband": hpo.hyperband,
    "asha": _asha,
    "swift_improved": hpo.swift_improved,
    "asynchronous_swift": hpo.asynchronous_swift,
    "adaptive": hpo.adaptive,
    "hyperband, eta=2": _hyperband_of_two,
    "swift_improved, eta=3": _swift_of_three,
}
ASIDE = frozenset(name for name in _SCHEDULERS if "eta" in name)
_SEARCHERS = {"": None, " + BOHB": bohb_search, " + Bayesian": bayesian_search}


def _play(scheduler: str, searcher: str, training: Training) -> None:
    make = _SEARCHERS[searcher]
    proposals = training.table.searcher() if make is None else make(training.space)
    chosen = _SCHEDULERS[scheduler](proposals, training.max_epochs)
    state, rows = chosen.init(training.seed), {}
    while True:
        state, action = chosen.ask(state)
        if isinstance(action, Predict | Propose):
            state = chosen.tell(state, chosen.predict(state, action))
        elif isinstance(action, Job):
            if action.trial not in rows:
                row = action.configuration.get(ROW)  # of those that the table itself proposes
                rows[action.trial] = training.row_near(action.configuration) if row is None else row
            for event in _events(action, rows[action.trial], training):
                state = chosen.tell(state, event)
        else:
            return


def _events(job: Job, row: int, training: Training) -> list[TrialEvent]:
    events: list[TrialEvent] = []
    for epoch in range(job.first_epoch + 1, job.last_epoch + 1):
        loss = training.epoch(row, epoch)
        if not math.isfinite(loss):
            return [*events, Failed(job.trial, f"epoch {epoch}: the loss is {loss}")]
        events.append(Reported(job.trial, epoch, {"loss": loss}))
    return [*events, Completed(job.trial, job.last_epoch)]


METHODS: Mapping[str, Callable[[Training], None]] = {
    f"{scheduler}{searcher}": functools.partial(_play, scheduler, searcher)
    for searcher in _SEARCHERS
    for scheduler in _SCHEDULERS
    if not (searcher and scheduler in {"asha", *ASIDE})
}
