"""What came of a search: the rows of `cv_results_`, and the study, from its log alone."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from hpo.core.places import BEYOND
from hpo.core.types import Completed, Configuration, Failed, Job, Reported, WorkerLost
from hpo.estimators.training import METRIC, SPLIT
from hpo.study.journal import Entry
from hpo.study.memory import Memory
from hpo.study.summary import StudySummary, TrialSummary
from mlpf_install.wording import counted


@dataclass(frozen=True)
class SearchStudy:
    """The study behind a search: `hpo.page(search.study_, "page.html")`, `hpo.plot`, `hpo.export`.

    source   its log, in memory or a file; what pages and exports are made of
    trials   with configuration, curve of mean scores, status and error
    epochs   trained in all, each counted once; of samples, steps
    """

    source: Memory | Path
    trials: tuple[TrialSummary, ...]
    epochs: int

    def __repr__(self) -> str:
        return f"SearchStudy({counted(len(self.trials), 'trial')}, {counted(self.epochs, 'epoch')})"


def study_of(log: Memory | Path, summary: StudySummary) -> SearchStudy:
    """The study of a search that is over, without the trials for which there was no room."""
    trials = tuple(trial for trial in summary.trials if trial.error != BEYOND)
    return SearchStudy(log, trials, summary.epochs)


class Row(NamedTuple):
    """A job of a trial that came to `epoch`, or was sent there and failed; jobs of one `batch` were
    trained together. `metrics` are those of its last epoch."""

    trial: int
    configuration: Configuration
    epoch: int
    batch: int
    metrics: Mapping[str, float]
    error: str | None


def rows(entries: Iterable[Entry]) -> list[Row]:
    """A row for every job that has ended, in the order in which they did.

    What failed tells no batch. It is in that of the jobs with which it was asked: those that wait
    when the first of them ends begin together, and what is asked from then on waits for the next.
    """
    jobs: dict[int, Job] = {}
    said: dict[int, Mapping[str, float]] = {}
    found: list[Row] = []
    waiting, together, batch = set[int](), set[int](), 0
    for _, item in entries:
        if isinstance(item, Job):
            jobs[item.trial] = item
            waiting.add(item.trial)
        elif isinstance(item, Reported):
            said[item.trial] = item.metrics
        elif isinstance(item, WorkerLost) or (isinstance(item, Failed) and item.error == BEYOND):
            waiting, together = waiting - {item.trial}, together - {item.trial}
        elif isinstance(item, Completed | Failed):
            if item.trial not in together:
                waiting, together, batch = set(), waiting, batch + 1
            together = together - {item.trial}
            job, error = jobs[item.trial], getattr(item, "error", None)
            metrics = {} if error else said[item.trial]
            batch = int(metrics.get("batch", batch))
            configuration = job.configuration
            found.append(Row(item.trial, configuration, job.last_epoch, batch, metrics, error))
    return found


def known(entries: Iterable[Entry]) -> tuple[dict[int, float], int]:
    """The last score of every trial, and how many batches were trained."""
    found = rows(entries)
    scores = {row.trial: row.metrics[METRIC] for row in found if not row.error}
    return scores, max((row.batch for row in found), default=0)


def by_split(
    row: Row, splits: int, tested: int, error_score: Any, train: bool
) -> list[dict[str, Any]]:
    """The row's folds as scikit-learn's searches have them. A trial that failed in one fold has
    failed, and has `error_score` in all."""
    failure = row.error if (row.error or "").startswith(SPLIT.split("{")[0]) else None
    missing = math.nan if error_score == "raise" else error_score

    def of(split: int, name: str, default: float) -> float:
        return row.metrics.get(f"split{split}_{name}", default)

    found = []
    for split in range(splits):
        each = {
            "test_scores": of(split, "test_score", missing),
            "fit_time": of(split, "fit_time", 0.0),
            "score_time": of(split, "score_time", 0.0),
            "n_test_samples": tested,
            "fit_error": failure,
        }
        found.append({**each, "train_scores": of(split, "train_score", missing)} if train else each)
    return found


def best_of(found: Sequence[Row]) -> int:
    """Of the rows with most epochs that did not fail, the one with the best score; the first where
    there is none."""
    alive = [i for i, row in enumerate(found) if not row.error]
    if not alive:
        return 0
    return min(alive, key=lambda i: (-found[i].epoch, -found[i].metrics[METRIC], found[i].trial))
