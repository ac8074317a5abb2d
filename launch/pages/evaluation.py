"""The page of an evaluation: for each process a table, and pictures of jets and events."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from launch.pages import page
from launch.pages.drawing import draw, line_of_bins

COLOURS = {
    "calorimeter": "#9a9a9a",
    "baseline": "#d9822b",
    "mlpf": "#2364aa",
    "target": "#222222",
    "oracle": "#cc79a7",
    "floor": "#009e73",
}
LABELS = {
    "calorimeter": "calorimeter only",
    "baseline": "rule-based",
    "mlpf": "MLPF",
    "target": "truth, one particle an element",
    "oracle": "oracle: perfect association",
    "floor": "floor: perfect separation",
}
TITLES = {
    "jets_r04": "jets R = 0.4",
    "jets_r07": "jets R = 0.7",
    "jets_glow": "two leading jets, energy",
    "met": "missing pt",
    "visible": "visible energy",
    "dijet": "dijet mass",
}
TEXT = (
    "{events} events. Median and width (interquartile range over median) of the response, with "
    "errors from a bootstrap over events; matched and fake are of jets with R = 0.7."
)


def render(figures: Mapping[str, Mapping[str, Any]], responses: Mapping[str, Mapping]) -> str:
    """HTML. `responses`: by process and reconstruction, those of jets with R = 0.7."""
    sections = [
        page.Section(
            process,
            TEXT.format(events=found["events"]),
            [_table(found)],
            [
                _histogram({n: responses[process][n] for n in found["jets_r07"]}),
                _widths(found["jets_r07_by_pt"], "pt", "generated jet pt [GeV]"),
                _widths(found["jets_r07_by_angle"], "angle", "|cos theta| of the generated jet"),
            ],
        )
        for process, found in figures.items()
    ]
    return page.render("Particle flow against what is possible", [*_strip(figures)], sections)


def write(path: Path, figures: Mapping, responses: Mapping) -> None:
    """Writes the page whole or not at all."""
    from datasets.storage.files import write_text

    write_text(path, render(figures, responses))


def _strip(figures: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for process, found in figures.items():
        closed, wide = found["closed"]["jets_r07"], found["jets_r07"]
        if closed is not None and closed["share"] is not None:
            yield f"{closed['share']:.0%}", f"{process}: of the gap to the floor closed, R = 0.7"
        elif wide["mlpf"]["width"] and wide["baseline"]["width"]:
            ratio = wide["mlpf"]["width"] / wide["baseline"]["width"]
            yield f"{ratio:.2f}", f"{process}: width over the rule-based one, R = 0.7"
        else:
            yield "no entries", f"{process}: jets with R = 0.7"


def _table(found: Mapping[str, Any]) -> str:
    groups = [group for group in TITLES if group in found]
    rows = [
        [LABELS[name], *(_cell(found[group][name]) for group in groups), _percent(wide["matched"]),
         _percent(wide["fakes"])]
        for name, wide in found["jets_r07"].items()
    ]  # fmt: skip
    return page.table(["", *(TITLES[group] for group in groups), "matched", "fake"], rows)


def _cell(figure: Mapping[str, Any]) -> str:
    if figure["width"] is None:
        return "no entries"
    error = "" if figure["width_error"] is None else f" ± {figure['width_error']:.4f}"
    return f"{figure['median']:.3f}, {figure['width']:.4f}{error}"


def _percent(share: float | None) -> str:
    return "no entries" if share is None else f"{share:.1%}"


def _histogram(responses: Mapping[str, np.ndarray]) -> str:
    """Responses as fractions; what hardly spreads would flatten the others, and ends at the top."""

    def paint(axes):
        bins, top = np.linspace(0.5, 1.5, 81), 0.0
        for name, values in responses.items():
            values = values[np.isfinite(values)]
            if not len(values):
                continue
            weights = np.full(len(values), 1 / len(values))
            heights, *_ = axes.hist(
                values, bins, weights=weights, histtype="step", linewidth=1.4,
                color=COLOURS[name], label=LABELS[name],
            )  # fmt: skip
            top = top if name == "target" else max(top, heights.max())
        axes.set(xlabel="response of jets, R = 0.7", ylabel="fraction", xlim=(0.5, 1.5))
        if top:
            axes.set_ylim(0, 1.15 * top)
            axes.legend(fontsize=7)

    return draw((5.2, 3.4), paint)


def _widths(binned: Mapping[str, list[Mapping[str, Any]]], label: str, xlabel: str) -> str:
    def paint(axes):
        for name, bins in binned.items():
            line_of_bins(axes, bins, label, color=COLOURS[name])
        axes.set(xlabel=xlabel, ylabel="response IQR / median", ylim=(0, None))

    return draw((5.2, 3.4), paint)
