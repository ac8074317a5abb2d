"""From the studies played to figures: regret and averaged rank at shares of Hyperband's epochs."""

import math
from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np

from benchmarks.hpo.peers import ours
from benchmarks.hpo.quality.child import DIGITS, SHARES
from benchmarks.hpo.quality.record import Study
from benchmarks.hpo.quality.regret import averaged_ranks, averages, better_rows, errors, regret
from hpo.simulation.tables import Table

POINTS = (0.25, 0.5, 0.75, 1.0)


def summarise(tables: Mapping[str, Table], studies: Sequence[Study]) -> dict[str, Any]:
    """Figures of every table, and over all of them; by method and share of the epochs.

    methods       `whole` are those played on every table, with at least half of the seeds there are
    rank          averaged rank, and its standard error: among the whole ones, and of any other one
                  beside all of these, on the tables and seeds that it has
    beside_peers  of each of ours the rank that it would have without the rest of ours, the lowest
                  among the other tools' then, and the share of studies in which ours found less
                  than that one (half of the ties); all of whole ones
    better_rows   share of the table's rows whose lowest loss is below the lowest found
    regret        the lowest found above the table's lowest, as a share of that
    """
    studies = [s for s in studies if s.table in tables]
    methods = list(dict.fromkeys(s.method for s in studies))
    found = _array(methods, list(tables), studies)
    lows = [_lows(table) for table in tables.values()]
    places = np.stack([better_rows(found[:, i], low) for i, low in enumerate(lows)], 1)
    regrets = np.stack([regret(found[:, i], low.min()) for i, low in enumerate(lows)], 1)
    played = np.isfinite(places[..., -1]).sum(2)
    whole = ((played > 0) & (2 * played >= played.max(0))).all(1)
    everywhere = np.flatnonzero(whole).tolist()
    names = [methods[m] for m in everywhere]
    return {
        "methods": {
            method: {
                "version": next(s.version for s in studies if s.method == method),
                "studies": int(played[m].sum()),
                "tables": int((played[m] > 0).sum()),
                "whole": bool(whole[m]),
            }
            for m, method in enumerate(methods)
        },
        "rank": _ranked(methods, whole, found),
        "beside_peers": _beside_peers(names, found[everywhere]),
        "better_rows": _with_errors(methods, averages, places),
        "regret": _with_errors(methods, averages, regrets),
        "tables": {
            name: {
                "rows": len(table.curves),
                "max_epochs": table.curves.shape[1],
                "hyperband_epochs": next(s.epochs for s in studies if s.table == name),
                "lowest": float(lows[i].min()),
                "regret": _of_table(methods, regrets[:, i]),
                "better_rows": _of_table(methods, places[:, i]),
            }
            for i, (name, table) in enumerate(tables.items())
        },
        "curves": {
            "shares": list(SHARES),
            "rank": _lines(names, averaged_ranks, found[everywhere]),
            "better_rows": _lines(names, averages, places[everywhere]),
            "regret": _lines(names, averages, regrets[everywhere]),
        },
    }


def _array(methods: list[str], tables: list[str], studies: Sequence[Study]) -> np.ndarray:
    """Lowest losses [methods, tables, seeds, shares]: inf where none was known yet."""
    seeds = sorted({s.seed for s in studies})
    found = np.full((len(methods), len(tables), len(seeds), len(SHARES)), np.nan)
    for s in studies:
        losses = [math.inf if loss is None else loss for loss in s.lowest]
        found[methods.index(s.method), tables.index(s.table), seeds.index(s.seed)] = losses
    return found


def _lows(table: Table) -> np.ndarray:
    """Lowest losses of the rows, in the digits of those in the file: a row is not below itself."""
    lows = np.where(np.isfinite(table.curves), table.curves, np.inf).min(1)
    return np.array([float(f"{low:{DIGITS}}") for low in lows])


def _ranked(methods: list[str], whole: np.ndarray, found: np.ndarray) -> dict[str, Any]:
    """Ranks among the whole ones; of each other method beside these."""
    field = np.flatnonzero(whole).tolist()
    ranks = _with_errors([methods[m] for m in field], averaged_ranks, found[field])
    for m in np.flatnonzero(~whole).tolist():
        beside = [*field, m]
        alone = _with_errors([methods[i] for i in beside], averaged_ranks, found[beside])
        ranks[methods[m]] = alone[methods[m]]
    return ranks


def _beside_peers(methods: list[str], found: np.ndarray) -> dict[str, Any]:
    """Ours are many, and alike: each of them is ranked once more, among the others' alone."""
    of_ours = {m: i for i, m in enumerate(methods) if m in ours.METHODS}
    peers = [i for i in range(len(methods)) if i not in of_ours.values()]
    if not peers:
        return {}
    out: dict[str, Any] = {}
    for method, i in of_ours.items():
        field = [i, *peers]
        ranks = _with_errors([methods[k] for k in field], averaged_ranks, found[field])
        mine, out[method] = ranks.pop(method), {}
        for share in mine:
            peer = min(ranks, key=lambda name: ranks[name][share][0])
            pair = found[[i, methods.index(peer)]]
            place, error = _with_errors([method, peer], averaged_ranks, pair)[method][share]
            out[method][share] = {
                "rank": mine[share],
                "lowest_peer": [peer, ranks[peer][share][0]],
                "found_less": [_plain(2 - place), error],
            }
    return out


def _with_errors(methods: list[str], statistic: Any, values: np.ndarray) -> dict[str, Any]:
    out: dict[str, Any] = {method: {} for method in methods}
    for share in POINTS:
        at = values[..., SHARES.index(share)]
        rows = zip(methods, statistic(at), errors(statistic, at), strict=True)
        for method, mean, error in rows:
            out[method][f"{share:.0%}"] = [_plain(mean), _plain(error)]
    return out


def _of_table(methods: list[str], values: np.ndarray) -> dict[str, Any]:
    """Of one table: means over seeds, for methods that were played on it."""
    return {
        method: {
            f"{share:.0%}": _plain(np.nanmean(values[m, :, SHARES.index(share)]))
            for share in POINTS
        }
        for m, method in enumerate(methods)
        if np.isfinite(values[m, :, -1]).any() and np.isfinite(values[m]).any(0).all()
    }


def _lines(methods: list[str], statistic: Any, values: np.ndarray) -> dict[str, list]:
    lines = np.array([statistic(values[..., i]) for i in range(len(SHARES))]).T
    return {m: [_plain(v) for v in line] for m, line in zip(methods, lines, strict=True)}


def _plain(value: float) -> float | None:
    return float(f"{value:.5g}") if math.isfinite(value) else None


def markdown(figures: Mapping[str, Any]) -> str:
    """Tables of ranks, of ours beside the others', and of regret: methods by averaged rank at half
    of the epochs, last those that lack tables or seeds."""
    rank, about = figures["rank"], figures["methods"]
    whole = {m for m in rank if about[m]["whole"]}
    order = sorted(rank, key=lambda m: (m not in whole, rank[m]["50%"][0] or math.inf))
    counts = [f"{about[m]['studies']}, {about[m]['tables']}" for m in order]
    ranks = _columns("rank", rank, order, whole, "{:.1f}")
    regrets = _columns("regret", figures["regret"], order, whole, "{:.1%}")
    rows = _columns("rows better", figures["better_rows"], order, whole, "{:.1%}")
    names = ["method", *order]
    alone = _alone(figures["beside_peers"], order)
    tables = ([names, *ranks, ["studies, tables", *counts]], *alone, [names, *regrets, *rows])
    return "\n\n".join(_table(columns) for columns in tables)


def _alone(beside: Mapping[str, Any], order: Sequence[str]) -> list[list[list[str]]]:
    """The table of ours, each beside the other tools' alone; none where no other was played."""
    methods = [m for m in order if m in beside]
    columns = [["method", *methods]]
    for share in (f"{share:.0%}" for share in POINTS):
        cells = [beside[m][share] for m in methods]
        best = min((cell["rank"][0] for cell in cells), default=None)
        columns.append(
            [f"rank at {share} (lowest peer)", *(
                f"{_cell(*c['rank'], best, '{:.1f}')} ({c['lowest_peer'][1]:.1f})" for c in cells
            )]
        )  # fmt: skip
    return [columns] if methods else []


def _columns(
    title: str, values: Mapping[str, Any], order: Sequence[str], whole: Set[str], form: str
) -> list[list[str]]:
    """A column for each share of the epochs; the lowest mean of the whole ones is bold."""
    columns = []
    for i, share in enumerate(f"{share:.0%}" for share in POINTS):
        means = [mean for m in whole if (mean := values[m][share][0]) is not None]
        best = min(means, default=None)
        cells = [_cell(*values[m][share], best if m in whole else None, form) for m in order]
        columns.append([share if i else f"{title} at {share}", *cells])
    return columns


def _table(columns: Sequence[Sequence[str]]) -> str:
    head, *rows = (f"| {' | '.join(cells)} |" for cells in zip(*columns, strict=True))
    return "\n".join([head, "|" + "---|" * len(columns), *rows])


def _cell(mean: float | None, error: float | None, best: float | None, form: str) -> str:
    """The mean and its standard error, both as `form` says."""
    if mean is None:
        return ""
    text = form.format(mean) + ("" if error is None else f" ± {form.format(error)}")
    text = text.replace("% ±", " ±")
    return f"**{text}**" if mean == best else text
