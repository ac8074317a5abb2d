"""The page of an evaluation: for each process a table, and pictures of jets and events."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from launch.pages import page, responses
from launch.pages.looks import RECONSTRUCTIONS
from mlpf_install.wording import counted

TITLES = {
    "jets_r04": "jets R = 0.4",
    "jets_r07": "jets R = 0.7",
    "jets_glow": "two leading jets, energy",
    "met": "missing pt",
    "visible": "visible energy",
    "dijet": "dijet mass",
}
TEXT = (
    "{events}. Median and width (interquartile range over median) of the response, with "
    "errors from a bootstrap over events; matched and fake are of jets with R = 0.7."
)
_WIDTH = "response IQR / median"


def render(
    figures: Mapping[str, Mapping[str, Any]], found: Mapping[str, Mapping], made: str = ""
) -> str:
    """HTML. `found`: by process and reconstruction, the responses of jets with R = 0.7."""
    sections = [
        page.Section(
            process,
            TEXT.format(events=counted(of["events"], "event")),
            [_table(of)],
            [*_drawings(process, of, found[process])],
        )
        for process, of in figures.items()
    ]
    return page.render("Particle flow against what is possible", [*_strip(figures)], sections, made)


def write(path: Path, figures: Mapping, found: Mapping, made: str = "") -> None:
    """Writes the page whole or not at all."""
    from datasets.storage.files import write_text

    write_text(path, render(figures, found, made))


def _drawings(
    process: str, of: Mapping[str, Any], found: Mapping[str, np.ndarray]
) -> Iterator[page.Figure]:
    shown = {name: found[name] for name in of["jets_r07"]}
    yield responses.histogram(f"{process}-response", shown, "response of jets, R = 0.7", (0.5, 1.5))
    for binned, edges, label in (
        ("jets_r07_by_pt", "pt", "generated jet pt [GeV]"),
        ("jets_r07_by_angle", "angle", "|cos theta| of the generated jet"),
    ):
        yield responses.binned(f"{process}-{edges}", of[binned], edges, (label, _WIDTH))


def _strip(figures: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for process, found in figures.items():
        closed, wide = found["closed"]["jets_r07"], found["jets_r07"]
        if closed is not None and closed["share"] is not None:
            error = "" if closed["error"] is None else f" ± {closed['error']:.0%}"
            share = f"{closed['share']:.0%}{error}"
            yield share, f"{process}: of the gap to the floor closed, R = 0.7"
        elif wide["mlpf"]["width"] and wide["baseline"]["width"]:
            ratio = wide["mlpf"]["width"] / wide["baseline"]["width"]
            yield f"{ratio:.2f}", f"{process}: width over the rule-based one, R = 0.7"
        else:
            yield "no entries", f"{process}: jets with R = 0.7"


def _table(found: Mapping[str, Any]) -> str:
    groups = [group for group in TITLES if group in found]
    rows = [
        [RECONSTRUCTIONS[name].label, *(_cell(found[group][name]) for group in groups),
         _percent(wide["matched"]), _percent(wide["fakes"])]
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
