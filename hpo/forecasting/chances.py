"""Chances that decide who trains on: of a place among the best, and of beating a loss."""

import functools

import numpy as np
from jaxtyping import Bool, Float

from hpo.core import streams
from hpo.forecasting.scale import down, exponent_of, up

DRAWS = 256
_MOST = 30.0  # degrees of freedom beyond which a Student variate is as good as normal here


def chance_of_place(
    finished: Float[np.ndarray, " arrived"],
    mean: Float[np.ndarray, " trials"],
    spread: Float[np.ndarray, " trials"],
    degrees: float,
    places: int,
) -> tuple[Float[np.ndarray, " trials"], float]:
    """P(among the best `places` of the finished and the predicted), and the median loss that takes.

    The predictions are independent Student variates. 1 and inf where there is room for all. A
    function of its arguments alone: the random numbers behind it are always the same.
    """
    if len(finished) + len(mean) <= places:
        return np.ones(len(mean)), np.inf
    exponent = exponent_of(finished, mean, spread)
    finished, mean, spread = (down(losses, exponent) for losses in (finished, mean, spread))
    ahead = mean + spread * _student(min(degrees, _MOST), len(mean))
    everybody = np.concatenate([np.broadcast_to(finished, (DRAWS, len(finished))), ahead], 1)
    needed = np.partition(everybody, places - 1, 1)[:, places - 1]
    reached: Bool[np.ndarray, "draws trials"] = ahead <= needed[:, None]
    return reached.mean(0), float(up(np.median(needed), exponent))


def chance_below(
    mean: Float[np.ndarray, " trials"],
    spread: Float[np.ndarray, " trials"],
    degrees: float,
    loss: float,
) -> Float[np.ndarray, " trials"]:
    """P(a Student variate lies below `loss`)."""
    from scipy.special import stdtr

    exponent = exponent_of(loss, mean, spread)
    gap = down(loss, exponent) - down(mean, exponent)
    return stdtr(degrees, standardised(gap, down(spread, exponent)))


def standardised(
    gap: Float[np.ndarray, " trials"], spread: Float[np.ndarray, " trials"]
) -> Float[np.ndarray, " trials"]:
    """How many spreads a gap is: 0 where there is none, and infinitely many of too small ones."""
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        return np.where(gap == 0, 0.0, gap / spread)


def _student(degrees: float, trials: int) -> Float[np.ndarray, "draws trials"]:
    """Student variates; those of the first trials do not depend on how many there are."""
    blocks = [_block(degrees, b) for b in range(-(-trials // 64))]
    return np.concatenate(blocks, 1)[:, :trials] if blocks else np.empty((DRAWS, 0))


@functools.lru_cache(maxsize=256)
def _block(degrees: float, block: int) -> Float[np.ndarray, "draws 64"]:
    from scipy.special import stdtrit

    # The raw stream of PCG64 is the same in every version of numpy; its distributions need not be.
    raw = np.random.PCG64(streams.nodes(block)).random_raw(DRAWS * 64)
    uniform = ((raw >> np.uint64(11)) + 0.5) * 2.0**-53
    return stdtrit(degrees, uniform).reshape(DRAWS, 64)
