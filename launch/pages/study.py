"""A study as lines of text: what `launch.study` prints."""

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hpo.showing import figures
from hpo.showing.drawing.curves import short, span
from hpo.showing.pace import pace
from hpo.showing.recorded import of_log
from hpo.showing.view import RUNNING, View
from hpo.study import keeping, outcomes, records
from hpo.study.journal import Entry
from mlpf_install.wording import counted

SHOWN = 10  # trials of the table


def lines(path: Path, header: Mapping[str, Any], entries: Sequence[Entry]) -> list[str]:
    """Everything: header, pace, who trains where, rungs, the best trials, failures."""
    if not header:
        return [f"{path}: a study that has not begun"]
    view, record = of_log(header, entries), records.read(entries, header["settings"]["metric"])
    return [
        *_head(path, header, record, view),
        *_running(view, record),
        *_states(path, record),
        "",
        *_rungs(record),
        "",
        *_trials(view, record),
    ]


def now(view: View) -> str:
    """Where the study stands, in one line."""
    words = [counted(len(view.trials), "trial"), counted(view.epochs, "epoch")]
    words.append("over" if view.over else f"{figures.counts(view).get(RUNNING, 0)} running")
    words += [best(view)]
    speed = pace(view)
    if speed.per_second is not None and not view.over:
        words.append(f"{_rate(speed.per_second)}{_left(speed)}")
    return ", ".join(words)


def best(view: View) -> str:
    """The best value, with the epoch that it is of."""
    trial = view.best
    if trial is None:
        failed = sum(t.error is not None for t in view.trials)
        return "no best yet" if failed < len(view.trials) or not failed else "every trial failed"
    return (
        f"best {view.metric} {trial.curve[-1]:.6g} at epoch {trial.epochs} of "
        f"{figures.longest(view)} (trial {trial.number})"
    )


def _head(path: Path, header: Mapping[str, Any], record: Any, view: View) -> list[str]:
    settings = header["settings"]
    settings = {**settings, **settings.get("risk", {})}  # which some schedulers keep by itself
    named = {k: v for k, v in settings.items() if not isinstance(v, dict | list)}
    running = sum(trial.running for trial in record.trials)
    lost = sum(trial.lost for trial in record.trials)
    counts = ", ".join(f"{n} {status}" for status, n in figures.counts(view).items())
    speed = pace(view)
    going = "it is over" if view.over else "it is not over"
    # the first rows of a fork are older than its file
    first = header["created"] if record.begun is None else min(header["created"], record.begun)
    return [
        f"{path}: {counted(record.rows, 'row')}, begun {_when(first)}, last {_when(record.last)}",
        f"seed {header['seed']}, " + ", ".join(f"{k} {v}" for k, v in sorted(named.items())),
        f"space: {', '.join(settings.get('space', {})) or 'not written down'}",
        f"{counted(len(record.trials), 'trial')} ({running} running), "
        f"{counted(record.epochs, 'epoch')}, "
        f"{counted(len(record.predictions), 'prediction')}, {counted(lost, 'worker')} lost",
        f"{counts or 'no trial yet'}; {going}",
        best(view)
        + (f"; {_rate(speed.per_second)}" if speed.per_second is not None else "")
        + (_left(speed) if not view.over else ""),
    ]


def _running(view: View, record: Any) -> list[str]:
    """Who trains: how far, for how long, and where it stands."""
    goals = {t.number: t.goal for t in record.trials}
    begun = {s.trial: s for s in view.spans if s.end == RUNNING}
    clock = view.seconds or 0.0
    found = []
    for trial in (t for t in view.trials if t.status == RUNNING):
        at = f", {view.metric} {trial.curve[-1]:.6g}" if trial.curve else ""
        since = clock - begun[trial.number].begun
        of = "" if trial.bracket is None else f", bracket {trial.bracket + 1}"
        found.append(
            f"  trial {trial.number} trains: epoch {trial.epochs} of {goals[trial.number]}{of}, "
            f"for {span(since)}{at}"
        )
    return found


def _states(path: Path, record: Any) -> list[str]:
    """What the checkpoints take, where the trials lie beside the log."""
    trials = path.parent / "trials"
    return [keeping.line(trials, len(record.trials))] if trials.is_dir() else []


def _rungs(record: Any) -> list[str]:
    head = f"{'epoch':>7}{'came':>7}{'ended there':>13}"
    return [
        head,
        *(f"{epoch:7}{came:7}{ended:13}" for epoch, came, ended in outcomes.rungs(record)),
    ]


def _trials(view: View, record: Any) -> list[str]:
    """The best trials of those trained longest, and what went wrong with others."""
    alive = view.ranked()
    found = [f"{'trial':>7}{'epochs':>8}{record.metric:>18}  configuration"]
    for trial in alive[:SHOWN]:
        values = ", ".join(f"{n} {short(v)}" for n, v in sorted(trial.configuration.items()))
        found.append(f"{trial.number:7}{len(trial.curve):8}{trial.curve[-1]:18.6g}  {values}")
    if len(alive) > SHOWN:
        found.append(f"        and {len(alive) - SHOWN} more")
    return found + [f"  trial {t.number} failed: {t.error}" for t in record.trials if t.error]


def _rate(per_second: float) -> str:
    if per_second >= 1:
        return f"{per_second:.3g} epochs/s"
    each = span(1 / per_second)
    return f"an epoch every {each}"


def _left(speed: Any) -> str:
    if speed.left_epochs is None:
        return ""
    time = "" if speed.left_seconds is None else f", {span(speed.left_seconds)}"
    return f"; at most {counted(speed.left_epochs, 'epoch')} left{time}"


def _when(seconds: float | None) -> str:
    if seconds is None:
        return "never"
    return datetime.datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M:%S")
