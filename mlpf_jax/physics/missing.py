"""Missing transverse momentum."""

import numpy as np
from jaxtyping import Float, Int


def missing_pt(
    pt: Float[np.ndarray, " particles"],
    phi: Float[np.ndarray, " particles"],
    offsets: Int[np.ndarray, " events_plus_1"],
) -> Float[np.ndarray, " events"]:
    """|sum of the transverse momentum vectors| of each event [GeV]."""
    px, py = (_sum(pt * f(phi), offsets) for f in (np.cos, np.sin))
    return np.hypot(px, py)


def met_response(
    reco: Float[np.ndarray, " events"], gen: Float[np.ndarray, " events"], least: float = 5.0
) -> Float[np.ndarray, " events"]:
    """reco / gen; NaN where the true missing momentum is below `least` GeV: no ratio means much."""
    return np.where(gen > least, reco / np.where(gen > least, gen, 1), np.nan)


def _sum(values, offsets):
    """Sums per event; events without particles give 0."""
    return np.diff(np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])[offsets])
