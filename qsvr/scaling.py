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
    """Raises ValueError for a kind that is not in SCALINGS."""
    if kind == "minmax":
        center, width = x.min(0), x.max(0) - x.min(0)
    elif kind == "standard":
        center, width = x.mean(0), x.std(0)
    elif kind == "none":
        center, width = np.zeros(x.shape[1:]), np.ones(x.shape[1:])
    else:
        raise ValueError(f"unknown scaling {kind!r}: choose {', '.join(SCALINGS)}")
    # A constant column's computed deviation is rounding, not width.
    return Scaling(center, np.where(width <= 1e-12 * np.abs(center), 0.0, width))
