"""Seeds of simulated events: no two shards of a dataset, and no two uses of a seed, share one."""

from collections.abc import Iterable
from itertools import count

import numpy as np

PYTHIA = 900_000_000  # Pythia's seeds are 1 to this many
COLLISIONS, OVERLAY = 0, 1  # what Pythia makes: collisions, or those that are overlaid on them
# Events that no dataset holds, in the place of its splits: a dataset has not so many.
MEASURED, CALIBRATING = 1_000_000, 1_000_001
COUNTS, DETECTOR = 0, 1  # what else is random: how many are overlaid, what a detector makes of it


def of_shards(seed: int, process: int, shards: Iterable[tuple[int, int]]) -> list[int]:
    """The seeds of the shards of a dataset, of which (split, number in it) are given: all differ.

    Each is drawn at random below 2^29 from what it is for, and drawn again where an earlier shard
    has one of Pythia's seeds that it stands for. Other seeds of a dataset, and other processes,
    draw others.
    """
    own, taken = [], set()
    for shard in shards:
        words = np.random.SeedSequence((seed, process, *shard))
        draws = (int(words.generate_state(n)[-1] >> 3) for n in count(1))
        own.append(next(draw for draw in draws if taken.isdisjoint(_of_uses(draw))))
        taken |= _of_uses(own[-1])
    return own


def shared(own: Iterable[int], others: Iterable[int]) -> list[int]:
    """Those of our seeds that have a seed of Pythia's in common with any of the others."""
    taken = set().union(*map(_of_uses, others))
    return [seed for seed in own if not taken.isdisjoint(_of_uses(seed))]


def _of_uses(seed: int) -> set[int]:
    return {of_pythia(seed, use) for use in (COLLISIONS, OVERLAY)}


def of_pythia(seed: int, use: int) -> int:
    """Pythia's seed: for the same use, different for any two seeds below `PYTHIA`.

    Pythia's generator has a sequence of its own for each of its seeds (Marsaglia, Zaman and Tsang,
    Stat. Prob. Lett. 9 (1990) 35). Seeds that differ by a multiple of `PYTHIA` share theirs.
    """
    return 1 + (seed + use * PYTHIA // 2) % PYTHIA


def generator(seed: int, use: int, portion: int = 0) -> np.random.Generator:
    """Random numbers for one use in a portion of the events of a seed."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(use, portion)))
