"""The view of a study from its log alone: no scheduler is made, and the driver is not disturbed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hpo.core.places import BEYOND
from hpo.core.state import COMPLETED, FAILED, RUNNING
from hpo.core.types import Completed, Failed, Job, Predicted, Reported, WorkerLost
from hpo.showing import schedule
from hpo.showing.parts import Piece, joined
from hpo.showing.view import Foreseen, Report, Seen, Span, View, of_state
from hpo.study.journal import NOBODY as NOTHING
from hpo.study.journal import Entry, read_journal, read_workers
from hpo.study.memory import Memory
from hpo.study.records import Record, TrialRecord, played, read

_ENDS = {Completed: "completed", Failed: "failed", WorkerLost: "lost"}


def view_of(source: Any) -> View:
    """The view of a study: of the file of its log, which another process may be writing, of a log
    in memory, of several `Piece`s, or of a scheduler's state; or of what has one of these as
    `source`. Raises FileNotFoundError, JournalError, and TypeError for anything else."""
    source = getattr(source, "source", source)
    if isinstance(source, str | Path):
        return of_log(*read_journal(source), read_workers(source))
    if isinstance(source, list) and source and all(isinstance(each, Piece) for each in source):
        views = [view_of(each.log) for each in source]
        return joined(views, [each.place for each in source]) if len(views) > 1 else views[0]
    if isinstance(source, Memory):
        return of_log(source.header(), source.entries(), source.workers())
    if not hasattr(getattr(source, "inner", source), "trials"):
        raise TypeError(f"{source!r} is neither the file of a study's log nor a scheduler's state")
    return of_state(source)


def of_log(
    header: Mapping[str, Any], entries: Sequence[Entry], workers: Mapping[int, int] = NOTHING
) -> View:
    """The view of a log, whole or cut off anywhere; an empty one of a study that has not begun.
    `workers` says of rows, counted from 0, which worker told them."""
    settings = header.get("settings", {})
    metric = settings.get("metric", "loss")
    record, clock = read(entries, metric), played(entries)
    goals, failed = [t.goal for t in record.trials], [bool(t.error) for t in record.trials]
    over = schedule.all_sent(settings, goals, failed) and not any(t.running for t in record.trials)
    beyond = {t.number for t in record.trials if t.error == BEYOND}
    return View(
        metric=metric,
        sign=-1 if settings.get("mode") == "maximise" else 1,
        trials=tuple(t for t in _trials(settings, record, entries, over) if t.number not in beyond),
        reports=tuple(
            Report(seconds, item.trial, item.epoch, item.metrics[metric], item.metrics)
            for seconds, (_, item) in zip(clock, entries, strict=True)
            if isinstance(item, Reported)
        ),
        spans=tuple(s for s in _spans(entries, clock, workers) if s.trial not in beyond),
        foreseen=_foreseen(record),
        settings=settings,
        seed=header.get("seed"),
        over=over,
        begun=record.begun,
        last=record.last,
    )


def _trials(
    settings: Mapping[str, Any], record: Record, entries: Sequence[Entry], over: bool
) -> tuple[Seen, ...]:
    numbers = range(1 + max((t.number for t in record.trials), default=-1))
    known = {t.number: t for t in record.trials}
    blank = TrialRecord(-1, {})
    done = [len(known.get(n, blank).curve) for n in numbers]
    goals = [known.get(n, blank).goal for n in numbers]
    last = max(schedule.rungs_of(settings), default=0) or max(goals, default=0)
    foreseen = dict.fromkeys(numbers, False)
    for _, item in entries:
        if isinstance(item, Predicted):
            foreseen.update(dict.fromkeys(item.request.trials, True))
        elif isinstance(item, Job):
            foreseen[item.trial] = False
    homes = schedule.homes(settings)
    pausing = schedule.statuses(settings, done, goals, [foreseen[n] for n in numbers], over)

    def status(trial: TrialRecord) -> str:
        if trial.error:
            return FAILED
        if trial.running:
            return RUNNING
        return COMPLETED if len(trial.curve) >= last else pausing[trial.number]

    return tuple(
        Seen(
            t.number,
            homes.get(t.number),
            t.configuration,
            t.curve,
            status(t),
            t.error,
        )
        for t in record.trials
    )


def _spans(
    entries: Sequence[Entry], clock: Sequence[float], workers: Mapping[int, int]
) -> tuple[Span, ...]:
    open_: dict[int, Span] = {}
    spans, free = list[Span](), dict[int, float]()  # free: since when each worker has been
    for row, (seconds, (_, item)) in enumerate(zip(clock, entries, strict=True)):
        if isinstance(item, Predicted):
            continue
        worker = workers.get(row)
        if worker is not None and open_[item.trial].worker is None:
            span = open_[item.trial]
            begun = max(span.begun, free.get(worker, 0.0))
            open_[item.trial] = span._replace(worker=worker, begun=begun)
        if isinstance(item, Job):
            first, last = item.first_epoch, item.last_epoch
            open_[item.trial] = Span(item.trial, seconds, seconds, first, first, last, "running")
        elif isinstance(item, Reported):
            open_[item.trial] = open_[item.trial]._replace(ended=seconds, last=item.epoch)
        elif type(item) in _ENDS:
            span = open_.pop(item.trial)
            # What is lost when a study is taken up again was not trained until then.
            ended = span.ended if isinstance(item, WorkerLost) else seconds
            ended = max(ended, span.begun)
            spans.append(span._replace(ended=ended, end=_ENDS[type(item)]))
            if span.worker is not None:
                free[span.worker] = ended
    return tuple(sorted((*spans, *open_.values()), key=lambda s: (s.begun, s.trial)))


def _foreseen(record: Record) -> tuple[Foreseen, ...]:
    curves = {t.number: t.curve for t in record.trials}
    return tuple(
        Foreseen(trial, p.request.epoch, p.request.rung, mean, spread, _at(curves[trial], rung))
        for p in record.predictions
        for rung in [p.request.rung]
        for trial, mean, spread in zip(p.request.trials, p.means, p.spreads, strict=True)
    )


def _at(curve: Sequence[float], epoch: int) -> float | None:
    return curve[epoch - 1] if 1 <= epoch <= len(curve) else None
