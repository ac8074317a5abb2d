"""Response of matched jets, and its width."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol

import numpy as np
from jaxtyping import Bool, Float, Int

PT_EDGES = (10.0, 20.0, 40.0, 60.0, 80.0, 100.0, 200.0)  # GeV, of the generator jet


class Table(Protocol):
    """Rows of all events behind each other; event i owns rows offsets[i]:offsets[i+1]."""

    offsets: Int[np.ndarray, " events_plus_1"]

    def __getitem__(self, name: str) -> np.ndarray: ...


class Summary(NamedTuple):
    """Response of a group of jets; NaN where no jet was matched."""

    jets: int  # generator jets
    matched: float  # fraction of them
    median: float
    width: float  # interquartile range / median


def match(gen: Table, reco: Table, max_distance: float = 0.1) -> Int[np.ndarray, " gen_jets"]:
    """Row of the nearest reconstructed jet of the same event within dR, -1 where there is none.

    dR^2 = d eta^2 + d phi^2 (phi across the seam).
    """
    gen_pad, reco_pad = _padding(gen.offsets), _padding(reco.offsets)
    d_eta = _spread(gen["eta"], gen_pad)[:, :, None] - _spread(reco["eta"], reco_pad)[:, None, :]
    d_phi = _spread(gen["phi"], gen_pad)[:, :, None] - _spread(reco["phi"], reco_pad)[:, None, :]
    distance = np.hypot(d_eta, wrap(d_phi))
    distance[~np.broadcast_to(reco_pad.used[:, None, :], distance.shape)] = np.inf
    if distance.shape[2] == 0:
        return np.full(gen_pad.used.sum(), -1)
    nearest = distance.argmin(2)
    close = distance.min(2) < max_distance
    row = np.where(close, reco_pad.row[:, :1] + nearest, -1)
    return row[gen_pad.used]


def jet_response(gen: Table, reco: Table, max_distance: float = 0.1) -> Float[np.ndarray, " jets"]:
    """pt(reco) / pt(gen) for each generator jet, NaN where unmatched."""
    row = match(gen, reco, max_distance)
    response = np.full(len(row), np.nan)
    found = row >= 0
    response[found] = reco["pt"][row[found]] / gen["pt"][found]
    return response


def width(values: Float[np.ndarray, " values"]) -> float:
    """(p75 - p25) / p50 of the finite values; NaN without any."""
    values = values[np.isfinite(values)]
    if not len(values):
        return float("nan")
    low, middle, high = np.percentile(values, (25, 50, 75))
    return float((high - low) / middle)


def summarise(response: Float[np.ndarray, " jets"]) -> Summary:
    found = np.isfinite(response)
    if not found.any():
        return Summary(len(response), 0.0 if len(response) else float("nan"), *[float("nan")] * 2)
    median = float(np.median(response[found]))
    return Summary(len(response), float(found.mean()), median, width(response))


def by_pt(
    response: Float[np.ndarray, " jets"],
    gen_pt: Float[np.ndarray, " jets"],
    edges: Sequence[float] = PT_EDGES,
) -> dict[tuple[float, float], Summary]:
    """Summaries in bins of the generator jet's pt [GeV]: low edge included, high edge not."""
    return {
        (low, high): summarise(response[(gen_pt >= low) & (gen_pt < high)])
        for low, high in pairwise(edges)
    }


def wrap(angle: Float[np.ndarray, "*any"]) -> Float[np.ndarray, "*any"]:
    """The angle in [-pi, pi)."""
    return (angle + np.pi) % (2 * np.pi) - np.pi


class _Padding(NamedTuple):
    row: Int[np.ndarray, "events most"]
    used: Bool[np.ndarray, "events most"]


def _padding(offsets) -> _Padding:
    """Row numbers as a rectangle, events x the most rows of an event."""
    counts = np.diff(offsets)
    place = np.arange(counts.max(initial=0))
    return _Padding(offsets[:-1, None] + place, place < counts[:, None])


def _spread(values, padding: _Padding):
    out = np.zeros(padding.row.shape)
    out[padding.used] = values
    return out
