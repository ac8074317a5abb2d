"""The report's own pictures: plain values in, figures out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from datasets import schema
from hpo.showing.look import marks, scales
from hpo.showing.look.picture import Plot
from launch.pages import looks, page

_USED = {True: ("orange", "square", "in a stopping decision"),
         False: ("blue", "dot", "checked afterwards")}  # fmt: skip


def predicted_against_true(pairs: Sequence[Mapping[str, Any]], metric: str) -> page.Figure:
    """Losses that were foreseen against those that came (`mean`, `spread`, `actual`, `used`)."""
    known = [p for p in pairs if p["actual"] is not None]
    values = [v for p in known for v in (p["actual"], p["mean"])]
    x = scales.of_losses(values, 1, f"{metric} that came")
    plot = Plot(x, x._replace(label=f"{metric} foreseen"), 440, 360)
    drawn = [plot.line((x.low, x.high), (x.low, x.high), "faint guide")]
    for p in known:
        colour, sign, _ = _USED[p["used"]]
        ends = (p["mean"] - p["spread"], p["mean"] + p["spread"])
        drawn.append(marks.error(plot, p["actual"], ends, colour))
        words = f"{p['mean']:.4g} ± {p['spread']:.2g} foreseen, {p['actual']:.4g} came"
        drawn.append(plot.sign(p["actual"], p["mean"], sign, colour, None, words))
    counts = {used: sum(p["used"] == used for p in known) for used in _USED}
    keys = "".join(
        page.key(sign, colour, f"{text} ({counts[used]})")
        for used, (colour, sign, text) in _USED.items()
        if counts[used]
    )
    rows = [(p["actual"], p["mean"], p["spread"], str(p["used"])) for p in known]
    return page.Figure(
        plot.svg("foreseen", drawn),
        "Values foreseen against those that came; lines: the spread of the prediction. On the "
        "dashed line it is right. The worst twentieth lies outside.",
        keys,
        page.Numbers("foreseen", ("came", "foreseen", "spread", "used"), rows),
    )


def training_curve(records: Sequence[Mapping[str, float]], chosen: int) -> page.Figure:
    """Losses of the final training, and the epoch whose model was kept."""
    epochs = [r["epoch"] for r in records]
    sides = {"training": ("loss", "grey dashed"), "validation": ("validation_loss", "blue")}
    values = [r[column] for r in records for column, _ in sides.values()]
    x = scales.numbers((min(epochs), max(epochs)), "epoch")
    plot = Plot(x, scales.of_losses(values, 1, "loss"), 460, 330)
    drawn = [plot.line((chosen, chosen), (plot.y.low, plot.y.high), "green guide")]
    for title, (column, look) in sides.items():
        drawn.append(plot.line(epochs, [r[column] for r in records], f"strong {look}", None, title))
    kept = {r["epoch"]: r["validation_loss"] for r in records}[chosen]
    words = f"epoch {chosen}, validation loss {kept:.4g}"
    drawn.append(plot.sign(chosen, kept, "diamond", "green", None, words))
    keys = [page.key("line", look, title) for title, (_, look) in sides.items()]
    rows = [
        (r["epoch"], r["loss"], r["validation_loss"], int(r["epoch"] == chosen)) for r in records
    ]
    keys.append(page.key("diamond", "green", f"the epoch that was chosen, {chosen}"))
    return page.Figure(
        plot.svg("training", drawn),
        f"Losses of the final training; the model is that of {words}. One training, one seed: "
        "what another would come to is not known.",
        "".join(keys),
        page.Numbers(
            "training",
            ("epoch", "training loss", "validation loss", "chosen"),
            rows,
        ),
    )


def event_display(
    X: np.ndarray, rows: Mapping[str, np.ndarray], labels: Mapping[str, str]
) -> page.Figure:
    """One event in eta and phi: what the detector saw, and what each reconstruction makes of it.

    X: inputs (elements, features); rows: schema.TARGET_FEATURES by reconstruction.
    """
    panels = {"tracks and clusters": _plot().svg("event-elements", _elements(X))}
    for name, y in rows.items():
        panels[labels[name]] = _plot().svg(f"event-{name}", _particles(y))
    seen = page.key("cross", "sky", "track") + page.key("square", "green", "cluster")
    pairs = zip(looks.CLASSES[1:], schema.CLASSES[1:], strict=True)
    keys = seen + "".join(page.key("dot", colour, kind) for colour, kind in pairs)
    return page.small(
        panels,
        "The event in eta and phi; areas grow with pt.",
        page.Numbers("eta-phi", ("of", "kind", "eta", "phi", "pt [GeV]"), [*_rows(X, rows)]),
        keys,
    )


def _plot() -> Plot:
    phi = scales.between(-np.pi, np.pi, "phi [rad]")
    return Plot(scales.between(-3.0, 3.0, "eta"), phi, 330, 320)


def _elements(X: np.ndarray) -> list[str]:
    out = []
    for kind, look in ((schema.CLUSTER, "squares green"), (schema.TRACK, "sky")):
        of = X[X[:, schema.SHARED["elemtype"]] == kind]
        phi = np.arctan2(of[:, schema.SHARED["sin_phi"]], of[:, schema.SHARED["cos_phi"]])
        eta, radius = of[:, schema.SHARED["eta"]], _radius(of[:, schema.SHARED["pt"]])
        if kind == schema.CLUSTER:
            out.append(marks.cloud(_plot(), eta, phi, radius, look))
        else:
            out += [
                _plot().sign(e, p, "cross", look, None, f"track with pt {pt:.3g} GeV")
                for e, p, pt in zip(eta, phi, of[:, schema.SHARED["pt"]], strict=True)
            ]
    return out


def _particles(y: np.ndarray) -> list[str]:
    kind = y[:, schema.target("PDG")].astype(int)
    phi = np.arctan2(y[:, schema.target("sin_phi")], y[:, schema.target("cos_phi")])
    eta, pt = y[:, schema.target("eta")], y[:, schema.target("pt")]
    return [
        marks.cloud(_plot(), eta[own], phi[own], _radius(pt[own]), looks.CLASSES[number])
        for number in range(1, len(schema.CLASSES))
        for own in [kind == number]
    ]


def _rows(X: np.ndarray, rows: Mapping[str, np.ndarray]) -> list[tuple]:
    shared = schema.SHARED
    names = {schema.TRACK: "track", schema.CLUSTER: "cluster"}
    out = [
        ("detector", names.get(int(x[0]), "unknown"), x[shared["eta"]],
         np.arctan2(x[shared["sin_phi"]], x[shared["cos_phi"]]), x[shared["pt"]])
        for x in X
    ]  # fmt: skip
    for who, y in rows.items():
        at = {name: schema.target(name) for name in schema.TARGET_FEATURES}
        out += [
            (who, schema.CLASSES[int(row[at["PDG"]])], row[at["eta"]],
             np.arctan2(row[at["sin_phi"]], row[at["cos_phi"]]), row[at["pt"]])
            for row in y[y[:, at["PDG"]] > 0]
        ]  # fmt: skip
    return out


def _radius(pt: np.ndarray) -> np.ndarray:
    """Of a mark, growing with pt (GeV) such that 100 MeV is still seen."""
    return np.sqrt((6 + 14 * np.sqrt(np.maximum(pt, 0))) / np.pi)
