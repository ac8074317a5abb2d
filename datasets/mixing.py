"""Which events an epoch takes where processes have weights.

An epoch has as many events as there are; those of a process are its weight's share of them, taken
in a random order: where there are more than needed, some of them; where there are fewer, all as
often as needed, none more than once more than another.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from mlpf_install.wording import counted


class Mix(NamedTuple):
    """Processes whose events lie one after the other, and what they weigh in an epoch."""

    events: tuple[int, ...]
    weights: tuple[float, ...]


def check_weights(weights: Sequence[float], processes: int) -> None:
    """Raises ValueError where there is no weight for every process, or no sense in them."""
    if len(weights) != processes:
        raise ValueError(
            f"data.weights has {counted(len(weights), 'value')} for {counted(processes, 'process')}"
        )
    if not all(np.isfinite(w) and w >= 0 for w in weights) or not sum(weights) > 0:
        raise ValueError(f"data.weights {tuple(weights)}: each at least 0, one above")


def shares(mix: Mix) -> Int[np.ndarray, " processes"]:
    """Events of each process in an epoch, rounded so that their sum stays (largest remainder)."""
    total, weights = sum(mix.events), np.asarray(mix.weights, float)
    wanted = total * weights / weights.sum()
    taken = np.floor(wanted).astype(int)
    left = np.argsort(taken - wanted, kind="stable")[: total - taken.sum()]
    taken[left] += 1
    return taken


def draw(mix: Mix, rng: np.random.Generator) -> Int[np.ndarray, " drawn"]:
    """The events of an epoch, process by process. Raises ValueError where a process has none."""
    first, drawn = 0, []
    for number, events, taken in zip(range(len(mix.events)), mix.events, shares(mix), strict=True):
        if taken and not events:
            raise ValueError(f"process {number} has a weight in data.weights, but no events")
        rounds = [rng.permutation(events) for _ in range(-(-taken // max(events, 1)))]
        drawn += [first + np.concatenate(rounds)[:taken]] if taken else []
        first += events
    return np.concatenate(drawn)
