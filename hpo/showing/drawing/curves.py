"""Loss curves, and the best of them so far; how trials of each fate are told apart."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from hpo.showing import figures
from hpo.showing.look import scales
from hpo.showing.look.numbers import Numbers
from hpo.showing.look.picture import Plot
from hpo.showing.look.sheet import Figure, key
from hpo.showing.view import STATUSES, Seen, View
from mlpf_install.wording import counted

MOST = 600  # trials in one picture: more are a blot, and a page of many megabytes
# The class and the mark of each fate; colour, dashes and shape each tell them apart.
LOOKS: Mapping[str, tuple[str, str]] = {
    "completed": ("completed", "square"),
    "running": ("running", "diamond"),
    "paused": ("paused", "ring"),
    "waiting": ("waiting", "ring"),
    "not promoted": ("out", "dot"),
    "stopped": ("stopped", "cross"),
    "failed": ("failed", "triangle"),
}


def legend(trials: Iterable[Seen]) -> str:
    """The fates that occur."""
    found = {t.status for t in trials}
    return "".join(key(LOOKS[s][1], LOOKS[s][0], s) for s in STATUSES if s in found)


def shown(view: View) -> tuple[Seen, ...]:
    """Trials that reported, at most MOST: the best of those trained longest, and all that run."""
    trials = [t for t in view.trials if t.curve]
    if len(trials) <= MOST:
        return tuple(trials)
    order = sorted(
        trials, key=lambda t: (t.status != "running", -t.epochs, view.sign * t.curve[-1])
    )
    return tuple(sorted(order[:MOST], key=lambda t: t.number))


def described(view: View, trial: Seen) -> str:
    """A trial in one line: where it stands, and with what."""
    values = ", ".join(f"{n} {short(v)}" for n, v in sorted(trial.configuration.items()))
    at = f", {view.metric} {trial.curve[-1]:.6g} at epoch {trial.epochs}" if trial.curve else ""
    why = f" ({trial.error[:120]})" if trial.error else ""
    return f"trial {trial.number}, {trial.status}{at}{why}: {values}"


def short(value: object) -> str:
    """A hyperparameter's value as one reads it."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def curves(view: View) -> Figure:
    """The metric of every trial by epoch, and how each ended."""
    trials, longest = shown(view), figures.longest(view)
    x = scales.numbers((1, max(longest, 2)), "epoch", log=True)
    y = scales.of_losses((v for t in trials for v in t.curve), view.sign, view.metric)
    plot = Plot(x, y, 590, 380)
    best, marks = view.best, []
    for trial in sorted(trials, key=lambda t: best is not None and t.number == best.number):
        look, shape = LOOKS[trial.status]
        words = described(view, trial)
        own = "best" if best is not None and trial.number == best.number else look
        line = plot.line(range(1, trial.epochs + 1), trial.curve, own, trial.number, words)
        at = min(max(trial.curve[-1], y.low), y.high)  # beyond the picture: at its edge
        end = plot.sign(trial.epochs, at, shape, own, trial.number, words)
        marks += [line, end]
    keys = legend(trials)
    if best is not None:
        keys += key("square", "best", f"the best, trial {best.number}")
    rows = [(t.number, t.status, i, v) for t in trials for i, v in enumerate(t.curve, 1)]
    return Figure(
        plot.svg("curves", marks),
        f"{view.metric} of {counted(len(trials), 'trial')} after each epoch, as each reported it.",
        keys,
        Numbers("curves", ("trial", "status", "epoch", view.metric), rows),
    )


def best_so_far(view: View) -> Figure:
    """The best metric that any report had, by epochs that the study had trained."""
    best = figures.best_so_far(view)
    steps = np.flatnonzero(np.r_[True, np.diff(best.value) != 0][: len(best.value)])
    x = scales.numbers((0, max(len(best.epochs), 1)), "epochs trained by the study", zero=True)
    y = scales.of_losses(best.value.tolist(), view.sign, f"best {view.metric} so far")
    plot = Plot(x, y, 420, 380)
    corners = [*steps.tolist(), len(best.value) - 1] if len(steps) else []
    xs = [v for i, j in itertools.pairwise(corners) for v in (i + 1, max(j, i) + 1)]
    ys = [best.value[i] for i in corners[:-1] for _ in range(2)]
    marks = [plot.line(xs, ys, "best")]
    for i in steps.tolist():
        seconds = "" if math.isnan(best.seconds[i]) else f", after {span(best.seconds[i])}"
        words = f"{best.value[i]:.6g}: trial {best.trial[i]}, epoch {best.epoch[i]}{seconds}"
        marks.append(plot.sign(i + 1, best.value[i], "dot", "best", int(best.trial[i]), words))
    columns = ("epochs trained", "seconds", f"best {view.metric}", "trial", "epoch")
    rows = [
        (i + 1, best.seconds[i], best.value[i], int(best.trial[i]), int(best.epoch[i]))
        for i in steps.tolist()
    ]
    return Figure(
        plot.svg("best-so-far", marks),
        f"The best {view.metric} of any report until then; a mark wherever it got better.",
        numbers=Numbers("best-so-far", columns, rows),
    )


def span(seconds: float) -> str:
    """A time as one reads it."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if abs(seconds) >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


def with_unit(times: Sequence[float]) -> tuple[float, str]:
    """How many seconds the unit has in which times are drawn, and its name."""
    longest = max(times, default=0.0)
    sizes = ((86400, "days"), (3600, "hours"), (60, "minutes"))
    return next(((size, unit) for size, unit in sizes if longest >= 2 * size), (1, "seconds"))
