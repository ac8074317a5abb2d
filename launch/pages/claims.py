"""The page of `launch.claims`: a table of statements, and the pictures behind it."""

from collections.abc import Iterator, Mapping, Sequence
from math import hypot
from pathlib import Path
from typing import Any

import numpy as np

from hpo.showing.look import scales
from hpo.showing.look.picture import Plot
from launch.pages import event, page, responses
from launch.pages.looks import RECONSTRUCTIONS, Look

# By model, before and after tuning alike; told apart by line and mark.
COLOURS = {"GNN": "blue", "transformer": "pink", "own": "ink"}
GROUPS = {"jets_r04": "jets R = 0.4", "jets_r07": "jets R = 0.7", "met": "missing pt"}
Figures = Mapping[str, Mapping[str, Any]]


def render(
    statements: Sequence[Any],
    gains: Mapping[str, Mapping[str, Any]],
    figures: Figures,
    X: np.ndarray,
    rows: Mapping[str, np.ndarray],
    made: str = "",
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
            f"Against the rules, over pt ({first})", TEXTS["pt"], [], [*_over_pt(figures, first)]
        ),
        page.Section("In every sample", TEXTS["samples"], [_samples(figures)], []),
        page.Section("One event", TEXTS["event"], [], [event.turning(X, rows)]),
    ]  # fmt: skip
    summary = [
        (f"{gain['loss_change']['mean']:+.0%}", f"loss by tuning, {name}; published -34%")
        for name, gain in gains.items()
    ]
    summary += [
        (_ratio(figures["own"][first][group]), f"width over the rules', {first}, {title}")
        for group, title in GROUPS.items()
    ]
    title = "Tuned particle flow: what is claimed, and what we find"
    return page.render(title, summary, sections, made, end=event.SCRIPT)


TEXTS = {
    "statements": "Widths are interquartile ranges over medians of the response, over those of the "
    "rule-based reconstruction; errors of widths are from a bootstrap over events, those of losses "
    "from seeds. Everything is simulated by this project: neither the detector nor the rules are "
    "those of the publication.",
    "gain": "A tuned run's configuration before and after, trained with fresh seeds on events of "
    "their own and judged by one loss; and what the same tuning did to jets, which the loss does "
    "not rank.",
    "pt": "Each model over the pt of generated jets (R = 0.7), and the share of them that is "
    "matched, n_reco / n_gen. Dashed, with open marks: before tuning.",
    "samples": "Ratios of widths to the rules' in each sample, with errors as if both were of "
    "other events, and matched jets (the rules').",
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


def _losses(gains: Mapping[str, Mapping[str, Any]]) -> page.Figure:
    """A line a seed, from before to after."""
    sides = ("before", "after")
    ends = [(name, side) for name in gains for side in sides]
    rows = [
        (name, seed, *(of[side]["validation_loss"] for side in sides))
        for name, gain in gains.items()
        for seed, of in gain["seeds"].items()
    ]
    x = scales.categories((side for _, side in ends), "tuning")
    top = max(loss for *_, before, after in rows for loss in (before, after))
    plot = Plot(x, scales.between(0, 1.08 * top, "validation loss"), 500, 310)
    marks = []
    for name, seed, *losses in rows:
        places = [x.named[ends.index((name, side))][0] for side in sides]
        words = f"{name}, seed {seed}: {losses[0]:.4g} before tuning, {losses[1]:.4g} after"
        marks.append(plot.line(places, losses, f"strong {COLOURS[name]}", title=words))
        marks += [
            plot.sign(place, loss, sign, COLOURS[name], None, words)
            for place, loss, sign in zip(places, losses, ("ring", "dot"), strict=True)
        ]
    return page.Figure(
        plot.svg("losses", marks),
        "Validation losses before and after tuning: a line a seed of training, whose spread is the "
        "error.",
        "".join(page.key("line", COLOURS[name], name) for name in gains),
        page.Numbers("losses", ("model", "seed", "before tuning", "after tuning"), rows),
    )


def _over_pt(figures: Figures, process: str) -> Iterator[page.Figure]:
    models = {name: of[process]["jets_r07_by_pt"]["mlpf"] for name, of in figures.items()}
    own = figures["own"][process]["jets_r07_by_pt"]
    others = {name: own[name] for name in ("baseline", "floor") if own.get(name)}
    looks = {name: _look(name) for name in models} | {n: RECONSTRUCTIONS[n] for n in others}
    label = "generated jet pt [GeV]"
    yield responses.binned(
        "widths", models | others, "pt", (label, "response IQR / median"), "width", looks
    )
    matched = models | {"baseline": own["baseline"]}
    share = (label, "matched, n_reco / n_gen")
    yield responses.binned("matched", matched, "pt", share, "matched", looks)


def _look(name: str) -> Look:
    """A model in its colour, dashed before tuning."""
    before = "before" in name
    colour = COLOURS[name.partition(",")[0]]
    return Look(name, colour, *(("dashed", "ring") if before else ("", "dot")))


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
    own, rules = group["mlpf"], group["baseline"]
    if not own["width"] or not rules["width"]:
        return "no entries"
    value = own["width"] / rules["width"]
    parts = [of["width_error"] and of["width_error"] / of["width"] for of in (own, rules)]
    return f"{value:.3f}" + ("" if None in parts else f" ± {value * hypot(*parts):.3f}")
