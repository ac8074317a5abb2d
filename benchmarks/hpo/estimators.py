"""Searches beside scikit-learn's, at equal work: the score on held-out digits.

python -m benchmarks.hpo.estimators [--seeds=5] [--quick]

Epochs: a network of one layer, trained by `partial_fit` or, as scikit-learn's halving does it, anew
with `max_iter` = 1, 3, 9, 27. Samples: a support vector machine on more and more rows. Work is
in passes over the rows of a fold, the refit left out; scikit-learn's searches are given as many
candidates as bring them to the work that `SwiftSearchCV` came to.
"""

import argparse
import os
import statistics
import time
import warnings
from typing import Any, NamedTuple

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import numpy as np
from scipy.stats import loguniform
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401  its searches need it
from sklearn.model_selection import HalvingRandomSearchCV, RandomizedSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC

import hpo
from benchmarks.machine import machine

FOLDS, ROWS = 3, 1200


class Case(NamedTuple):
    """What is searched, and over what; `anew` is the resource of scikit-learn's halving."""

    model: Any
    space: dict[str, Any]
    anew: str


class Found(NamedTuple):
    """What came of a search."""

    work: float
    score: float
    seconds: float


CASES = {
    "epochs": Case(
        MLPClassifier(random_state=0, tol=0.0, n_iter_no_change=1000),
        {
            "learning_rate_init": loguniform(1e-4, 1e-1),
            "alpha": loguniform(1e-6, 1.0),
            "hidden_layer_sizes": [4, 8, 16, 32, 64],
            "batch_size": [16, 32, 64, 128],
        },
        "max_iter",
    ),
    "samples": Case(
        SVC(), {"C": loguniform(1e-3, 1e3), "gamma": loguniform(1e-7, 1e-1)}, "n_samples"
    ),
}


def seed_of(case: Case, seed: int, last: int) -> dict[str, Found]:
    """One split of the digits, searched by everybody."""
    epochs = case.anew != "n_samples"
    whole = last if epochs else 1  # work of a trial that is trained to the end
    rows = train_test_split(*load_digits(return_X_y=True), train_size=ROWS, random_state=seed)
    common = {"cv": FOLDS, "random_state": seed}
    model = case.model.set_params(max_iter=last) if epochs else case.model
    found = {
        kind.__name__: tried(kind(model, case.space, max_epochs=last, **common), rows, epochs)
        for kind in (hpo.SwiftSearchCV, hpo.AdaptiveSearchCV)
    }
    budget = found["SwiftSearchCV"].work
    rounds = 1 + round(np.log(last) / np.log(3))  # each costs as much as the first
    ends = (1, last) if epochs else (ROWS // last, ROWS)
    halving = HalvingRandomSearchCV(
        model,
        case.space,
        n_candidates=max(round(budget / (rounds * whole / last)), 2),
        resource=case.anew,
        min_resources=ends[0],
        max_resources=ends[1],
        **common,
    )
    random = RandomizedSearchCV(model, case.space, n_iter=max(round(budget / whole), 1), **common)
    for search in (halving, random):
        found[type(search).__name__] = tried(search, rows, epochs)
    return found


def tried(search: Any, rows: Any, epochs: bool) -> Found:
    """Work, score on held-out rows, and CPU time."""
    X, X_test, y, y_test = rows
    begun = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        search.fit(X, y)
    seconds = time.process_time() - begun
    return Found(work_of(search, epochs), search.score(X_test, y_test), seconds)


def work_of(search: Any, epochs: bool) -> float:
    """Passes over the rows of a fold; who goes on makes each once."""
    results = search.cv_results_
    if "n_resources" not in results:
        return len(results["params"]) * (search.estimator.max_iter if epochs else 1)
    if epochs and "trial" in results:
        return search.study_.epochs
    return float(np.sum(results["n_resources"])) / (1 if epochs else ROWS)


def line(name: str, found: list[Found], best: list[float]) -> str:
    """A row of the table: means, with standard errors, and paired with the first."""
    scores = [each.score for each in found]
    apart = [100 * (score - other) for score, other in zip(scores, best, strict=True)]
    error = statistics.stdev(apart) / len(apart) ** 0.5 if len(apart) > 1 else 0.0
    return (
        f"| {name} | {statistics.mean(each.work for each in found):.1f} "
        f"| {statistics.mean(scores):.4f} | {statistics.mean(apart):+.2f} ± {error:.2f} "
        f"| {statistics.mean(each.seconds for each in found):.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--quick", action="store_true", help="9 epochs in the place of 27")
    flags = parser.parse_args()
    print(machine())
    for name in flags.cases:
        seeds = [seed_of(CASES[name], s, 9 if flags.quick else 27) for s in range(flags.seeds)]
        print(f"\n{name}, {flags.seeds} seeds\n")
        print("| | passes | held-out score | less the first's, points | CPU s |")
        print("|---|---|---|---|---|")
        first = [seed["SwiftSearchCV"].score for seed in seeds]
        for search in seeds[0]:
            print(line(search, [seed[search] for seed in seeds], first), flush=True)


if __name__ == "__main__":
    main()
