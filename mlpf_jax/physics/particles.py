"""Efficiency and fake rate of particles, element by element."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int


class Rates(NamedTuple):
    """`efficiency`: of the true particles of a class, the fraction with any particle there.
    `purity_class`: of those, the fraction with the same class. `fake`: of the particles
    reconstructed in a class, the fraction on elements that have no true one. NaN: none."""

    true: int
    reconstructed: int
    efficiency: float
    same_class: float
    fake: float


def confusion(
    true: Int[np.ndarray, " elements"], reco: Int[np.ndarray, " elements"], classes: int
) -> Int[np.ndarray, "classes classes"]:
    """Counts: row = true class, column = reconstructed class."""
    pairs = true.astype(np.int64) * classes + reco.astype(np.int64)
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def rates(table: Int[np.ndarray, "classes classes"]) -> tuple[Rates, ...]:
    """Rates of each class but the first (none), from a confusion table."""
    return tuple(_rates(table, kind) for kind in range(1, len(table)))


def _rates(table, kind) -> Rates:
    true, reconstructed = table[kind].sum(), table[:, kind].sum()
    found = true - table[kind, 0]
    return Rates(
        true=int(true),
        reconstructed=int(reconstructed),
        efficiency=_ratio(found, true),
        same_class=_ratio(table[kind, kind], found),
        fake=_ratio(table[0, kind], reconstructed),
    )


def _ratio(a, b) -> float:
    return float(a / b) if b else float("nan")
