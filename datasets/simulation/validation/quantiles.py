"""Quantiles of a quantity in full and in fast simulation, and whether they agree."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

LEVELS = (0.1, 0.5, 0.9)
MEDIAN_WITHIN, TAILS_WITHIN = 1.3, 2.0  # factors


class Values(NamedTuple):
    """What a quantity is distributed like, with weights if each does not count alike."""

    values: Float[np.ndarray, " values"]
    weights: Float[np.ndarray, " values"] | None = None

    def quantiles(self) -> tuple[float, ...]:
        """At `LEVELS`."""
        weights = self.weights
        method = "linear" if weights is None else "inverted_cdf"
        found = np.quantile(self.values, LEVELS, method=method, weights=weights)
        return tuple(found.tolist())


class Row(NamedTuple):
    """Quantiles at `LEVELS` of one quantity; a real sample of one value has no tails."""

    name: str
    real: tuple[float, ...]
    simulated: tuple[float, ...]
    single: bool = False

    @property
    def ratios(self) -> tuple[float, ...]:
        """Simulated over real; 1 where both are zero."""
        pairs = zip(self.simulated, self.real, strict=True)
        return tuple(1.0 if s == r else s / r if r else np.inf for s, r in pairs)

    @property
    def agrees(self) -> bool:
        """The median within 30%, and the tails within a factor of two."""
        low, middle, high = self.ratios
        tails = () if self.single else (low, high)
        return _within(middle, MEDIAN_WITHIN) and all(_within(r, TAILS_WITHIN) for r in tails)


def _within(ratio: float, factor: float) -> bool:
    return 1 / factor <= ratio <= factor


def compare(real: Mapping[str, Values], simulated: Mapping[str, Values]) -> list[Row]:
    """A row for each quantity of the real sample."""
    return [
        Row(name, of.quantiles(), simulated[name].quantiles(), len(of.values) == 1)
        for name, of in real.items()
    ]


def report(rows: list[Row]) -> str:
    """The table, and how many rows agree."""
    lines = [f"{'':38}full simulation 10/50/90%        fast simulation 10/50/90%      ratios"]
    for row in rows:
        ratios = [f"{r:5.2f}" for r in row.ratios]
        if row.single:
            ratios = ["    -", ratios[1], "    -"]
        real, simulated = (
            "  ".join(f"{v:8.3g}" for v in values) for values in (row.real, row.simulated)
        )
        lines.append(
            f"{row.name:34} {real}   {simulated}   {' '.join(ratios)}"
            f"  {'agrees' if row.agrees else 'DIFFERS'}"
        )
    whole, spread = ([row for row in rows if row.single == s] for s in (True, False))
    agree = [sum(row.agrees for row in some) for some in (rows, spread, whole)]
    lines.append(
        f"{agree[0]} of {len(rows)} rows agree: {agree[1]} of {len(spread)} with tails,"
        f" {agree[2]} of {len(whole)} of the event as a whole"
    )
    return "\n".join(lines)
