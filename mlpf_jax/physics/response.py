"""Figures of a response: how many jets are matched, median, width, by pt; that of missing pt."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from datasets.jets import width


class Summary(NamedTuple):
    """Response of a group of jets; NaN where no jet was matched."""

    jets: int  # generator jets
    matched: float  # fraction of them
    median: float
    width: float  # interquartile range / median


def summarise(response: Float[np.ndarray, " jets"]) -> Summary:
    """Counts, median and width of the responses; NaN is an unmatched jet."""
    found = np.isfinite(response)
    if not found.any():
        return Summary(len(response), 0.0 if len(response) else float("nan"), *[float("nan")] * 2)
    median = float(np.median(response[found]))
    return Summary(len(response), float(found.mean()), median, width(response))


def by_pt(
    response: Float[np.ndarray, " jets"],
    gen_pt: Float[np.ndarray, " jets"],
    edges: Sequence[float],
) -> dict[tuple[float, float], Summary]:
    """Summaries in bins of the generator jet's pt (GeV): low edge included, high edge not.

    The last bin has no high edge (infinity), so every jet from the first edge on is in one bin.
    """
    return {
        (low, high): summarise(response[(gen_pt >= low) & (gen_pt < high)])
        for low, high in pairwise((*edges, np.inf))
    }


def met_response(
    reco: Float[np.ndarray, " events"], gen: Float[np.ndarray, " events"], least: float = 5.0
) -> Float[np.ndarray, " events"]:
    """reco / gen; NaN where the true missing pt is not above `least` GeV: no ratio means much."""
    return np.where(gen > least, reco / np.where(gen > least, gen, 1), np.nan)
