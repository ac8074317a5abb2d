"""Scaling of features and targets, learnt on the training rows."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

SCALINGS = ("minmax", "standard", "none")


class Scaling(NamedTuple):
    """x -> (x - center) / width, by column; a constant column has width 0 and is only centred."""

    center: Float[np.ndarray, "*columns"]
    width: Float[np.ndarray, "*columns"]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return (x - self.center) / np.where(self.width > 0, self.width, 1)

    def back(self, x: np.ndarray) -> np.ndarray:
        """The inverse, but that a column of width 0 comes back constant."""
        return x * self.width + self.center


def scaling_of(x: Float[np.ndarray, "rows *columns"], kind: str) -> Scaling:
    """Raises ValueError for a kind that is not in SCALINGS, and where no number holds a width."""
    unit = _unit(x)
    if kind == "minmax":
        with np.errstate(over="ignore"):
            center, width = x.min(0), x.max(0) - x.min(0)
        if not np.isfinite(width).all():
            raise ValueError("a column's range is beyond that of numbers: give it in a larger unit")
    elif kind == "standard":
        center, width = unit * (x / unit).mean(0), unit * (x / unit).std(0)
    elif kind == "none":
        center, width = np.zeros(x.shape[1:]), np.ones(x.shape[1:])
    else:
        raise ValueError(f"unknown scaling {kind!r}: choose {', '.join(SCALINGS)}")
    # A constant column's computed deviation is rounding, not width.
    return Scaling(center, np.where(width <= 1e-12 * np.abs(center), 0.0, width))


def _unit(x: Float[np.ndarray, "rows *columns"]) -> Float[np.ndarray, "*columns"]:
    """The power of two just below the largest magnitude of each column, 1 where all are 0: in it
    squares neither overflow nor vanish, and nothing is rounded."""
    largest = np.abs(x).max(0)
    return np.ldexp(1.0, np.where(largest > 0, np.frexp(largest)[1] - 1, 0))
