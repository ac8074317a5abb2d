"""Regret and averaged rank of methods at budgets, with errors: pure functions of losses found.

An array of losses is [methods, tables, seeds], NaN where a study was not played. Lower is better.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

Losses = Float[np.ndarray, "methods tables seeds"]


def found_at(
    trace: Sequence[float], epochs: int, shares: Sequence[float]
) -> Float[np.ndarray, " shares"]:
    """Of the best losses after each epoch of a study, those after shares of `epochs`.

    A study that ended earlier keeps what it had found.
    """
    spent = [max(math.ceil(round(share * epochs, 9)), 1) for share in shares]
    return np.array([trace[min(count, len(trace)) - 1] if trace else math.inf for count in spent])


def regret(found: Float[np.ndarray, "*any"], best: float) -> Float[np.ndarray, "*any"]:
    """How far losses lie above the table's best, as a share of it; NaN where nothing was found."""
    return np.where(np.isfinite(found), (found - best) / abs(best), np.nan)


def better_rows(
    found: Float[np.ndarray, "*any"], lows: Float[np.ndarray, " rows"]
) -> Float[np.ndarray, "*any"]:
    """The share of a table's rows whose own lowest loss (inf: diverged) is below what was found.

    It is 0 at the table's best row, and free of the scale of the loss.
    """
    shares = np.searchsorted(np.sort(lows), found, side="left") / len(lows)
    return np.where(np.isnan(found), np.nan, shares)


def averaged_ranks(losses: Losses) -> Float[np.ndarray, " methods"]:
    """The mean over tables of each method's mean rank over seeds; 1 is the best, ties share.

    Ranks are added up from pairs: one more for every other method that is better. So a method with
    fewer seeds is held against each other one on the seeds that both have; where all have the same
    seeds it is the ordinary mean rank.
    """
    return _ranks(_drawn(_beaten(losses), *_once(losses)))[0]


def averages(values: Losses) -> Float[np.ndarray, " methods"]:
    """The mean over tables of means over seeds."""
    return _drawn(values, *_once(values))[0]


def errors(
    statistic: Callable[[Losses], np.ndarray], values: Losses, draws: int = 500, seed: int = 0
) -> Float[np.ndarray, " methods"]:
    """Standard errors of `averaged_ranks` or `averages`, by drawing tables, and seeds within each,
    anew. Seeds are drawn together for all methods, which meet the same rows in the same order."""
    generator = np.random.default_rng(seed)
    _, tables, seeds = values.shape
    of_tables = generator.multinomial(tables, np.full(tables, 1 / tables), draws)
    # a table that is drawn twice has seeds drawn twice
    times = seeds * np.maximum(of_tables, 1)
    of_seeds = generator.multinomial(times, np.full(seeds, 1 / seeds))
    if statistic is averaged_ranks:
        drawn = _ranks(_drawn(_beaten(values), of_tables, of_seeds))
    else:
        drawn = _drawn(values, of_tables, of_seeds)
    known = np.isfinite(drawn).sum(0) > 1
    spread = np.nanstd(np.where(known, drawn, 0.0), 0, ddof=1)
    return np.where(known, spread, np.nan)


def _once(values: Losses) -> tuple[np.ndarray, np.ndarray]:
    """One draw, of every table and seed once."""
    return np.ones((1, values.shape[1])), np.ones((1, *values.shape[1:]))


def _beaten(losses: Losses) -> Float[np.ndarray, "methods others tables seeds"]:
    """1 where the other one found less, half for a tie; NaN where one of the two is missing."""
    ours, theirs = losses[:, None], losses[None]
    beaten = (theirs < ours) + 0.5 * (theirs == ours)
    return np.where(np.isnan(ours) | np.isnan(theirs), np.nan, beaten)


def _ranks(chances: Float[np.ndarray, "draws methods others"]) -> np.ndarray:
    others = ~np.eye(chances.shape[1], dtype=bool)
    return 1 + np.where(others, chances, 0.0).sum(2)


def _drawn(
    values: Float[np.ndarray, "*any tables seeds"],
    of_tables: Float[np.ndarray, "draws tables"],
    of_seeds: Float[np.ndarray, "draws tables seeds"],
) -> Float[np.ndarray, "draws *any"]:
    """Means over tables of means over seeds, as often as each was drawn, of what is known."""
    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)
    summed = np.einsum("...ts,dts->d...t", filled, of_seeds)
    means = _ratio(summed, np.einsum("...ts,dts->d...t", known.astype(float), of_seeds))
    known, filled = ~np.isnan(means), np.nan_to_num(means)
    summed = np.einsum("d...t,dt->d...", filled, of_tables)
    return _ratio(summed, np.einsum("d...t,dt->d...", known.astype(float), of_tables))


def _ratio(summed: np.ndarray, count: np.ndarray) -> np.ndarray:
    return np.divide(summed, count, out=np.full(count.shape, np.nan), where=count > 0)
