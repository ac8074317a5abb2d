"""The page of `launch.claims`: a table of statements, and the pictures behind it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from launch.pages import event, page
from launch.pages.drawing import draw, line_of_bins

# By model, before and after tuning alike; told apart by line style.
COLOURS = {"GNN": "#2364aa", "transformer": "#cc79a7", "own": "#222222", "rules": "#d9822b",
           "floor": "#009e73"}  # fmt: skip
GROUPS = {"jets_r04": "jets R = 0.4", "jets_r07": "jets R = 0.7", "met": "missing pt"}
Figures = Mapping[str, Mapping[str, Any]]


def render(
    statements: Sequence[Any],
    gains: Mapping[str, Mapping[str, Any]],
    figures: Figures,
    X: np.ndarray,
    rows: Mapping[str, np.ndarray],
) -> str:
    """HTML. `statements` have claim, published, ours and verdict; `gains` by architecture;
    `figures` by model and process (`physics.comparison`); X and rows: one event."""
    first = next(iter(figures["own"]))
    table = page.table(
        ("claim", "published", "ours", "verdict"),
        [(s.claim, s.published, s.ours, s.verdict) for s in statements],
    )
    sections = [
        page.Section("Statement by statement", TEXTS["statements"], [table], []),
        page.Section(
            "What tuning gained", TEXTS["gain"], [_gain_table(gains)], [_losses(gains)]
        ),
        page.Section(
            f"Against the rules, over pt ({first})", TEXTS["pt"], [],
            [_over_pt(figures, first), _matched(figures, first)],
        ),
        page.Section("In every sample", TEXTS["samples"], [_samples(figures)], []),
        page.Section("One event", TEXTS["event"], [event.turning(X, rows)], []),
    ]  # fmt: skip
    summary = [
        (f"{gain['loss_change']['mean']:+.0%}", f"loss by tuning, {name}; published -34%")
        for name, gain in gains.items()
    ]
    summary += [
        (_ratio(figures["own"][first][group]), f"width over the rules', {first}, {title}")
        for group, title in GROUPS.items()
    ]
    return page.render("Tuned particle flow: what is claimed, and what we find", summary, sections)


TEXTS = {
    "statements": "Widths are interquartile ranges over medians of the response, over those of the "
    "rule-based reconstruction; errors of widths are from a bootstrap over events, those of losses "
    "from seeds. Everything is simulated by this project: neither the detector nor the rules are "
    "those of the publication.",
    "gain": "A tuned run's configuration before and after, trained with fresh seeds on events of "
    "their own and judged by one loss; and what the same tuning did to jets, which the loss does "
    "not rank.",
    "pt": "Each model over the pt of generated jets (R = 0.7), and the share of them that is "
    "matched, n_reco / n_gen. Dashed: before tuning.",
    "samples": "Ratios of widths to the rules' in each sample, and matched jets (the rules').",
    "event": "Tracks bend to the calorimeter, clusters lie where they were found. Particles are "
    "straight lines, longer with energy.",
}


def write(path: Path, *parts: Any) -> None:
    """Writes the page whole or not at all; takes what `render` takes."""
    from datasets.storage.files import write_text

    write_text(path, render(*parts))


def _gain_table(gains: Mapping[str, Mapping[str, Any]]) -> str:
    cells = []
    for name, gain in gains.items():
        for seed, sides in gain["seeds"].items():
            for side, of in sides.items():
                values = (of[what] for what in ("validation_loss", "jets", "wide_jets", "met"))
                cells.append([name, seed, f"{side} tuning", *(f"{value:.3f}" for value in values)])
    return page.table(("", "seed", "", "validation loss", *GROUPS.values()), cells)


def _losses(gains: Mapping[str, Mapping[str, Any]]) -> str:
    def paint(axes):
        for i, (name, gain) in enumerate(gains.items()):
            for sides in gain["seeds"].values():
                losses = [sides[side]["validation_loss"] for side in ("before", "after")]
                axes.plot([2 * i, 2 * i + 1], losses, marker="o", color=COLOURS[name])
        ticks = [f"{name}\n{side}" for name in gains for side in ("before", "after")]
        axes.set_xticks(range(len(ticks)), ticks)
        axes.set(ylabel="validation loss", ylim=(0, None))

    return draw((5.2, 3.4), paint)


def _over_pt(figures: Figures, process: str) -> str:
    def paint(axes):
        for name, of in figures.items():
            _line(axes, of[process]["jets_r07_by_pt"]["mlpf"], "width", name)
        for name, title in (("baseline", "rules"), ("floor", "floor")):
            bins = figures["own"][process]["jets_r07_by_pt"].get(name)
            if bins:
                _line(axes, bins, "width", title)
        axes.set(xlabel="generated jet pt [GeV]", ylabel="response IQR / median", ylim=(0, None))
        axes.legend(fontsize=7)

    return draw((5.6, 3.8), paint)


def _matched(figures: Figures, process: str) -> str:
    def paint(axes):
        for name, of in figures.items():
            _line(axes, of[process]["jets_r07_by_pt"]["mlpf"], "matched", name)
        _line(axes, figures["own"][process]["jets_r07_by_pt"]["baseline"], "matched", "rules")
        axes.set(xlabel="generated jet pt [GeV]", ylabel="matched, n_reco / n_gen", ylim=(0, 1.05))

    return draw((5.6, 3.8), paint)


def _line(axes, bins: Sequence[Mapping[str, Any]], what: str, name: str) -> None:
    """A model in its colour, dashed before tuning."""
    line_of_bins(
        axes, bins, "pt", what, color=COLOURS[name.partition(",")[0]], label=name,
        linestyle="--" if "before" in name else "-",
    )  # fmt: skip


def _samples(figures: Figures) -> str:
    cells = []
    for name, of in figures.items():
        for process, found in of.items():
            wide = found["jets_r07"]
            matched = (wide[who]["matched"] for who in ("mlpf", "baseline"))
            cells.append([
                name, process, *(_ratio(found[group]) for group in GROUPS),
                "{:.1%} ({:.1%})".format(*(share or 0.0 for share in matched)),
            ])  # fmt: skip
    return page.table(("", "", *GROUPS.values(), "matched"), cells)


def _ratio(group: Mapping[str, Mapping[str, Any]]) -> str:
    own, rules = group["mlpf"]["width"], group["baseline"]["width"]
    return f"{own / rules:.3f}" if own and rules else "no entries"
