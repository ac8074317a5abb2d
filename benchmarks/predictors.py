"""What predictors of learning curves are worth: scores against the known share of each curve.

python -m benchmarks.predictors ../shared/learning_curves/mlpf_delphes.csv [FILE...] [--json=OUT]

Every configuration is wholly in the training or in the test rows (five folds by configuration, some
of the training rows and of the test rows drawn in each): a table holds some of them several times.
From the first part of a curve its last loss is predicted, and scored by

R2, rho    coefficient of determination, rank correlation (Spearman)
recall     share of the truly best tenth of the test rows among the predicted best tenth
wrong      share of the truly best tenth that a rule which stops the predicted worse half would stop
z          root mean square of error / spread: 1 where spreads are right

Each is paired with persistence (the last loss seen) on the same rows: mean difference, its standard
error over folds, and the two-sided p of a paired t-test. Rows that diverged (an epoch that is not
finite, or ten times the median first loss at the end) are left out, and counted.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.machine import machine
from hpo.forecasting import predictors
from hpo.forecasting.trend import forecast
from hpo.simulation.tables import Table, read_table
from hpo.space import Space, space_around

FRACTIONS = (0.1, 0.25, 0.5, 0.75, 0.9)
FOLDS = 5


def trend() -> predictors.Predictor:
    """What Swift-Hyperband's improved rule extrapolates with; the spread is Student's scale."""

    def joint(known: predictors.Known, seed: int) -> tuple[np.ndarray, np.ndarray]:
        finished, partial = known.finished, known.partial
        best = min(finished.min(), partial.min())
        begun, epochs = finished[:, : partial.shape[1]], finished.shape[1]
        answer = forecast(begun, finished[:, -1], partial, epochs, best)
        return answer.mean, answer.spread

    return predictors.Predictor(None, {"predictor": "trend"}, joint)


MAKERS: Mapping[str, Callable[[Space, Table], predictors.Predictor]] = {
    "persistence": lambda space, table: predictors.persistence(),
    "trend": lambda space, table: trend(),
    "svr": lambda space, table: predictors.svr(),
    "qsvr": lambda space, table: predictors.qsvr(),
    "extra_trees": lambda space, table: predictors.extra_trees(),
    "gaussian_process": lambda space, table: predictors.gaussian_process(),
    "lkgp_curves": lambda space, table: predictors.lkgp(),
    "lkgp": lambda space, table: predictors.lkgp(space),
    "oracle": lambda space, table: predictors.oracle(table.curves),
}


def sound(table: Table) -> Table:
    """The table without the rows that diverged."""
    limit = 10 * np.nanmedian(table.curves[:, 0])
    kept = np.flatnonzero(np.isfinite(table.curves).all(1) & ~(table.curves[:, -1] > limit))
    return Table(table.name, tuple(table.configurations[i] for i in kept), table.curves[kept])


def splits(
    table: Table, train: int, test: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Training and test rows of each fold; no configuration is in both."""
    keys = [json.dumps(c, sort_keys=True) for c in table.configurations]
    groups = np.unique(keys, return_inverse=True)[1]
    generator = np.random.default_rng(seed)
    fold = generator.permutation(groups.max() + 1)[groups] % FOLDS
    for k in range(FOLDS):
        inside, outside = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        yield generator.permutation(inside)[:train], generator.permutation(outside)[:test]


def scores(mean: np.ndarray, spread: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """The figures of the module's description; losses, so the best are the lowest."""
    from scipy import stats

    error, tenth = mean - truth, max(len(truth) // 10, 1)
    best = np.argsort(truth, kind="stable")[:tenth]
    ranked = np.argsort(mean, kind="stable")
    return {
        "R2": float(1 - np.mean(error**2) / np.var(truth)),
        "rho": float(stats.spearmanr(mean, truth).statistic) if np.ptp(mean) > 0 else 0.0,
        "recall": float(np.isin(best, ranked[:tenth]).mean()),
        "wrong": float(np.isin(best, ranked[len(truth) // 2 :]).mean()),
        "z": float(np.sqrt(np.mean((error / np.maximum(spread, 1e-12)) ** 2)))
        if spread.any()
        else 0,
    }


def measure(
    table: Table, name: str, fraction: float, train: int, test: int, seeds: int
) -> list[dict[str, float]]:
    """Scores of a predictor in each fold of each seed."""
    space = space_around(table.configurations)
    predictor, epochs = MAKERS[name](space, table), table.curves.shape[1]
    known = min(max(round(fraction * epochs), 1), epochs - 1)
    out = []
    for seed in range(seeds):
        for training, held in splits(table, train, test, seed):
            question = predictors.Known(
                table.curves[training],
                table.curves[held, :known],
                [table.configurations[i] for i in training],
                [table.configurations[i] for i in held],
            )
            start = time.process_time()
            mean, spread = predictors.extrapolated(predictor, question, seed)
            seconds = time.process_time() - start
            out.append(scores(mean, spread, table.curves[held, -1]) | {"seconds": seconds})
    return out


def paired(found: Sequence[Mapping], base: Sequence[Mapping], figure: str) -> dict[str, float]:
    """Mean difference from persistence, its standard error, and p of a paired t-test."""
    from scipy import stats

    difference = np.array([a[figure] - b[figure] for a, b in zip(found, base, strict=True)])
    if not difference.any():
        return {"mean": 0.0, "sem": 0.0, "p": 1.0}
    test = stats.ttest_1samp(difference, 0.0)
    return {
        "mean": float(difference.mean()),
        "sem": float(difference.std(ddof=1) / np.sqrt(len(difference))),
        "p": float(test.pvalue),
    }


def compare(table: Table, names: Sequence[str], fractions: Sequence[float], **sizes: int) -> dict:
    """{fraction: {predictor: {figure: mean, "against persistence": {figure: {mean, sem, p}}}}}."""
    out: dict = {}
    for fraction in fractions:
        base = measure(table, "persistence", fraction, **sizes)
        rows = out[str(fraction)] = {}
        for name in names:
            found = base if name == "persistence" else measure(table, name, fraction, **sizes)
            rows[name] = {f: float(np.mean([r[f] for r in found])) for f in found[0]}
            rows[name]["seconds"] = float(np.median([r["seconds"] for r in found]))
            rows[name]["against persistence"] = {
                figure: paired(found, base, figure) for figure in ("R2", "rho", "recall", "wrong")
            }
            print(line(fraction, name, rows[name]), flush=True)
    return out


def line(fraction: float, name: str, row: Mapping) -> str:
    """A row of the table as it is printed."""
    rho = row["against persistence"]["rho"]
    return (
        f"{fraction:5.0%} {name:17} R2 {row['R2']:7.3f}  rho {row['rho']:.3f} "
        f"({rho['mean']:+.3f} +- {rho['sem']:.3f}, p {rho['p']:.3f})  recall {row['recall']:.2f}  "
        f"wrong {row['wrong']:.3f}  z {row['z']:5.2f}  {row['seconds']:6.3f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+", help="tables of learning curves")
    parser.add_argument("--predictors", default=",".join(MAKERS), help="names, by commas")
    parser.add_argument("--fractions", default=",".join(map(str, FRACTIONS)))
    parser.add_argument("--train", type=int, default=100, help="rows that a predictor learns from")
    parser.add_argument("--test", type=int, default=60, help="rows that it is tested on")
    parser.add_argument("--seeds", type=int, default=2, help="times that the folds are drawn")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    figures = {"machine": machine(), "date": time.strftime("%Y-%m-%d"), "tables": {}}
    sizes = {"train": options.train, "test": options.test, "seeds": options.seeds}
    for path in options.files:
        whole = read_table(path)
        table = sound(whole)
        print(f"{path.name}: {len(table.curves)} of {len(whole.curves)} rows, {sizes}", flush=True)
        fractions = [float(f) for f in options.fractions.split(",")]
        figures["tables"][path.name] = {
            "rows": len(table.curves),
            "left out": len(whole.curves) - len(table.curves),
            **sizes,
            "by fraction": compare(table, options.predictors.split(","), fractions, **sizes),
        }
        if options.json:
            options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
