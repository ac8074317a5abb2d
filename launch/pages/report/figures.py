"""The report's pictures: plain values in, SVG text out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from datasets import schema
from launch.pages.drawing import CLASS_COLOURS, draw

COLOURS = {
    "calorimeter": "#9a9a9a",
    "baseline": "#d9822b",
    "mlpf": "#2364aa",
    "target": "#222222",
}
LABELS = {
    "calorimeter": "calorimeter only",
    "baseline": "rule-based",
    "mlpf": "MLPF",
    "target": "truth",
}
STATUS_COLOURS = {
    "completed": "#2364aa",
    "not promoted": "#b8b8b8",
    "stopped": "#c0392b",
    "failed": "#000000",
}


def response(values: Mapping[str, np.ndarray], xlabel: str, upper: float = 2.0) -> str:
    """Histograms of responses by reconstruction, as fractions."""

    def paint(axes):
        bins = np.linspace(0, upper, 81)
        for name, ratio in values.items():
            ratio = ratio[np.isfinite(ratio)]
            style = {"linestyle": "--"} if name == "target" else {}
            weight = np.full(len(ratio), 1 / max(len(ratio), 1))
            axes.hist(
                ratio, bins, weights=weight, histtype="step", linewidth=1.6,
                color=COLOURS[name], label=LABELS[name], **style,
            )  # fmt: skip
        # Truth is nearly a line at 1: its height would flatten what is compared.
        tallest = max(
            np.histogram(r[np.isfinite(r)], bins)[0].max(initial=0) / max(np.isfinite(r).sum(), 1)
            for name, r in values.items()
            if name != "target"
        )
        axes.set(xlabel=xlabel, ylabel="fraction", xlim=(0, upper), ylim=(0, 1.25 * tallest))
        axes.legend(loc="upper left")

    return draw((5.2, 3.4), paint)


def width_by_pt(by_pt: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Width of the jet response in bins of the generator jet's pt.

    A last bin without an end (None) is drawn as wide as the one before it.
    """
    edges = [b["pt"] for b in next(iter(by_pt.values()))]
    label = "generator jet pt [GeV]" + (", last bin: all above" if edges[-1][1] is None else "")

    def paint(axes):
        for name, bins in by_pt.items():
            drawn = _closed([b["pt"] for b in bins])
            centre, half = np.mean(drawn, axis=1), np.ptp(drawn, axis=1) / 2
            width = [b["width"] for b in bins]
            axes.errorbar(
                centre, width, xerr=half, fmt="o", markersize=4, color=COLOURS[name],
                label=LABELS[name],
            )  # fmt: skip
        axes.set(xlabel=label, ylabel="response IQR / median", ylim=(0, None))
        axes.legend()

    return draw((5.2, 3.4), paint)


def _closed(edges: Sequence[Sequence[float | None]]) -> list[tuple[float, float]]:
    """Edges to draw: where the last bin has no end, one as far away as in the bin before."""
    *closed, (low, high) = edges
    step = np.ptp(closed[-1]) if high is None else high - low
    return [*map(tuple, closed), (low, low + step)]


def learning_curves(
    trials: Sequence[Mapping[str, Any]], max_epochs: int, metric: str = "validation_loss"
) -> str:
    """The metric of every trial by epoch, and where and why each one ended."""
    ends = {"stopped": "X", "not promoted": "o", "completed": "s", "failed": "v"}

    def paint(axes):
        seen = set()
        for trial in trials:
            curve, status = trial["curve"], trial["status"]
            if not curve:
                continue
            colour = STATUS_COLOURS.get(status, "#888888")
            label = None if status in seen else status
            seen.add(status)
            epochs = np.arange(1, len(curve) + 1)
            axes.plot(epochs, curve, color=colour, linewidth=0.9, alpha=0.65)
            axes.plot(
                epochs[-1], curve[-1], ends.get(status, "."), color=colour, markersize=5,
                label=label,
            )  # fmt: skip
        values = [v for t in trials for v in t["curve"]]
        if values:
            low, high = np.min(values), np.quantile(values, 0.95)
            axes.set_ylim(low - 0.05 * (high - low), high)
        axes.set_xscale("log", base=2)
        axes.set(xlabel="epoch", ylabel=metric.replace("_", " "), xlim=(0.9, 1.15 * max_epochs))
        axes.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
        axes.legend()

    return draw((5.2, 3.6), paint)


def predicted_against_true(pairs: Sequence[Mapping[str, Any]]) -> str:
    """Losses that were foreseen against those that came (`mean`, `spread`, `actual`, `used`)."""

    def paint(axes):
        for used, colour, label in (
            (True, "#c0392b", "in a stopping decision"),
            (False, "#2364aa", "checked afterwards"),
        ):
            chosen = [p for p in pairs if p["used"] == used and p["actual"] is not None]
            if not chosen:
                continue
            axes.errorbar(
                [p["actual"] for p in chosen], [p["mean"] for p in chosen],
                yerr=[p["spread"] for p in chosen], fmt="o", markersize=4, color=colour,
                elinewidth=0.7, alpha=0.8, label=f"{label} ({len(chosen)})",
            )  # fmt: skip
        known = [p["actual"] for p in pairs if p["actual"] is not None]
        if known:
            ends = [min(known), max(known)]
            axes.plot(ends, ends, color="#888888", linewidth=0.8)
            axes.legend()
        axes.set(xlabel="true loss at the rung", ylabel="predicted loss")

    return draw((4.4, 3.6), paint)


def epochs_spent(spent: int, schedule: int) -> str:
    """Epochs of the study beside those of plain Hyperband's schedule."""

    def paint(axes):
        bars = axes.barh(
            ["this study", "plain Hyperband"], [spent, schedule], color=["#2364aa", "#b8b8b8"]
        )
        axes.bar_label(bars, padding=4)
        axes.set(xlabel="epochs trained", xlim=(0, 1.15 * max(spent, schedule)))
        axes.grid(axis="y", visible=False)

    return draw((5.2, 1.7), paint)


def training_curve(records: Sequence[Mapping[str, float]]) -> str:
    """Losses of the final training."""

    def paint(axes):
        epochs = [r["epoch"] for r in records]
        axes.plot(epochs, [r["loss"] for r in records], color="#b8b8b8", label="training")
        axes.plot(
            epochs, [r["validation_loss"] for r in records], color="#2364aa", label="validation"
        )
        axes.set(xlabel="epoch", ylabel="loss")
        axes.legend()

    return draw((4.4, 3.6), paint)


def event_display(X: np.ndarray, rows: Mapping[str, np.ndarray]) -> str:
    """One event in eta and phi: what the detector saw, and what each reconstruction makes of it.

    X: inputs (elements, features); rows: schema.TARGET_FEATURES by reconstruction.
    """

    def paint(axes):
        _draw_elements(axes[0], X)
        for panel, (name, y) in zip(axes[1:], rows.items(), strict=True):
            _draw_particles(panel, y)
            panel.set_title(LABELS[name])
        for panel in axes:
            panel.set(xlabel="eta", xlim=(-3, 3), ylim=(-np.pi, np.pi))
        axes[0].set(ylabel="phi")
        handles = axes[-1].get_legend_handles_labels()
        axes[0].figure.legend(*handles, loc="outside lower center", ncols=len(handles[0]))

    return draw((11, 4.4), paint, columns=1 + len(rows))


def _draw_elements(axes, X: np.ndarray) -> None:
    phi = np.arctan2(X[:, schema.SHARED["sin_phi"]], X[:, schema.SHARED["cos_phi"]])
    eta, pt = X[:, schema.SHARED["eta"]], X[:, schema.SHARED["pt"]]
    for kind, marker, colour in ((schema.CLUSTER, "s", "#3a9d5d"), (schema.TRACK, "x", "#2364aa")):
        chosen = X[:, schema.SHARED["elemtype"]] == kind
        axes.scatter(
            eta[chosen], phi[chosen], _area(pt[chosen]), marker=marker, color=colour,
            alpha=0.6, linewidths=0.8,
        )  # fmt: skip
    axes.set_title("tracks (x) and clusters")


def _draw_particles(axes, y: np.ndarray) -> None:
    kind = y[:, schema.target("PDG")].astype(int)
    phi = np.arctan2(y[:, schema.target("sin_phi")], y[:, schema.target("cos_phi")])
    eta, pt = y[:, schema.target("eta")], y[:, schema.target("pt")]
    for number, name in enumerate(schema.CLASSES[1:], start=1):
        chosen = kind == number
        colour = CLASS_COLOURS[number]
        axes.scatter(eta[chosen], phi[chosen], _area(pt[chosen]), color=colour, alpha=0.6, lw=0)
        axes.scatter([], [], 40, color=colour, alpha=0.8, lw=0, label=name)


def _area(pt: np.ndarray) -> np.ndarray:
    """Marker area, growing with pt (GeV) such that 100 MeV is still seen."""
    return 6 + 14 * np.sqrt(np.maximum(pt, 0))
