"""Whether a predictor is worth more than the last loss seen, where it decides: in Swift-Hyperband.

python -m benchmarks.predictors_in_swift ../shared/learning_curves/mlpf_delphes.csv [--seeds=100]

The published rule with each predictor on the same seeds, so the same configurations in the same
order. Printed: epochs, the change of epochs and of the best loss from persistence (mean, standard
error, two-sided p of a paired t-test), and in how many seeds the loss is at least as good as
Hyperband's.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.machine import machine
from benchmarks.predictors import MAKERS
from hpo.schedulers.halving import hyperband
from hpo.schedulers.swift import swift_hyperband
from hpo.simulation.simulator import simulate
from hpo.simulation.tables import Table, read_table
from hpo.space import space_around


class Played(NamedTuple):
    """One study: epochs spent, the loss it returned, trials stopped that would have beaten it."""

    epochs: int
    loss: float
    wrong: int


def play(table: Table, name: str, max_epochs: int, eta: int, seeds: range) -> list[Played]:
    """Swift-Hyperband with the predictor of that name, or plain "hyperband", on every seed."""
    if name == "hyperband":
        scheduler = hyperband(table.searcher(), max_epochs, eta)
    else:
        predictor = MAKERS[name](space_around(table.configurations), table)
        scheduler = swift_hyperband(table.searcher(), max_epochs, eta, predictor=predictor)
    outcomes = [simulate(scheduler, table, seed) for seed in seeds]
    return [Played(o.epochs, o.loss, o.wrong_stops) for o in outcomes]


def against(found: Sequence[Played], base: Sequence[Played], full: Sequence[Played]) -> dict:
    """Paired figures of a predictor beside persistence and Hyperband."""
    epochs = np.array([p.epochs for p in found])
    losses = np.array([p.loss for p in found])
    return {
        "epochs": float(epochs.mean()),
        "epochs_vs_hyperband": float(epochs.mean() / np.mean([p.epochs for p in full]) - 1),
        "epochs_vs_persistence": _paired(epochs - [p.epochs for p in base]),
        "loss_vs_persistence": _paired(losses / [p.loss for p in base] - 1),
        "same_or_better": float(np.mean(losses <= [p.loss for p in full])),
        "wrong_stops": float(np.mean([p.wrong for p in found])),
    }


def _paired(difference: np.ndarray) -> dict[str, float]:
    from scipy import stats

    if not difference.any():
        return {"mean": 0.0, "sem": 0.0, "p": 1.0}
    return {
        "mean": float(difference.mean()),
        "sem": float(difference.std(ddof=1) / np.sqrt(len(difference))),
        "p": float(stats.ttest_1samp(difference, 0.0).pvalue),
    }


def line(name: str, row: Mapping) -> str:
    epochs, loss = row["epochs_vs_persistence"], row["loss_vs_persistence"]
    return (
        f"{name:17} {row['epochs']:7.1f} epochs ({row['epochs_vs_hyperband']:+.1%}; from "
        f"persistence {epochs['mean']:+.1f} +- {epochs['sem']:.1f}, p {epochs['p']:.3f})  loss "
        f"{loss['mean']:+.3%} +- {loss['sem']:.3%}, p {loss['p']:.3f}  same or better "
        f"{row['same_or_better']:.1%}  wrong stops {row['wrong_stops']:.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+", help="tables of learning curves")
    parser.add_argument("--predictors", default="svr,extra_trees,gaussian_process,oracle")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first_seed", type=int, default=0)
    parser.add_argument("--eta", type=int, default=2)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    figures = {"machine": machine(), "date": time.strftime("%Y-%m-%d"), "tables": {}}
    for path in options.files:
        table = read_table(path)
        shape = (table.curves.shape[1], options.eta)
        full, base = (play(table, name, *shape, seeds) for name in ("hyperband", "persistence"))
        print(f"{path.name}: R {shape[0]}, eta {shape[1]}, seeds {seeds[0]}..{seeds[-1]}")
        rows = figures["tables"][path.name] = {"persistence": against(base, base, full)}
        print(line("persistence", rows["persistence"]), flush=True)
        for name in options.predictors.split(","):
            rows[name] = against(play(table, name, *shape, seeds), base, full)
            print(line(name, rows[name]), flush=True)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
