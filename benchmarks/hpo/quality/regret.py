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
    return _ranks(losses, *_once(losses))


def averages(values: Losses) -> Float[np.ndarray, " methods"]:
    """The mean over tables of means over seeds."""
    return _means(values, *_once(values))


def errors(
    statistic: Callable[[Losses], np.ndarray], values: Losses, draws: int = 500, seed: int = 0
) -> Float[np.ndarray, " methods"]:
    """Standard errors of `averaged_ranks` or `averages`, by drawing tables, and seeds within each,
    anew. Seeds are drawn together for all methods, which meet the same rows in the same order."""
    generator = np.random.default_rng(seed)
    weighted = {averaged_ranks: _ranks, averages: _means}[statistic]
    _, tables, seeds = values.shape
    drawn = []
    for _ in range(draws):
        of_tables = generator.multinomial(tables, np.full(tables, 1 / tables))
        of_seeds = generator.multinomial(seeds, np.full(seeds, 1 / seeds), tables)
        drawn.append(weighted(values, of_tables, of_seeds))
    known = np.isfinite(drawn).sum(0) > 1
    spread = np.nanstd(np.where(known, drawn, 0.0), 0, ddof=1)
    return np.where(known, spread, np.nan)


def _once(values: Losses) -> tuple[np.ndarray, np.ndarray]:
    """Weights of tables, and of seeds within tables, that count each once."""
    return np.ones(values.shape[1]), np.ones(values.shape[1:])


def _ranks(losses: Losses, of_tables: np.ndarray, of_seeds: np.ndarray) -> np.ndarray:
    ours, theirs = losses[:, None], losses[None]
    beaten = (theirs < ours) + 0.5 * (theirs == ours)
    beaten = np.where(np.isnan(ours) | np.isnan(theirs), np.nan, beaten)
    chances = _mean(_mean(beaten, of_seeds), of_tables)
    others = ~np.eye(len(losses), dtype=bool)
    return 1 + np.where(others, chances, 0.0).sum(1)


def _means(values: Losses, of_tables: np.ndarray, of_seeds: np.ndarray) -> np.ndarray:
    return _mean(_mean(values, of_seeds), of_tables)


def _mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Over the last axis, of what is known; NaN where nothing is."""
    weights = np.where(np.isnan(values), 0.0, weights)
    total = weights.sum(-1)
    summed = (np.where(weights > 0, values, 0.0) * weights).sum(-1)
    return np.divide(summed, total, out=np.full(total.shape, np.nan), where=total > 0)
