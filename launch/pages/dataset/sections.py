"""The sections of a dataset page, for one dataset or for two beside each other."""

from collections.abc import Iterator, Sequence

import numpy as np

from datasets import schema
from datasets.inspection import quantities
from datasets.inspection.measures import Measured, measure_all
from datasets.inspection.quantities import class_counts
from datasets.inspection.sources import Source
from launch.pages import page
from launch.pages.dataset import events as pictures
from launch.pages.dataset import tables
from launch.pages.dataset.histograms import Series, class_bars, histograms

PICTURES = 3  # of each dataset
_COLOURS = ("blue", "orange")  # of the datasets


def key_figures(sources: Sequence[Source]) -> list[tuple[str, str]]:
    """(figure, what it is) of the strip; of two datasets both."""
    every = [s.samples for s in sources]
    counts = [class_counts(s.ytarget) for s in every]
    shares = [quantities.energy_shares(s) for s in every]

    def both(values: Sequence[str]) -> str:
        return " | ".join(values)

    per_event = [c.particles[1:].sum() / s.events for c, s in zip(counts, every, strict=True)]
    energy = [c.energy[1:].sum() / s.events for c, s in zip(counts, every, strict=True)]
    names = (
        "candidates' energy over targets'",
        "calorimeters' energy over targets'",
        "of targets' energy on tracks",
    )
    return [
        (both([f"{s.events}" for s in every]), "events"),
        (both([f"{np.median(np.diff(s.offsets)):g}" for s in every]), "elements per event, median"),
        (both([f"{n:.0f}" for n in per_event]), "targets per event"),
        (both([tables.number(e) for e in energy]), "GeV of targets per event"),
        *(
            (both([tables.percent(of[i], 0) for of in shares]), name)
            for i, name in enumerate(names)
        ),
        (
            both([f"{np.count_nonzero(c.particles[1:])}" for c in counts]),
            f"of {len(schema.CLASSES) - 1} classes occur",
        ),
    ]


def all_sections(sources: Sequence[Source]) -> Iterator[tuple[str, page.Section]]:
    """The sections in the order of the page, each with a word for what it shows.

    What differs comes first in the page, but needs all that is measured: it is yielded last.
    """
    every = [s.samples for s in sources]
    found = list(measure_all([quantities.per_event(s) for s in every]))
    measured = [("per event", m) for m in found]
    yield "multiplicities", multiplicities(found, sources)
    yield "classes", classes(sources)
    for part in quantities.form_of(every[0]).parts:
        name = part.kind.replace("_", " ")
        found = list(measure_all([quantities.features(s, part) for s in every]))
        measured += [(name, m) for m in found]
        yield name, features(name, found, sources)
    of_particles = [quantities.particles(s, s.ytarget) for s in every]
    of_particles += [quantities.particles(s, s.ycand) for s in every]
    found = list(measure_all(of_particles))
    measured += [("target", m) for m in found]
    yield "particles", particles(found, sources)
    yield "events", events(sources)
    yield "origin", origin(sources)
    if len(sources) > 1:
        yield "differences", differences(measured)


def differences(measured: Sequence[tuple[str, Measured]]) -> page.Section:
    """Everything measured in both datasets, what differs most first."""
    both = [(group, m) for group, m in measured if m.differences[1] is not None]
    missing = [f"{group} {m.name}" for group, m in measured if m.differences[1] is None]
    text = (
        "Difference: the largest one of the cumulative distributions, 0 for equal ones and 1 for "
        "those that share no value. Chance: what it exceeds in 5 of 100 cases if both datasets "
        "have the same distribution and all entries are independent; entries of one event are "
        "not, so few events differ by more. First comes what differs most beyond chance."
    )
    if missing:
        text += f" Without a finite value in both: {', '.join(missing)}."
    return page.Section("What differs most", text, list(tables.differences(both)), [])


def multiplicities(measured: Sequence[Measured], sources: Sequence[Source]) -> page.Section:
    text = (
        "Targets are the particles that elements should become, candidates those of the baseline. "
        "Energies and genmet (the transverse momentum of all generated particles but neutrinos) "
        "are in GeV. Histograms here and below are normalised to their entries."
    )
    drawing = histograms("per-event", measured, _series(sources))
    return page.Section("Per event", text, [tables.numbers(measured, _letters(sources))], [drawing])


def classes(sources: Sequence[Source]) -> page.Section:
    """Targets beside candidates, by class."""
    letters, events = _letters(sources), [s.samples.events for s in sources]
    pairs = [(class_counts(s.samples.ytarget), class_counts(s.samples.ycand)) for s in sources]
    counts = [count for pair in pairs for count in pair]
    labels = [f"{a} {what}".strip() for a in letters for what in ("targets", "candidates")]
    unknown = [f"{c.unknown} {label}" for c, label in zip(counts, labels, strict=True) if c.unknown]
    text = (
        "What elements should become (targets), and what the baseline makes of them (candidates)."
        + (f" Of no known class: {', '.join(unknown)}." if unknown else "")
    )
    series = [
        Series(label, colour, dash)
        for label, (colour, dash) in zip(
            labels, [(c, d) for c in _COLOURS for d in ("", "dashed")], strict=False
        )
    ]
    drawings = class_bars(counts, series, np.repeat(events, 2))
    return page.Section("Classes", text, [tables.classes(pairs, letters, events)], drawings)


def features(name: str, measured: Sequence[Measured], sources: Sequence[Source]) -> page.Section:
    """One part of X: its histograms, and the numbers behind them."""
    varied = [m for m in measured if m.constant is None]
    constant = [f"{m.name} = {m.constant:g}" for m in measured if m.constant is not None]
    entries = " and ".join(str(h.entries) for h in measured[0].histograms)
    text = (
        f"{entries} entries. Axes end where only a few values are left; those outside, zeros on "
        "logarithmic axes and values that are not finite stand in the upper right corner, and are "
        "counted in the table."
    )
    if constant:
        text += f" Always the same: {', '.join(constant)}."
    strays = [quantities.stray(s.samples) for s in sources]
    if any(strays):
        text += f" Elements of no known kind: {', '.join(map(str, strays))}."
    folded = page.folded("The numbers", tables.numbers(measured, _letters(sources)))
    figure = name.replace(" ", "-")
    drawings = [histograms(figure, varied, _series(sources))] if varied else []
    return page.Section(f"Features of a {name}", text, [folded], drawings)


def particles(measured: Sequence[Measured], sources: Sequence[Source]) -> page.Section:
    """Targets and candidates by class. `measured`: targets of all datasets, then candidates."""
    labels = [
        f"{letter} {what}".strip()
        for what in ("targets", "candidates")
        for letter in _letters(sources)
    ]
    text = (
        "One class a row. The last column is the energy of the particle over that of its element "
        "(a track's is its momentum): what a model has to correct."
    )
    looks = [(c, dash) for dash in ("", "dashed") for c in _COLOURS[: len(sources)]]
    if len(sources) == 1:
        looks = [(_COLOURS[0], ""), (_COLOURS[1], "dashed")]
    series = [Series(label, *look) for label, look in zip(labels, looks, strict=True)]
    drawing = histograms("particles", measured, series)
    folded = page.folded("The numbers", tables.numbers(measured, labels))
    return page.Section("Particles by class", text, [folded], [drawing])


def events(sources: Sequence[Source]) -> page.Section:
    text = (
        "Chosen by chance (seed 0) among events with targets. Markers grow with the energy of the "
        "element; colours are classes of targets. Circles: jets of targets, R = "
        f"{pictures.JET_RADIUS:g}."
    )
    if any(p.kind == "track" for p in quantities.form_of(sources[0].samples).parts):
        text += " Tracks are helices from the origin, up to r = 1.5 m or |z| = 2.3 m."
    drawings = [
        drawing
        for letter, source in zip(_letters(sources), sources, strict=True)
        for i, event in enumerate(pictures.choose(source.samples, PICTURES))
        for drawing in _drawings_of(source, event, f"event-{letter}{i}", turned=i == 0)
    ]
    return page.Section("Events", text, [], drawings)


def _drawings_of(source: Source, event: int, which: str, turned: bool) -> Iterator[page.Figure]:
    yield pictures.picture(source.samples, event, source.name, which)
    if turned:
        yield pictures.in_three(source.samples, event, source.name, f"{which}-turned")


def origin(sources: Sequence[Source]) -> page.Section:
    """Where the datasets come from, and the account of energy where truth was told just now."""
    lettered = list(zip(_letters(sources), sources, strict=True))
    rows = [(f"{letter} {s.place}".strip(), s.samples.elements) for letter, s in lettered]
    shown = [page.table(("dataset", "elements"), rows)]
    for letter, source in lettered:
        if source.account:
            cells = [(name, tables.number(v)) for name, v in source.account._asdict().items()]
            shown.append(
                page.table(
                    (f"{letter} events, particles, energy [GeV] of all that was read".strip(), ""),
                    cells,
                )
            )
        shown += [
            page.folded(f"{letter} {name}".strip(), page.source(text))
            for name, text in source.documents.items()
        ]
    notes = [f"{note}." for source in sources for note in source.notes]
    return page.Section("How it was made", " ".join(notes), shown, [])


def _letters(sources: Sequence[Source]) -> Sequence[str]:
    """How datasets are called in tables: not at all where there is but one."""
    return tables.LETTERS if len(sources) > 1 else ("",)


def _series(sources: Sequence[Source]) -> list[Series]:
    labels = [f"{a} {s.name}".strip() for a, s in zip(_letters(sources), sources, strict=True)]
    return [Series(label, colour) for label, colour in zip(labels, _COLOURS, strict=False)]
