"""Simulated studies of several methods on one table, paired by seed, and what they come to.

Seeds share curves: with 320 rows and studies of 143 trials, many have the same best row. So errors
over seeds say how sure a figure is for this table, not for its kind of training. A bootstrap does:
the configurations of the table are drawn anew, with replacement, and on each such table `INNER`
studies are played. The variance between the tables, less what the seeds of each bring into it, is
what the choice of configurations does.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from hpo.simulation.methods import BASELINE, METHODS, Budget
from hpo.simulation.simulator import Conditions, simulate
from hpo.simulation.tables import Table
from mlpf_install.wording import counted

INNER = 8  # studies on each table of a bootstrap


class Figures(NamedTuple):
    """Of one method on one table, one entry a seed."""

    loss: Float[np.ndarray, " seeds"]
    epochs: Float[np.ndarray, " seeds"]
    wall: Float[np.ndarray, " seeds"]
    least: Float[np.ndarray, " seeds"]
    idle: Float[np.ndarray, " seeds"]
    idle_asked: Float[np.ndarray, " seeds"]
    wrong_stops: Float[np.ndarray, " seeds"]
    failed: Float[np.ndarray, " seeds"]
    best_epoch: Float[np.ndarray, " seeds"]


@dataclass(frozen=True)
class MethodSummary:
    """One method on one table. Means over seeds, `sem` their standard errors.

    best_loss, epochs            of the trial returned; of all trials, each epoch counted once
    epochs_vs_hyperband          ratio of the means
    same_or_better               share of seeds whose loss is not above Hyperband's; where that
                                 returned no trial, anything is as good
    loss_change_vs_hyperband     mean of `relative_change` from Hyperband's loss, above 0 where it
                                 is worse; NaN, not defined, if it is of any seed. Its sem is paired
    wall, wall_vs_least          virtual time in mean epochs; over max(work / workers, longest)
    idle_share, idle_while_asked of the workers' time: in all; until the last job was asked
    wrong_stops                  trials given up that would have ended below the loss returned
    failed                       trials that diverged
    best_epoch                   that the losses returned are of
    without_best                 seeds in which every trial diverged: there is no loss, and no mean
    ..._error                    standard error over configurations and seeds; NaN without bootstrap
    """

    best_loss_mean: float
    best_loss_sem: float
    epochs_mean: float
    epochs_sem: float
    epochs_vs_hyperband: float
    same_or_better: float
    loss_change_vs_hyperband: float
    loss_change_sem: float
    wall_mean: float
    wall_sem: float
    wall_vs_least: float
    idle_share: float
    idle_while_asked: float
    wrong_stops: float
    failed: float
    best_epoch: float
    without_best: int
    seeds: int
    epochs_vs_hyperband_error: float = math.nan
    same_or_better_error: float = math.nan
    loss_change_error: float = math.nan


def compare(
    table: Table,
    methods: Sequence[str],
    seeds: Sequence[int],
    budget: Budget,
    conditions: Conditions,
    update: Callable[[str], None],
    bootstrap: int = 0,
) -> dict[str, MethodSummary]:
    """Every method on every seed. Hyperband is always run: the others are held against it.

    `bootstrap` tables are drawn from this one for the errors over configurations (see the module).
    Raises ValueError where the table's curves are too short for `max_epochs`, and for a bootstrap
    of one table.
    """
    length = table.curves.shape[1]
    if budget.max_epochs > length:
        raise ValueError(
            f"{table.name} has curves of {counted(length, 'epoch')}: "
            f"--max_epochs={budget.max_epochs} is too many"
        )
    if bootstrap < 0 or bootstrap == 1:
        raise ValueError(f"a bootstrap takes at least 2 tables, not {bootstrap}; 0 is none")
    names = tuple(dict.fromkeys((BASELINE, *methods)))

    def played(on: Table, with_seeds: Sequence[int]) -> dict[str, Figures]:
        return {name: _play(name, on, with_seeds, budget, conditions, update) for name in names}

    figures = played(table, seeds)
    again = itertools.count(seeds[0])  # other tables need no seeds in common
    tables = [
        played(table.resampled(number), list(itertools.islice(again, INNER)))
        for number in range(bootstrap)
    ]
    return {
        name: _summary(
            figures[name],
            figures[BASELINE],
            budget,
            [(drawn[name], drawn[BASELINE]) for drawn in tables],
        )
        for name in methods
    }


def as_json(
    curves: str, settings: Mapping[str, Any], methods: Mapping[str, MethodSummary]
) -> dict[str, Any]:
    """One table's comparison as plain values for JSON; what is not a number is None."""
    plain = {
        name: {key: _finite(value) for key, value in asdict(summary).items()}
        for name, summary in methods.items()
    }
    return {"curves": curves, "settings": dict(settings), "methods": plain}


def _play(
    name: str,
    table: Table,
    seeds: Sequence[int],
    budget: Budget,
    conditions: Conditions,
    update: Callable[[str], None],
) -> Figures:
    scheduler, rows = METHODS[name](table.searcher(), budget), []
    for seed in seeds:
        o = simulate(scheduler, table, seed, conditions)
        least = max(o.busy / conditions.workers, o.longest)
        at = math.nan if o.best is None else len(o.trials[o.best].curve)
        rows.append(
            (o.loss, o.epochs, o.wall, least, o.idle, o.idle_asked, o.wrong_stops, o.failed, at)
        )
        update(f"{table.name}, {name}")
    return Figures(*np.array(rows, float).T)


@np.errstate(over="ignore", invalid="ignore")  # means of what is beyond the largest float: inf
def _summary(
    ours: Figures,
    theirs: Figures,
    budget: Budget,
    drawn: Sequence[tuple[Figures, Figures]],
) -> MethodSummary:
    sign = -1 if budget.mode == "maximise" else 1
    returned = ~np.isnan(ours.best_epoch)
    share, as_good, change = _against(ours, theirs, sign)
    errors = [math.nan] * 3
    if drawn:
        inner = np.array([_against(*pair, sign) for pair in drawn])
        errors = [
            honest_error(*v)
            for v in zip((share, as_good, change), inner.swapaxes(0, 1), strict=True)
        ]
    return MethodSummary(
        float(ours.loss.mean()),
        _sem(ours.loss),
        float(ours.epochs.mean()),
        _sem(ours.epochs),
        float(ours.epochs.mean() / theirs.epochs.mean()),
        float(as_good.mean()),
        float(change.mean()),
        _sem(change),
        float(ours.wall.mean()),
        _sem(ours.wall),
        float((ours.wall / ours.least).mean()),
        float(ours.idle.mean()),
        float(ours.idle_asked.mean()),
        float(ours.wrong_stops.mean()),
        float(ours.failed.mean()),
        float(ours.best_epoch[returned].mean()) if returned.any() else math.nan,
        int((~returned).sum()),
        len(ours.loss),
        *errors,
    )


def _against(
    ours: Figures, theirs: Figures, sign: int
) -> tuple[Float[np.ndarray, " seeds"], Float[np.ndarray, " seeds"], Float[np.ndarray, " seeds"]]:
    """Share of the other's epochs, 1 where as good, and relative change of the loss, by seed."""
    as_good = (sign * ours.loss <= sign * theirs.loss) | np.isnan(theirs.loss)
    change = relative_change(sign * ours.loss, sign * theirs.loss)
    return ours.epochs / theirs.epochs, as_good.astype(float), change


def honest_error(
    values: Float[np.ndarray, " seeds"], drawn: Float[np.ndarray, "tables inner"]
) -> float:
    """The standard error of the mean of `values` over configurations and seeds.

    `drawn` are the values on tables of a bootstrap. The mean of one of these varies by its table
    and, as 1 / inner, by its seeds: the part of the seeds is taken off (as in an analysis of
    variance; what is left is at least 0), and that of all `values` put in its place.
    """
    by_seeds = drawn.var(1, ddof=1).mean() / drawn.shape[1]
    by_table = max(float(drawn.mean(1).var(ddof=1) - by_seeds), 0.0)
    return math.sqrt(by_table + float(values.var(ddof=min(1, len(values) - 1))) / len(values))


def relative_change(
    values: Float[np.ndarray, " seeds"], base: Float[np.ndarray, " seeds"]
) -> Float[np.ndarray, " seeds"]:
    """(value - base) / |base|, and 0 where both are equal, be they 0. NaN where it is not defined:
    from a base of 0, where a value is missing (NaN), and beyond the largest float."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        change = (values - base) / np.abs(base)
    change[~np.isfinite(change)] = np.nan
    return np.where(values == base, 0.0, change)


def _sem(values: Float[np.ndarray, " seeds"]) -> float:
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
