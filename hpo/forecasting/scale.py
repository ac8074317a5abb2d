"""Losses in units of a power of two near the largest: nothing that follows can overflow.

What is linear in the losses comes out the same to the last bit, because a power of two changes
exponents alone; only losses 2^1000 times smaller than the largest lose digits. So forecasts and
chances mean the same for losses of 1e300, of 1e-300 and of 1.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

LARGEST = float(np.finfo(float).max)


def exponent_of(*values: ArrayLike) -> int:
    """Of the power of two just above the largest magnitude; 0 where all are 0."""
    return math.frexp(max(float(np.abs(v).max(initial=0.0)) for v in values))[1]


def down(values: ArrayLike, exponent: int) -> np.ndarray:
    """The values in units of 2^exponent."""
    return np.ldexp(values, -exponent)


def up(values: ArrayLike, exponent: int) -> np.ndarray:
    """The inverse of `down`; what lies beyond the largest float is the largest."""
    with np.errstate(over="ignore"):
        return np.clip(np.ldexp(values, exponent), -LARGEST, LARGEST)
