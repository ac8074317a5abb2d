"""A study in time: which trial was at which budget, and what workers did."""

import math

from hpo.showing import figures, schedule
from hpo.showing.drawing.curves import LOOKS, described, legend, shown, with_unit
from hpo.showing.look import scales
from hpo.showing.look.numbers import Numbers
from hpo.showing.look.palette import shade
from hpo.showing.look.picture import Plot
from hpo.showing.look.sheet import Figure, key
from hpo.showing.view import Seen, Span, View

MOST = 5000  # jobs in one picture


def budgets(view: View) -> Figure:
    """A row a trial, a bar a job, whose colour is the epoch that it was sent to. Without times,
    bars are as long as trials were trained."""
    trials = shown(view)
    rows = {t.number: i for i, t in enumerate(trials)}
    spans = [s for s in view.spans if s.trial in rows][-MOST:]
    goals = sorted({s.goal for s in spans} | set(schedule.rungs_of(view.settings)))
    goals = goals or sorted({t.epochs for t in trials})
    size, unit = with_unit([s.ended for s in spans])
    if spans:
        ends = (0, max(s.ended for s in spans) / size)
        x = scales.numbers(ends, f"{unit} of the study's clock", zero=True)
    else:
        x = scales.numbers((0, max(figures.longest(view), 1)), "epochs trained", zero=True)
    y = scales.Axis(0, max(len(trials), 1), False, "trial", _named(trials))
    height = min(max(150, 60 + 9 * len(trials)), 1100)
    plot = Plot(x, y, 1040, height, down=True, left=92)
    marks, by_number = [], {t.number: t for t in trials}
    for s in spans:
        row, words = rows[s.trial], described(view, by_number[s.trial])
        words = f"epochs {s.first + 1} to {s.last}, sent to {s.goal}, {s.end}; {words}"
        look = f"edge {shade(_share(s.goal, goals))}"
        bar = (s.begun / size, s.ended / size)
        marks.append(plot.bar(bar, (row + 0.12, row + 0.88), look, s.trial, words))
    last = {s.trial: s.ended / size for s in spans}
    for t in trials:
        row, words = rows[t.number], described(view, t)
        if not spans:
            look = f"edge {shade(_share(t.epochs, goals))}"
            marks.append(plot.bar((0, t.epochs), (row + 0.12, row + 0.88), look, t.number, words))
        look, shape = LOOKS[t.status]
        at = last.get(t.number, t.epochs if not spans else 0.0)
        marks.append(plot.sign(at, row + 0.5, shape, look, t.number, words))
    colours = "".join(key("square", shade(_share(g, goals)), f"to epoch {g}") for g in goals[:14])
    numbers = [(t.number, t.bracket, t.status, t.epochs) for t in trials]
    return Figure(
        plot.svg("budgets", marks),
        "A row a trial" + (", a bar a job, on the study's clock." if spans else "."),
        colours + legend(trials),
        _jobs("jobs", spans)
        if spans
        else Numbers("trials", ("trial", "bracket", "status", "epochs"), numbers),
        wide=True,
    )


def workers(view: View) -> Figure:
    """A row a lane, a bar a job, marked by how it ended. Needs a log."""
    spans = list(view.spans[-MOST:])
    lanes = figures.lanes(spans)
    count = max(lanes, default=0) + 1
    size, unit = with_unit([s.ended for s in spans])
    begun = min((s.begun for s in spans), default=0.0) / size
    ended = max((s.ended for s in spans), default=1.0) / size
    x = scales.numbers((begun, ended), f"{unit} of the study's clock")
    every = max(count // 16, 1)
    named = tuple((i + 0.5, str(i + 1)) for i in range(0, count, every))
    plot = Plot(
        x, scales.Axis(0, count, False, "lane", named), 1040, 60 + min(26 * count, 700), True
    )
    trials, marks = {t.number: t for t in view.trials}, []
    looks = {"completed": "completed", "failed": "failed", "lost": "stopped", "running": "running"}
    for s, lane in zip(spans, lanes, strict=True):
        words = f"epochs {s.first + 1} to {s.last}, {s.end}; {described(view, trials[s.trial])}"
        row = (lane + 0.1, lane + 0.9)
        look = f"edge {looks[s.end]}"
        marks.append(plot.bar((s.begun / size, s.ended / size), row, look, s.trial, words))
    known = all(s.worker is not None for s in spans)
    whose = "a worker each" if known else "as few as hold them all"
    keys = "".join(
        key("square", look, {"lost": "its worker was lost"}.get(end, end))
        for end, look in looks.items()
        if any(s.end == end for s in spans)
    )
    return Figure(
        plot.svg("workers", marks),
        f"Jobs in lanes, {whose}, on the study's clock.",
        keys,
        _jobs("lanes", spans, lanes),
        wide=True,
    )


def _jobs(name: str, spans: list[Span], lanes: list[int] | None = None) -> Numbers:
    """Every job, with its lane where it has one."""
    columns = ("trial", "begun [s]", "ended [s]", "first epoch", "last epoch", "sent to", "ended")
    rows = [(s.trial, s.begun, s.ended, s.first + 1, s.last, s.goal, s.end) for s in spans]
    if lanes is None:
        return Numbers(name, columns, rows)
    numbered = [(*row, lane + 1) for row, lane in zip(rows, lanes, strict=True)]
    return Numbers(name, (*columns, "lane"), numbered)


def busy_share(spans: tuple[Span, ...]) -> float:
    """Of the lanes' time what they trained, NaN without any."""
    if not spans:
        return math.nan
    wall = max(s.ended for s in spans) - min(s.begun for s in spans)
    count = max(figures.lanes(spans)) + 1
    return sum(s.ended - s.begun for s in spans) / (wall * count) if wall else math.nan


def rung_rows(view: View) -> tuple[list[str], list[list[str]]]:
    """A table: trials that came to each rung, a row a bracket; of how many the schedule has room
    for."""
    rungs = schedule.rungs_of(view.settings) or tuple(sorted({s.goal for s in view.spans}))
    brackets = schedule.brackets_of(view.settings)
    planned = {(b, r.epoch): r.trials for b, rounds in enumerate(brackets) for r in rounds}
    rows = []
    for bracket in sorted({-1 if t.bracket is None else t.bracket for t in view.trials}):
        own = [t for t in view.trials if (-1 if t.bracket is None else t.bracket) == bracket]
        cells = []
        for rung in rungs:
            came = sum(t.epochs >= rung for t in own)
            of = planned.get((bracket, rung))
            cells.append(f"{came} of {of}" if of else ("" if brackets else str(came)))
        name = "all trials" if bracket < 0 else f"bracket {bracket + 1}"
        rows.append([name, str(len(own)), *cells, str(sum(t.epochs for t in own))])
    return ["", "begun", *(f"epoch {r}" for r in rungs), "epochs"], rows


def _named(trials: tuple[Seen, ...]) -> tuple[tuple[float, str], ...]:
    """Rows that are named: the first of each bracket, or some of all."""
    if len({t.bracket for t in trials}) > 1:
        first: dict[int | None, int] = {}
        for i, t in enumerate(trials):
            first.setdefault(t.bracket, i)
        return tuple((i, f"bracket {b + 1}") for b, i in first.items() if b is not None)
    every = max(len(trials) // 12, 1)
    return tuple((i + 0.5, str(t.number)) for i, t in enumerate(trials) if i % every == 0)


def _share(goal: int, goals: list[int]) -> float:
    """The place of an epoch on the scale of colours, by its rung."""
    later = sum(g <= goal for g in goals) - 1
    return later / max(len(goals) - 1, 1)
