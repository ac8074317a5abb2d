"""Every stream of random numbers that is drawn here, side by side, so that no two are one.

A stream is numpy's SeedSequence of a few whole numbers. To it (seed, 2) and (seed, 2, 0) are the
same, so what tells streams of one seed apart is a third number, the tag, or a fourth. Recorded
studies are replayed with these numbers, so they never change.

    (seed,)                        order of a table's rows          0
    (seed, number)                 configuration of a random trial  0
    (seed, 2)                      scrambling of Sobol's sequence   0
    (seed, trial, 1)               the seed an objective is given   1
    (seed, number, 3)              Bayesian optimisation            3
    (seed, number, 4)              densities of good and bad        4
    (seed, trial, 6)               fates in a simulation            6
    (seed, rung, epoch, 5)         predictions of learning curves   5, in the fourth place
    (number, 7, 7)                 tables with rows drawn anew       7, in the third place
    (block, 4)                     the draws behind chances: of no seed, always the same

The first three are alternatives: a study has one searcher, and it proposes by one of them. The last
are nodes of an integration, which fortune has no part in, whatever else begins with their numbers.
"""

import numpy as np


def checked_seed(seed: int) -> int:
    """The seed. Raises ValueError where it is negative."""
    if seed < 0:
        raise ValueError(f"the seed must not be negative, got {seed}")
    return seed


def rows(seed: int) -> np.random.SeedSequence:
    """The order in which the rows of a table are proposed."""
    return np.random.SeedSequence(seed)


def configuration(seed: int, number: int) -> np.random.SeedSequence:
    """Of trial `number` of a study that draws at random."""
    return np.random.SeedSequence((seed, number))


def scrambling(seed: int) -> np.random.SeedSequence:
    """Of the quasi-random sequence of a study."""
    return np.random.SeedSequence((seed, 2))


def training(seed: int, trial: int) -> np.random.SeedSequence:
    """What an objective draws from: its trial's own seed."""
    return np.random.SeedSequence((seed, trial, 1))


def improvement(seed: int, number: int) -> np.random.SeedSequence:
    """Candidates of Bayesian optimisation for trial `number`."""
    return np.random.SeedSequence((seed, number, 3))


def densities(seed: int, number: int) -> np.random.SeedSequence:
    """Candidates of BOHB's searcher for trial `number`."""
    return np.random.SeedSequence((seed, number, 4))


def prediction(seed: int, rung: int, epoch: int) -> np.random.SeedSequence:
    """What a predictor draws from, asked at `epoch` for the losses at `rung`."""
    return np.random.SeedSequence((seed, rung, epoch, 5))


def fates(seed: int, trial: int) -> np.random.SeedSequence:
    """How long a simulated trial's epochs take and where its worker is lost."""
    return np.random.SeedSequence((seed, trial, 6))


def resampling(number: int) -> np.random.SeedSequence:
    """Which configurations the table `number` of a bootstrap holds."""
    return np.random.SeedSequence((number, 7, 7))


def nodes(block: int) -> np.random.SeedSequence:
    """The draws over which chances are averaged, block by block of trials."""
    return np.random.SeedSequence((block, 4))
