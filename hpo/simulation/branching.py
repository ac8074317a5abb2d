"""What another scheduler would have done with the curves of a study."""

from collections.abc import Callable
from typing import Any, NamedTuple

from hpo.core.searcher import Searcher
from hpo.core.types import Scheduler
from hpo.executors.inline import InlineExecutor
from hpo.study.records import UNKNOWN, Record
from hpo.study.run import Unrecorded, run_study
from hpo.study.summary import StudySummary, summarise


class Branch(NamedTuple):
    """`unknown` are the trials for which it asked more than was recorded: it has lost them, and so
    what it would have come to is not known where there are any."""

    summary: StudySummary
    unknown: tuple[int, ...]
    seconds: float


def branch(
    record: Record, make: Callable[[Searcher], Scheduler], seed: int, workers: int = 1
) -> Branch:
    """Plays `make(searcher)` on the record: trial n has the configuration and the curve it had.

    The scheduler's metric must be "loss", whatever the study called it. `seconds` is on a virtual
    clock of one second an epoch.
    """
    executor = InlineExecutor(record.objective, workers)
    state: Any = run_study(make(record.searcher()), executor, Unrecorded(), seed)
    summary = summarise(state)
    unknown = tuple(t.number for t in summary.trials if t.error and UNKNOWN in t.error)
    return Branch(summary, unknown, executor.clock)
