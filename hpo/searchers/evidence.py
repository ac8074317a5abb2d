"""What a searcher learns from: losses of unequally long curves, made comparable at one rung."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from hpo.core.searcher import Observed


class Evidence(NamedTuple):
    """`losses[i]` is that of the i-th observed trial at the epoch `rung`, smaller is better.

    measured  where the trial came to the rung; other losses are estimates
    losses    +inf for a failed trial, NaN for one that has not reported anything
    """

    rung: int
    losses: Float[np.ndarray, " trials"]
    measured: Bool[np.ndarray, " trials"]


def gather(observed: tuple[Observed, ...], enough: int) -> Evidence | None:
    """Losses at the highest rung that `enough` trials have come to; None where there is none.

    The choice of the rung is BOHB's (Falkner, Klein and Hutter, ICML 2018). Who stands below it,
    stopped or still training, is given the loss there of the one who, by rank, was just worse at
    its last epoch: a model that saw survivors alone would go back to where the others failed.
    """
    lengths = np.array([0 if t.failed else len(t.curve) for t in observed], int)
    if len(lengths) < enough or np.sort(lengths)[-enough] == 0:
        return None
    rung = int(np.sort(lengths)[-enough])
    measured = lengths >= rung
    finished = np.array(
        [t.curve[:rung] for t, there in zip(observed, measured, strict=True) if there]
    )
    losses = np.full(len(observed), np.nan)
    losses[measured] = finished[:, -1]
    for place in np.flatnonzero(~measured & (lengths > 0)):
        epoch = lengths[place] - 1
        worse = np.searchsorted(np.sort(finished[:, epoch]), observed[place].curve[epoch])
        losses[place] = np.sort(finished[:, -1])[min(worse, len(finished) - 1)]
    losses[[t.failed for t in observed]] = np.inf
    return Evidence(rung, losses, measured)


def scores(losses: Float[np.ndarray, " trials"]) -> Float[np.ndarray, " trials"]:
    """Normal scores of the losses' ranks: the same for any monotonic transformation of the loss,
    so that neither a diverged training (inf) nor the choice of units bends a model."""
    from scipy import stats

    return stats.norm.ppf((stats.rankdata(losses) - 0.5) / len(losses))
