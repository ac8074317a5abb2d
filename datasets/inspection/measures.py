"""Distributions in numbers: axes that suit the values, histograms that lose none, differences.

Every value has a place: in a bin, below or above the axis, or among those that are not finite.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

QUANTILES = (0.1, 0.5, 0.9)
_MOST_BINS, _FEWEST_BINS = 48, 20
_MOST_INTEGER_BINS = 60
_CLIPPED = 0.002  # of the values at either end may lie outside an axis
_DECADES = 1.3  # between 5% and 99% of what is positive: from here on the axis is logarithmic
_SMALLEST = 1e-5  # of the median: where a logarithmic axis begins at the latest
_TAILS = 20.0  # widths of the core within the range: from here on the axis is not linear


class Quantity(NamedTuple):
    """What is looked at in one dataset: all its values, of any shape of distribution."""

    name: str
    unit: str  # "" for pure numbers
    values: Float[np.ndarray, " entries"]


class Axis(NamedTuple):
    """`scale` is linear, log or asinh (linear within `core`, logarithmic beyond)."""

    scale: str
    edges: Float[np.ndarray, " bins_plus_1"]
    core: float = 1.0

    @property
    def widths(self) -> Float[np.ndarray, " bins"]:
        """Widths of the bins as they are drawn."""
        return np.diff(_straight(self.edges, self.scale, self.core))


class Histogram(NamedTuple):
    """entries = counts + below + above + not_finite; zeros below a logarithmic axis are `below`."""

    counts: Int[np.ndarray, " bins"]
    below: int
    above: int
    not_finite: int

    @property
    def entries(self) -> int:
        return int(self.counts.sum()) + self.below + self.above + self.not_finite


class Measured(NamedTuple):
    """One quantity of several datasets, on one axis (None where no dataset has a finite value)."""

    name: str
    unit: str
    axis: Axis | None
    histograms: tuple[Histogram, ...]
    quantiles: tuple[Float[np.ndarray, " QUANTILES"] | None, ...]  # None: nothing finite
    zeros: tuple[int, ...]
    differences: tuple[float | None, ...]  # from the first; see `difference`

    @property
    def title(self) -> str:
        return f"{self.name} [{self.unit}]" if self.unit else self.name

    @property
    def constant(self) -> float | None:
        """The one value that all entries have, if there is one."""
        found = [q for q in self.quantiles if q is not None]
        one_bin = self.axis is not None and len(self.axis.edges) == 2
        all_finite = not any(h.not_finite or h.below or h.above for h in self.histograms)
        return float(found[0][0]) if one_bin and all_finite else None


def measure_all(datasets: Sequence[Iterable[Quantity]]) -> Iterator[Measured]:
    """Measures the quantities of the datasets, which come in the same order from each."""
    for same in zip(*datasets, strict=True):
        yield measure(same)


def measure(same: Sequence[Quantity]) -> Measured:
    """One quantity, as several datasets have it."""
    finite = [np.sort(q.values[np.isfinite(q.values)]).astype(np.float64) for q in same]
    axis = axis_of(finite)
    return Measured(
        name=same[0].name,
        unit=same[0].unit,
        axis=axis,
        histograms=tuple(histogram(q.values, axis) for q in same),
        quantiles=tuple(np.quantile(v, QUANTILES) if len(v) else None for v in finite),
        zeros=tuple(int((v == 0).sum()) for v in finite),
        differences=tuple(difference(finite[0], v) for v in finite),
    )


def histogram(values: Float[np.ndarray, " entries"], axis: Axis | None) -> Histogram:
    """Where the values lie. The last bin includes its upper edge."""
    finite = values[np.isfinite(values)]
    lost = len(values) - len(finite)
    if axis is None:
        return Histogram(np.zeros(0, int), 0, 0, lost)
    finite = finite.astype(np.float64)
    low, high = axis.edges[[0, -1]]
    counts = np.histogram(finite, axis.edges)[0]
    return Histogram(counts, int((finite < low).sum()), int((finite > high).sum()), lost)


def axis_of(finite: Sequence[Float[np.ndarray, " entries"]]) -> Axis | None:
    """Bins that show the finite values of all datasets; None if there are none.

    Whole numbers get bins of whole numbers, what is positive over decades a logarithmic axis,
    long tails an asinh axis. A few values far from all others stay outside.
    """
    values = np.concatenate(finite)
    if not len(values):
        return None
    low, high = values.min(), values.max()
    if low == high:
        half = max(0.5, abs(low) / 2)
        return Axis("linear", np.array([low - half, high + half]))
    whole = bool((values == np.round(values)).all())
    if whole and high - low < _MOST_INTEGER_BINS:
        return Axis("linear", np.arange(low, high + 2) - 0.5)
    first, quarter, three_quarters, last = np.quantile(values, [_CLIPPED, 0.25, 0.75, 1 - _CLIPPED])
    core = (three_quarters - quarter) / 2
    has_tails = last - first > _TAILS * 2 * core
    if low >= 0 and (has_tails or _decades(values[values > 0]) > _DECADES):
        return _log_axis([v[v > 0] for v in finite], whole)
    if has_tails and core > 0 and not whole:
        return _axis(finite, "asinh", core)
    return _whole_axis(finite) if whole else _axis(finite, "linear")


def difference(
    a: Float[np.ndarray, " sorted_a"], b: Float[np.ndarray, " sorted_b"]
) -> float | None:
    """Largest difference of the two cumulative distributions: 0 if equal, 1 if they share nothing.

    (Kolmogorov and Smirnov's statistic.) None where either is empty.
    """
    if not len(a) or not len(b):
        return None
    steps = np.concatenate([a, b])
    share = [np.searchsorted(v, steps, side="right") / len(v) for v in (a, b)]
    return float(np.abs(share[0] - share[1]).max())


def chance(entries: int, others: int) -> float:
    """The `difference` that independent draws of one distribution exceed in 5 of 100 cases.

    1.358 sqrt(1/n + 1/m), the asymptotic 95% point (Smirnov, Ann. Math. Stat. 19, 279, 1948).
    """
    return 1.358 * float(np.sqrt(1 / entries + 1 / others))


def chance_of(measured: Measured) -> float:
    """The `chance` of a quantity's first two datasets, which both have finite entries."""
    return min(1.0, chance(*(h.entries - h.not_finite for h in measured.histograms[:2])))


def excess(measured: Measured) -> float:
    """How far the first two datasets differ beyond chance."""
    return measured.differences[1] - chance_of(measured)


def _decades(positive: np.ndarray) -> float:
    low, high = np.quantile(positive, [0.05, 0.99])
    return float(np.log10(high / low))


def _axis(finite: Sequence[np.ndarray], scale: str, core: float = 1.0) -> Axis:
    """Bins of the same width on the drawn axis."""
    ends = _ends(finite, scale, core)
    steps = np.linspace(*_straight(np.array(ends), scale, core), _bins(finite) + 1)
    edges = _curved(steps, scale, core)
    edges[[0, -1]] = ends  # rounding must not push the outermost values out
    return Axis(scale, edges, core)


def _whole_axis(finite: Sequence[np.ndarray]) -> Axis:
    low, high = _ends(finite, "linear", 1.0)
    step = np.ceil((high - low + 1) / _bins(finite))
    return Axis("linear", np.arange(low, high + 1 + step, step) - 0.5)


def _log_axis(positive: Sequence[np.ndarray], whole: bool) -> Axis:
    values = np.concatenate(positive)
    near = [v[v >= _SMALLEST * np.median(values)] for v in positive]
    low, high = _ends(near, "log", 1.0)
    if low == high:
        return Axis("log", np.array([low / 2, high * 2]))
    if not whole:
        return _axis(near, "log")
    edges = np.unique(np.floor(np.geomspace(low, high + 1, _bins(near) + 1)))
    return Axis("log", np.append(edges[edges <= high], high + 1) - 0.5)


def _ends(finite: Sequence[np.ndarray], scale: str, core: float) -> tuple[float, float]:
    """First and last value of an axis: of all datasets, but for a few that are far outside."""
    kept = []
    for values in (v for v in finite if len(v)):
        along = _straight(values, scale, core)
        low, high = np.quantile(along, [_CLIPPED, 1 - _CLIPPED])
        margin = 0.15 * (high - low) or np.inf  # nearly all are one value: show the others too
        kept.append(values[(along >= low - margin) & (along <= high + margin)])
    return min(v.min() for v in kept), max(v.max() for v in kept)


def _bins(finite: Sequence[np.ndarray]) -> int:
    """As many as the smallest dataset can fill."""
    fewest = min((len(v) for v in finite if len(v)), default=1)
    return int(np.clip(4 * np.cbrt(fewest), _FEWEST_BINS, _MOST_BINS))


def _straight(values: np.ndarray, scale: str, core: float) -> np.ndarray:
    """Values as positions on the drawn axis."""
    if scale == "log":
        return np.log(values)
    return np.arcsinh(values / core) if scale == "asinh" else values


def _curved(steps: np.ndarray, scale: str, core: float) -> np.ndarray:
    """The inverse of `_straight`."""
    if scale == "log":
        return np.exp(steps)
    return core * np.sinh(steps) if scale == "asinh" else steps
