"""What a study foresaw against what came, and what it cost beside others."""

from hpo.showing.drawing.curves import MOST
from hpo.showing.figures import Spent
from hpo.showing.look import scales
from hpo.showing.look.numbers import Numbers
from hpo.showing.look.picture import Plot
from hpo.showing.look.sheet import Figure, key
from hpo.showing.view import View
from mlpf_install.wording import counted


def predicted(view: View) -> Figure:
    """Predictions over what came, with their spreads, where somebody went to see."""
    known = [(f, f.actual) for f in view.foreseen if f.actual is not None][-MOST:]
    values = [v for f, came in known for v in (came, f.mean)]
    x = scales.of_losses(values, view.sign, f"{view.metric} that came")
    plot = Plot(x, x._replace(label=f"{view.metric} foreseen"), 460, 400)
    marks = [plot.line((x.low, x.high), (x.low, x.high), "faint guide")]
    for f, came in known:
        words = (
            f"trial {f.trial} at epoch {f.epoch}, for epoch {f.rung}: {f.mean:.5g} ± {f.spread:.2g}"
            f" foreseen, {came:.5g} came"
        )
        ends = (f.mean - f.spread, f.mean + f.spread)
        marks.append(plot.line((came,) * 2, ends, "faint", f.trial, words))
        marks.append(plot.sign(came, f.mean, "dot", "plain", f.trial, words))
    columns = ("trial", "at epoch", "for epoch", "foreseen", "spread", "came")
    return Figure(
        plot.svg("predicted", marks),
        f"{view.metric} foreseen over what came, of {counted(len(known), 'prediction')}; on the "
        "dashed line they are right.",
        key("dot", "plain", "a prediction ± its spread"),
        Numbers(
            "predicted",
            columns,
            [(f.trial, f.epoch, f.rung, f.mean, f.spread, came) for f, came in known],
        ),
    )


def covered(view: View) -> tuple[int, int, int]:
    """How many predictions can be checked, and how many of these were right within one and within
    two spreads."""
    off = [(abs(f.mean - f.actual), f.spread) for f in view.foreseen if f.actual is not None]
    one, two = (sum(error <= k * spread for error, spread in off) for k in (1, 2))
    return len(off), one, two


def savings(spent: Spent) -> Figure:
    """Epochs of the study, of plain Hyperband, and of all its trials to the end."""
    rows = [("this study", spent.study, "plain")]
    if spent.hyperband is not None:
        rows.append(("plain Hyperband", spent.hyperband, "faint"))
    rows.append(("all to the end", spent.full, "faint"))
    x = scales.numbers([*(count for _, count, _ in rows), 1], "epochs", zero=True)
    named = tuple((i + 0.5, name) for i, (name, _, _) in enumerate(rows))
    plot = Plot(x, scales.Axis(0, len(rows), False, "", named), 520, 60 + 34 * len(rows), True, 120)
    marks = []
    for i, (name, count, look) in enumerate(rows):
        marks.append(
            plot.bar(
                (0, count), (i + 0.2, i + 0.8), look, None, f"{name}: {counted(count, 'epoch')}"
            )
        )
        inside = count > 0.8 * x.high
        at = count - 0.01 * x.high if inside else count + 0.01 * x.high
        marks.append(plot.words(at, i + 0.6, str(count), "", "end" if inside else "start"))
    return Figure(
        plot.svg("savings", marks),
        "Epochs trained, each counted once; below, what others would train on the same trials.",
        numbers=Numbers("epochs", ("", "epochs"), [(name, count) for name, count, _ in rows]),
    )
