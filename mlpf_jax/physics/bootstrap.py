"""How uncertain a median or a width is: bootstrap over events, all resamples at once.

A resample draws as many events as there are, with replacement (Efron and Tibshirani, An
Introduction to the Bootstrap, 1993): jets of an event come and go together. The error is the
standard deviation over the resamples.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

RESAMPLES = 200
TOGETHER = 1 << 22  # values times resamples that are in memory at once
QUARTILES = (0.25, 0.5, 0.75)


class Spread(NamedTuple):
    """Median and width (IQR over median) of all values, and of those of each resample.

    NaN: no values, or no width because the median is 0.
    """

    median: float
    width: float
    medians: Float[np.ndarray, " resamples"]
    widths: Float[np.ndarray, " resamples"]

    @property
    def median_error(self) -> float:
        return deviation(self.medians)

    @property
    def width_error(self) -> float:
        return deviation(self.widths)


def resample(events: int, seed: int, resamples: int = RESAMPLES) -> Int[np.ndarray, "resamples n"]:
    """How often each event is in each resample."""
    if not events:
        return np.zeros((resamples, 0), np.int32)
    rng = np.random.default_rng(seed)
    return rng.multinomial(events, np.full(events, 1 / events), resamples).astype(np.int32)


def spread(
    values: Float[np.ndarray, " values"],
    event: Int[np.ndarray, " values"],
    counts: Int[np.ndarray, "resamples events"],
) -> Spread:
    """Of the finite values; `event` says which resamples they are in, and how often. Of values
    that are all of one event no error is known."""
    finite = np.isfinite(values)
    values, event = values[finite], event[finite]
    if not len(values):
        nothing = np.full(len(counts), np.nan)
        return Spread(np.nan, np.nan, nothing, nothing)
    all_low, middle, all_high = np.quantile(values, QUARTILES)
    low, median, high = quantiles(values, event, counts).T
    if (event == event[0]).all():  # resamples of one event are all alike, which is no error of 0
        low = median = high = np.full(len(counts), np.nan)
    return Spread(
        float(middle),
        float(_ratio(all_high - all_low, middle)),
        median,
        _ratio(high - low, median),
    )


def quantiles(
    values: Float[np.ndarray, " values"],
    event: Int[np.ndarray, " values"],
    counts: Int[np.ndarray, "resamples events"],
    wanted: tuple[float, ...] = QUARTILES,
) -> Float[np.ndarray, "resamples wanted"]:
    """`np.quantile` of every resample; NaN of one that holds none of the values."""
    order = np.argsort(values, kind="stable")
    values, event = values[order], event[order]
    size = max(1, TOGETHER // len(values))
    return np.concatenate(
        [
            _quantiles(values, counts[i : i + size, event], wanted)
            for i in range(0, len(counts), size)
        ]
    )


def _quantiles(values, weights, wanted) -> Float[np.ndarray, "resamples wanted"]:
    """Linear between the values at the whole places below and above (N - 1) q, as in numpy."""
    below = np.cumsum(weights, axis=1)
    total = below[:, -1]
    place = np.maximum(total - 1, 0)[:, None] * np.asarray(wanted)
    first = np.floor(place).astype(int)
    last = len(values) - 1

    def at(places: np.ndarray) -> np.ndarray:
        """The value at a place of each sorted resample."""
        index = np.stack([(below <= column[:, None]).sum(1) for column in places.T], axis=1)
        return values[np.minimum(index, last)]

    low, high = at(first), at(np.ceil(place).astype(int))
    found = low + (high - low) * (place - first)
    return np.where(total[:, None] > 0, found, np.nan)


def deviation(values: Float[np.ndarray, " resamples"]) -> float:
    """Standard deviation over the resamples that have a value; NaN below two."""
    values = values[np.isfinite(values)]
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def half_of_68(values: Float[np.ndarray, " values"]) -> float:
    """Half of the range of the central 68.27% of the finite values: sigma of a Gaussian."""
    values = values[np.isfinite(values)]
    if not len(values):
        return float("nan")
    low, high = np.quantile(values, (0.158655, 0.841345))
    return float(high - low) / 2


def _ratio(a, b):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.asarray(b) != 0, np.divide(a, b), np.nan)
