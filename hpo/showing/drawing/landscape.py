"""Hyperparameters against the metric: parallel coordinates, importance, slices, a map of two."""

import numpy as np

from hpo.showing.drawing.curves import MOST, described, short
from hpo.showing.landscape import Importance, Landscape, Map
from hpo.showing.look import scales, sheet
from hpo.showing.look.numbers import Numbers
from hpo.showing.look.palette import shade
from hpo.showing.look.picture import Plot
from hpo.showing.look.sheet import Figure, key
from hpo.showing.view import View
from hpo.space.parameters import Categorical, plain

WIDTH = 1040


def parallel(view: View, land: Landscape) -> Figure:
    """An axis a hyperparameter and one for the metric, a line a trial; the best lie on top."""
    columns = len(land.names) + 1
    x = scales.Axis(0, max(columns - 1, 1), False, "", tuple(
        (i, _cut(name, columns)) for i, name in enumerate((*land.names, view.metric))
    ))  # fmt: skip
    plot = Plot(x, scales.Axis(-0.06, 1.06, False, "", ()), WIDTH, 360, left=70, right=44)
    trials = {t.number: t for t in view.trials}
    marks = []
    for i in np.argsort(-land.ranks, kind="stable")[-MOST:]:
        places = [*land.units[i], 1 - land.ranks[i]]
        known = [(j, p) for j, p in enumerate(places) if np.isfinite(p)]
        words = described(view, trials[land.numbers[i]])
        look = shade(1 - land.ranks[i])
        x_of, y_of = zip(*known, strict=True)
        marks.append(plot.line(x_of, y_of, look, land.numbers[i], words))
    for j, name in enumerate(land.names):
        anchor = "start" if j == 0 else "middle"
        for at, text in _ends(land, name):
            marks.append(plot.words(j, at, text, "tick", anchor))
    order = np.argsort(land.ranks)
    for at, row in ((1.025, order[0]), (-0.055, order[-1])):
        marks.append(plot.words(columns - 1, at, f"{land.values[row]:.4g}", "tick", "end"))
    keys = key("square", shade(1.0), "best") + key("square", shade(0.0), "worst")
    return Figure(
        plot.svg("parallel", marks),
        f"A line a trial: its hyperparameters, and its {view.metric} at epoch {land.epoch}.",
        keys,
        _table("hyperparameters", view, land),
        wide=True,
    )


def importance(found: Importance) -> Figure:
    """Bars with their spread over seeds, the longest on top."""
    order = np.argsort(-found.mean)
    names = [_cut(found.names[i], 4) for i in order]
    ends = [*(found.mean + found.spread), *(found.mean - found.spread), 0.0]
    x = scales.numbers(ends, "loss of R² when shuffled", zero=True)
    rows = scales.Axis(0, len(names), False, "", tuple((i + 0.5, n) for i, n in enumerate(names)))
    plot = Plot(x, rows, 520, 60 + 30 * len(names), down=True, left=170)
    marks = []
    for row, i in enumerate(order):
        mean, spread = float(found.mean[i]), float(found.spread[i])
        words = f"{found.names[i]}: {mean:.3f} ± {spread:.3f}"
        marks.append(plot.bar((0, mean), (row + 0.2, row + 0.8), "plain", None, words))
        marks.append(
            plot.line((mean - spread, mean + spread), (row + 0.5,) * 2, "ink", None, words)
        )
    table = [(found.names[i], found.mean[i], found.spread[i]) for i in order]
    return Figure(
        plot.svg("importance", marks),
        "What shuffling one hyperparameter costs a random forest; lines: one standard deviation.",
        numbers=Numbers("importance", ("hyperparameter", "loss of R2", "spread"), table),
    )


def slices(view: View, land: Landscape) -> Figure:
    """The metric over each hyperparameter, a small picture each."""
    y = scales.of_losses(land.values.tolist(), view.sign, f"{view.metric} at epoch {land.epoch}")
    trials = {t.number: t for t in view.trials}
    found = {}
    for number, name in enumerate(land.names[:24]):
        plot = Plot(_along(land, name), y._replace(label=""), 330, 220)
        marks = [
            plot.sign(unit, value, "dot", "plain", trial, described(view, trials[trial]))
            for unit, value, trial in zip(
                land.units[:, number], land.values, land.numbers, strict=True
            )
            if np.isfinite(unit)
        ][-MOST:]
        found[name] = plot.svg(f"slice-{number}", marks)
    words = f"{y.label} over each hyperparameter, a point a trial."
    return sheet.small(found, words, _table("slices", view, land))


def over_two(view: View, land: Landscape, found: Map) -> Figure:
    """What a forest foresees over two hyperparameters, and the trials that it learned from."""
    plot = Plot(_along(land, found.x), _along(land, found.y), 520, 420, left=88)
    cells, marks = len(found.ranks), []
    low, high = float(found.ranks.min()), float(found.ranks.max())
    for row in range(cells):
        for column in range(cells):
            better = (high - found.ranks[row, column]) / (high - low or 1.0)
            x, y = ((i / cells, (i + 1) / cells) for i in (column, row))
            marks.append(plot.bar(x, y, shade(better)))
    trials = {t.number: t for t in view.trials}
    i, j = land.names.index(found.x), land.names.index(found.y)
    for number, (x, y) in zip(land.numbers, land.units[:, [i, j]], strict=True):
        if np.isfinite(x) and np.isfinite(y):
            words = described(view, trials[number])
            marks.append(plot.sign(x, y, "dot", "best edge", number, words))
    keys = key("square", shade(1.0), "best foreseen") + key("square", shade(0.0), "worst")
    places = [((i + 0.5) / cells, (j + 0.5) / cells) for j in range(cells) for i in range(cells)]
    rows = [(x, y, r) for (x, y), r in zip(places, found.ranks.ravel(), strict=True)]
    return Figure(
        plot.svg("map", marks),
        f"Ranks that a forest foresees over {found.x} and {found.y}; its numbers are places on "
        "both axes from 0 to 1, and the rank there.",
        keys + key("dot", "best", "a trial"),
        Numbers("map", (found.x, found.y, "rank"), rows),
    )


def _table(name: str, view: View, land: Landscape) -> Numbers:
    """Every trial of a landscape with its hyperparameters and its value."""
    trials = {t.number: t for t in view.trials}
    rows = [
        (number, *(trials[number].configuration.get(n) for n in land.names), value)
        for number, value in zip(land.numbers, land.values, strict=True)
    ]
    return Numbers(name, ("trial", *land.names, view.metric), rows)


def _along(land: Landscape, name: str) -> scales.Axis:
    """A hyperparameter's axis, in places of [0, 1], named by values."""
    parameter = plain(land.space.parameters[name])
    if isinstance(parameter, Categorical):
        return scales.categories((_cut(str(v), 4) for v in parameter.values), name)
    places: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    if parameter.low == parameter.high:
        places = (0.5,)
    values = {short(float(parameter.at(p))): p for p in places}
    return scales.Axis(-0.03, 1.03, False, name, tuple((p, text) for text, p in values.items()))


def _ends(land: Landscape, name: str) -> list[tuple[float, str]]:
    """What the ends of an axis are called; categories each at their place."""
    parameter = plain(land.space.parameters[name])
    if not isinstance(parameter, Categorical):
        return [(1.025, short(parameter.high)), (-0.055, short(parameter.low))]
    count = len(parameter.values)
    some = [(i, v) for i, v in enumerate(parameter.values) if i % max(count // 8, 1) == 0]
    return [((i + 0.5) / count, _cut(str(v), 6)) for i, v in some]


def _cut(text: str, columns: int) -> str:
    """A name as it fits: the end of a path tells it."""
    room = max(130 // max(columns, 1), 9)
    return text if len(text) <= room else "…" + text[-room + 1 :]
