"""Tables of a dataset page: quantiles, what histograms leave out, classes, differences."""

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float

from datasets import schema
from datasets.inspection.measures import QUANTILES, Measured, chance_of, excess
from datasets.inspection.quantities import ClassCounts
from launch.pages import page

LETTERS = ("A", "B")  # how two datasets are called
_FIRST_ROWS = 12  # of the differences, shown without being asked


def numbers(measured: Sequence[Measured], labels: Sequence[str]) -> str:
    """Quantiles and all that is outside of the histograms, one row a quantity and dataset."""
    rows = []
    for m in measured:
        for i, label in enumerate(labels):
            h, found = m.histograms[i], m.quantiles[i]
            cells = [number(v) for v in found] if found is not None else ["-"] * len(QUANTILES)
            others = (h.entries, m.zeros[i], h.below, h.above, h.not_finite)
            rows.append(("" if i else m.title, label, *cells, *map(str, others)))
    quantiles = [f"{q:.0%}" for q in QUANTILES]
    columns = ("", "", *quantiles, "entries", "zeros", "below axis", "above axis", "not finite")
    return page.table(columns, rows)


def classes(
    pairs: Sequence[tuple[ClassCounts, ClassCounts]], labels: Sequence[str], events: Sequence[int]
) -> str:
    """Targets beside candidates. `pairs`: both, for each dataset; `labels` names the datasets."""
    rows = [
        _class_row(k, labels[i], *pairs[i], events[i])
        for k in range(len(schema.CLASSES))
        for i in range(len(pairs))
    ]
    columns = (
        "", "", "targets", "candidates", "targets per event", "candidates per event",
        "GeV of targets per event", "GeV of candidates per event", "candidates' GeV over targets'",
    )  # fmt: skip
    return page.table(columns, rows)


def _class_row(
    k: int, label: str, true: ClassCounts, found: ClassCounts, events: int
) -> tuple[str, ...]:
    particles, energy = (true.particles[k], found.particles[k]), (true.energy[k], found.energy[k])
    return (
        schema.CLASSES[k] if k else "no particle",
        label,
        *(str(n) for n in particles),
        *(f"{n / events:.2f}" for n in particles),
        *(number(e / events) if k else "-" for e in energy),
        percent(energy[1] / energy[0]) if k and energy[0] else "-",
    )


def differences(measured: Sequence[tuple[str, Measured]]) -> Iterator[str]:
    """What two datasets share (group, quantity), by how far they differ beyond chance: the first
    rows, and the others folded."""
    rows = [
        (
            f"{group}: {m.title}",
            *(number(v) for quantiles in m.quantiles[:2] for v in quantiles),
            ratio(*m.quantiles[:2]),
            f"{m.differences[1]:.3f}",
            f"{chance_of(m):.3f}",
        )
        for group, m in sorted(measured, key=lambda pair: -excess(pair[1]))
    ]
    quantiles = [f"{q:.0%} {letter}" for letter in LETTERS for q in QUANTILES]
    columns = ("", *quantiles, "median B / A", "difference", "chance")
    yield page.table(columns, rows[:_FIRST_ROWS])
    if rest := rows[_FIRST_ROWS:]:
        yield page.folded(f"{len(rest)} that differ less", page.table(columns, rest))


def ratio(a: Float[np.ndarray, " QUANTILES"], b: Float[np.ndarray, " QUANTILES"]) -> str:
    """Median b / median a; 1 where they are the same, nothing for values of both signs."""
    if a[1] == b[1]:
        return "1.00"
    one_sign = min(*a, *b) >= 0 or max(*a, *b) <= 0
    return f"{b[1] / a[1]:.2f}" if one_sign and a[1] else "-"


def number(value: float) -> str:
    """Three digits, or all before the decimal point."""
    if not np.isfinite(value):
        return "not finite"
    in_full = abs(value) < 1e7 and (abs(value) >= 100 or value == round(value))
    return f"{value:.0f}" if in_full else f"{value:.3g}"


def percent(share: float, digits: int = 1) -> str:
    """A share; nothing where it has no meaning."""
    return f"{share:.{digits}%}" if np.isfinite(share) else "-"
