"""A study as one HTML page, that needs nothing beside itself."""

import datetime
import json
import os
from pathlib import Path
from typing import Any

from hpo.showing import figures
from hpo.showing import landscape as lands
from hpo.showing.drawing import accounts, curves, landscape, timeline
from hpo.showing.drawing.pointing import SCRIPT
from hpo.showing.look import sheet
from hpo.showing.look.sheet import Section
from hpo.showing.recorded import view_of
from hpo.showing.view import View
from mlpf_install.wording import counted

SHOWN = 20  # trials of the table; the others are in a folded one
_FOLDED = 1000


def page(source: Any, path: str | Path, refresh_s: float | None = None) -> Path:
    """Writes the page of a study to `path`, whole or not at all, and returns that.

    `source` is the file of the study's log, which a driver may be writing, or a scheduler's state,
    which knows no times: then there is no timeline. With `refresh_s` a browser loads the page anew
    every so many seconds, as long as the study is not over. Raises as `view_of`.
    """
    path = Path(path)
    log = getattr(source, "source", source)
    log = log[0].log if isinstance(log, list) else log  # a study and its extensions: the first
    name = log if isinstance(log, str | Path) else None
    text = render(view_of(source), title_of(name), refresh_s)
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def render(view: View, title: str, refresh_s: float | None = None) -> str:
    """HTML of the whole page."""
    head = ""
    if refresh_s is not None and not view.over:
        head = f'<meta http-equiv="refresh" content="{max(refresh_s, 1):g}">'
    script = f"<script>{SCRIPT}</script>"
    return sheet.render(title, _summary(view), _sections(view), _made(view), head, script)


def _sections(view: View) -> list[Section]:
    if not view.trials:
        return [Section("Nothing yet", "The study has not begun a trial.", [], [])]
    land = lands.landscape(view)
    found = [_course(view), _best(view), _in_time(view), *_workers(view)]
    if land is not None:
        found += _landscape(view, land)
    return [*found, *_predictions(view), _costs(view), *_failures(view), *_settings(view)]


def _summary(view: View) -> list[tuple[str, str]]:
    best, spent = view.best, figures.spent(view)
    strip = [
        (_state_of(view), f"{counted(len(view.trials), 'trial')}, {counted(view.epochs, 'epoch')}")
    ]
    if best is not None:
        strip.insert(
            0,
            (
                f"{best.curve[-1]:.6g}",
                f"best {view.metric}: trial {best.number}, epoch {best.epochs} of "
                f"{figures.longest(view)}",
            ),
        )
    if spent.hyperband:
        share = f"{spent.study / spent.hyperband:.0%}"
        strip.append((share, f"of plain Hyperband's {counted(spent.hyperband, 'epoch')}"))
    if view.seconds is not None:
        strip.append((curves.span(view.seconds), "on the study's clock"))
    return strip


def _course(view: View) -> Section:
    counts = ", ".join(f"{n} {status}" for status, n in figures.counts(view).items())
    left = sum(bool(t.curve) for t in view.trials) - len(curves.shown(view))
    text = (
        f"Left: {view.metric} of every trial after each epoch ({counts}); the mark at its end says "
        "what became of it. The worst twentieth of all values lies outside the picture; the marks "
        "of trials that ended there stand at its edge. "
        + (f"Left out: {counted(left, 'trial')} that trained least. " if left else "")
        + "Right: the best value of any report so far"
        + (
            ", in the order in which they came."
            if view.spans
            else ", trial by trial: no log says when."
        )
        + " Point at a trial to find it in every picture."
    )
    return Section("Curves", text, [], [curves.curves(view), curves.best_so_far(view)])


def _best(view: View) -> Section:
    text = (
        "Those trained longest come first, and among these the best: values at different epochs "
        "cannot be compared. Each value stands with the epoch that it is of."
    )
    rows = [
        (
            str(t.number),
            f"{t.curve[-1]:.6g}",
            str(t.epochs),
            t.status,
            ", ".join(f"{n} {curves.short(v)}" for n, v in sorted(t.configuration.items())),
        )
        for t in view.ranked()
    ]
    columns = ("trial", view.metric, "at epoch", "", "hyperparameters")
    tables = [sheet.table(columns, rows[:SHOWN])]
    if len(rows) > SHOWN:
        more = f"{len(rows) - SHOWN} more" + (", the first of them" if len(rows) > _FOLDED else "")
        tables.append(sheet.folded(more, sheet.table(columns, rows[SHOWN:_FOLDED])))
    if not rows:
        tables = ["<p>No trial that has reported is left: all that began have failed.</p>"]
    return Section("The best trials", text, tables, [])


def _in_time(view: View) -> Section:
    text = (
        "A row a trial, a bar a job; its colour is the epoch that it was sent to, the mark at its "
        "end what became of the trial. Gaps are pauses. The table: how many came to each rung, of "
        f"those that the schedule has room for.{_left_out(view)}"
        if view.spans
        else "A row a trial, as long as it was trained: a scheduler's state knows no times. Made "
        "from the study's log (its .db file), this picture is one in time."
    )
    table = sheet.table(*timeline.rung_rows(view))
    return Section("Rungs and brackets", text, [table], [timeline.budgets(view)])


def _workers(view: View) -> list[Section]:
    if not view.spans:
        return []
    busy = timeline.busy_share(view.spans)
    if all(span.worker is not None for span in view.spans[-timeline.MOST :]):
        what = "A lane is a worker, as the log has it. "
    else:
        what = (
            "Jobs in lanes, as few as hold them all. Of some the log does not say which worker had "
            "them, nor when one that waited for a worker began to train: a lane is a worker's if "
            "no worker's place stayed empty. "
        )
    text = (
        f"{what}{busy:.0%} of the lanes' time is filled. Time in which the study lay still is left "
        f"out.{_left_out(view)}"
    )
    return [Section("Workers", text, [], [timeline.workers(view)])]


def _left_out(view: View) -> str:
    more = len(view.spans) - timeline.MOST
    return f" Only the last {timeline.MOST} of {len(view.spans)} jobs are drawn." * (more > 0)


def _landscape(view: View, land: lands.Landscape) -> list[Section]:
    among = f"the {len(land.numbers)} trials that came to epoch {land.epoch}, at that epoch"
    lines = Section(
        "Parallel coordinates",
        f"A line a trial, of {among}; colours are ranks. Each axis goes from the lower to the "
        "upper end of its hyperparameter, in the scale that it is drawn in. Where one plays no "
        "part in a configuration, its line passes by.",
        [],
        [landscape.parallel(view, land)],
    )
    alone = Section(
        "Each hyperparameter alone",
        f"{view.metric} over each hyperparameter, of {among}.",
        [],
        [landscape.slices(view, land)],
    )
    found = lands.importance(land)
    if found is None:
        why = f"It needs {lands.LEAST} trials that differ; {len(land.numbers)} came to one epoch."
        return [lines, Section("Importance", why, [], []), alone]
    worth = "" if found.score > 0.1 else " That is next to nothing: do not read on from it."
    text = (
        f"Random forests learn the ranks of {among}. Bars: how much of R² they lose on trials that "
        "they have not seen, once the values of one hyperparameter are shuffled (permutation "
        f"importance); lines: one standard deviation over {lands.SEEDS} seeds of forests and "
        "splits. "
        f"R² on unseen trials: {found.score:.2f} ± {found.score_spread:.2f}.{worth}"
    )
    drawings = [landscape.importance(found)]
    if len(found.names) > 1:
        x, y = (found.names[i] for i in (-found.mean).argsort()[:2])
        drawings.append(landscape.over_two(view, land, lands.over_two(land, x, y)))
        text += (
            f" The map: ranks that a forest foresees over the two most important, {x} and {y}, "
            "averaged over the trials' other values."
        )
    return [lines, Section("Importance", text, [], drawings), alone]


def _predictions(view: View) -> list[Section]:
    if not view.foreseen:
        return []
    known, one, two = accounts.covered(view)
    text = (
        f"{counted(len(view.foreseen), 'prediction')} of a {view.metric} to come decided who was "
        f"trained on; {known} of them can be checked, for their trial came to the epoch foreseen. "
    )
    if known:
        text += f"{one / known:.0%} were right within one spread, {two / known:.0%} within two. "
    text += "Trials that were trained on are not a fair sample: those thought bad were stopped."
    return [Section("Predicted against true", text, [], [accounts.predicted(view)] * bool(known))]


def _costs(view: View) -> Section:
    spent, stops = figures.spent(view), figures.wrong_stops(view)
    text = "Epochs, each counted once. "
    if spent.hyperband is None:
        text += "What plain Hyperband would have trained, the settings do not tell. "
    elif not view.over:
        text += "The study is not over: what it saves is not known yet. "
    elif spent.seconds_saved is not None and spent.hyperband > spent.study:
        text += (
            f"The {spent.hyperband - spent.study} epochs saved against Hyperband's schedule would "
            f"have taken one worker {curves.span(spent.seconds_saved)} at this study's mean epoch. "
        )
    text += (
        f"{len(stops.given_up)} trials were given up. How they would have ended nobody knows. "
        f"{len(stops.better)} of them stand already better than the best trial at its last epoch, "
        f"which is an error; {len(stops.ahead)} were better when they were given up than the best "
        "trial was at the same epoch, which may be one"
        + (f" (trials {', '.join(map(str, stops.ahead[:20]))})." if stops.ahead else ".")
    )
    return Section("Cost and wrong stops", text, [], [accounts.savings(spent)])


def _failures(view: View) -> list[Section]:
    rows = [
        (str(t.number), str(t.epochs), t.error[:300]) for t in view.trials if t.error is not None
    ]
    if not rows:
        return []
    tables = [sheet.table(("failed trial", "after epoch", "why"), rows[:50])]
    if len(rows) > 50:
        tables.append(f"<p>and {len(rows) - 50} more</p>")
    return [Section("Failures", "They count in no comparison above.", tables, [])]


def _settings(view: View) -> list[Section]:
    if not view.settings:
        return []
    text = json.dumps(view.settings, indent=1, default=str)
    return [Section("Settings", f"Seed {view.seed}.", [_folded_source(text)], [])]


def _folded_source(text: str) -> str:
    return sheet.folded("The scheduler's settings, as the log holds them", sheet.source(text))


def _state_of(view: View) -> str:
    if view.over:
        return "over"
    running = sum(t.status == "running" for t in view.trials)
    return f"{running} running" if running else "not over"


def _made(view: View) -> str:
    """How the page was made, for every caption."""
    if view.last is None:
        return "Made by hpo.page from a scheduler's last state."
    last = datetime.datetime.fromtimestamp(view.last).strftime("%Y-%m-%d %H:%M:%S")
    return f"Made by hpo.page from the study's log: seed {view.seed}, last row {last}."


def title_of(path: str | Path | None) -> str:
    """What a study is called: by the folder of its log, or by the log where that has a name."""
    if path is None:
        return "A study"
    path = Path(path).absolute()
    name = path.parent.name if path.stem == "study" else path.stem
    return f"Study {name}"
