"""What became of the trials of a study, from its log and its last state."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hpo.core.places import BEYOND, Place
from hpo.core.types import Reported
from hpo.front.objective import REPEATED
from hpo.study.journal import Entry
from hpo.study.records import read
from hpo.study.summary import TrialSummary


@dataclass(frozen=True)
class TrialResult:
    """A trial of a study.

    value      the metric after its last epoch; None where it has none
    metrics    all that it reported, one mapping an epoch
    curve      the metric after each epoch
    status     waiting, running, paused, completed, stopped, not promoted or failed
    error      why it failed
    lost       how often its worker was lost, or it failed and was tried again
    repeated   epochs that were trained once more, for want of their state
    seconds    for which its jobs ran
    """

    number: int
    params: Mapping[str, Any]
    value: float | None
    epochs: int
    status: str
    error: str | None
    curve: tuple[float, ...]
    metrics: tuple[Mapping[str, Any], ...]
    lost: int
    repeated: int
    seconds: float


def results(
    entries: Sequence[Entry], summaries: Iterable[TrialSummary], metric: str, place: Place
) -> list[TrialResult]:
    """The trials of one part of a study, those that were begun."""
    records = {record.number: record for record in read(entries, metric).trials}
    reported: dict[int, list[Mapping[str, Any]]] = {}
    for _, item in entries:
        if isinstance(item, Reported):
            reported.setdefault(item.trial, []).append(item.metrics)
    found = []
    for trial in summaries:
        record = records.get(trial.number)
        if record is None or trial.error == BEYOND:
            continue
        metrics = tuple(reported.get(trial.number, ()))
        found.append(
            TrialResult(
                number=place.number_of(trial.number),
                params=trial.configuration,
                value=trial.curve[-1] if trial.curve else None,
                epochs=trial.epochs,
                status=trial.status,
                error=trial.error,
                curve=trial.curve,
                metrics=metrics,
                lost=record.lost,
                repeated=int(sum(each.get(REPEATED, 0) for each in metrics)),
                seconds=record.seconds,
            )
        )
    return found


def joined(parts: Iterable[Iterable[TrialResult]]) -> tuple[TrialResult, ...]:
    """The trials of all parts, by number; those that went on in a later part as one."""
    known: dict[int, TrialResult] = {}
    for trial in (trial for part in parts for trial in part):
        before = known.get(trial.number)
        known[trial.number] = trial if before is None else _continued(before, trial)
    return tuple(known[number] for number in sorted(known))


def _continued(before: TrialResult, after: TrialResult) -> TrialResult:
    return replace(
        after,
        value=before.value if after.value is None else after.value,
        epochs=before.epochs + after.epochs,
        curve=before.curve + after.curve,
        metrics=before.metrics + after.metrics,
        lost=before.lost + after.lost,
        repeated=before.repeated + after.repeated,
        seconds=before.seconds + after.seconds,
    )


def rank(trial: TrialResult, sign: int) -> tuple[int, float, int]:
    """Of one that has reported. The smallest is the best: of those trained longest the one with the
    best metric."""
    return -trial.epochs, sign * trial.curve[-1], trial.number


def ranked(trials: Iterable[TrialResult], sign: int) -> list[TrialResult]:
    """Best first, without failed ones and those that have not reported."""
    alive = [trial for trial in trials if trial.curve and trial.status != "failed"]
    return sorted(alive, key=lambda trial: rank(trial, sign))


_COLUMNS = ("number", "value", "epochs", "status", "error", "lost", "repeated", "seconds")


def rows(trials: Iterable[TrialResult]) -> list[dict[str, Any]]:
    """A table: a row a trial, hyperparameters as `params_NAME`, last metrics by their names."""
    found = []
    for trial in trials:
        own = {name: getattr(trial, name) for name in _COLUMNS}
        params = {f"params_{name}": value for name, value in trial.params.items()}
        last = trial.metrics[-1] if trial.metrics else {}
        metrics = {
            name if name not in own else f"metrics_{name}": value
            for name, value in last.items()
            if name != REPEATED
        }
        found.append({**own, **params, **metrics})
    names = list(dict.fromkeys(name for row in found for name in row))
    return [{name: row.get(name) for name in names} for row in found]
