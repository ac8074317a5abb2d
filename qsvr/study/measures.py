"""What the study of Q-SVR measures: solvers side by side on the same splits."""

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from qsvr.study.curves import Curves, Task, make_task

REFERENCES = ("classical", "persistence")
SETTINGS = ("published", "ours")
FLIPS = {"bits": 4, "reads": 50, "sweeps": 400}
MOCK = {"bits": 4, "reads": 1000, "sweeps": 100}
BUDGETS = {
    "level_gibbs": {"reads": 64, "sweeps": 200},
    "zoom": {"reads": 64, "sweeps": 100},
    "mock_qpu": MOCK,
    "mock_zephyr": MOCK,
    "qpu": MOCK,
    "steepest_descent": {"bits": 4, "reads": 500},
}
"""Of our settings, where a solver's differ from FLIPS; `published` has three bits throughout."""


class Outcome(NamedTuple):
    """One solver on one split."""

    r2: float
    spearman: float
    recall: float  # share of the best tenth that is among the tenth predicted best
    wrong_stops: float  # share of the best tenth that is predicted in the worse half
    energy_gap: float | None  # to the box optimum, mean over the QUBOs; None without a QUBO
    cpu_seconds: float  # fit and predict
    truth: Float[np.ndarray, " test"]
    predicted: Float[np.ndarray, " test"]


class Cell(NamedTuple):
    """One solver, known fraction and training size over all splits."""

    solver: str
    known: float
    train_size: int
    outcomes: tuple[Outcome, ...]

    def mean(self, what: str) -> float | None:
        """Mean over the splits; None where no split has that figure."""
        values = [getattr(outcome, what) for outcome in self.outcomes]
        return None if None in values else float(np.mean(values))

    def record(self) -> dict[str, Any]:
        """As the JSON file has it."""
        return {
            "solver": self.solver,
            "known": self.known,
            "train_size": self.train_size,
            "r2_mean": self.mean("r2"),
            "r2_std": float(np.std([outcome.r2 for outcome in self.outcomes])),
            "spearman_mean": self.mean("spearman"),
            "energy_gap_mean": self.mean("energy_gap"),
            "cpu_seconds_mean": self.mean("cpu_seconds"),
        }


def check_solvers(solvers: Sequence[str]) -> None:
    """Raises ValueError for a name that is neither a sampler nor a reference."""
    from qsvr import SAMPLERS

    known = (*REFERENCES, *SAMPLERS)
    for name in solvers:
        if name not in known:
            raise ValueError(f"unknown solver {name!r}: choose from {', '.join(known)}")


def make_model(solver: str, settings: str, protocol: str, seed: int) -> Any:
    """A regressor; `classical` is scikit-learn's SVR with the same C, epsilon and kernel."""
    from qsvr import QSVR

    scaled = {"scaling": "none", "target_scaling": "none"} if protocol == "published" else {}
    if solver == "classical":
        model = QSVR.published(**scaled) if settings == "published" else QSVR(**scaled)
        return model.classical()
    budget = {"sampler": solver, "random_state": seed, **BUDGETS.get(solver, FLIPS), **scaled}
    if settings == "published":
        return QSVR.published(**{**budget, "bits": 3})
    return QSVR(**budget)


def measure(
    curves: Curves,
    solvers: Sequence[str],
    knowns: Sequence[float],
    train_sizes: Sequence[int],
    splits: range,
    settings: str,
    protocol: str,
    update: Callable[..., None],
) -> list[Cell]:
    """Every solver on every known fraction and training size; all solvers see the same splits.

    A fit before the first split of a cell, whose figures are not kept, compiles.
    """
    cells, done = [], 0
    for known in knowns:
        for size in train_sizes:
            tasks = [
                make_task(curves, known, size, split, protocol, settings == "ours")
                for split in splits
            ]
            for solver in solvers:
                answer(tasks[0], solver, settings, protocol, splits[0])
                outcomes = []
                for split, task in zip(splits, tasks, strict=True):
                    outcomes.append(answer(task, solver, settings, protocol, split))
                    done += 1
                    update(done, f"{solver}, {known:.0%} known, {size} curves")
                cells.append(Cell(solver, known, size, tuple(outcomes)))
    return cells


def answer(task: Task, solver: str, settings: str, protocol: str, seed: int) -> Outcome:
    """One solver's outcome on one split. The published protocol swaps the arguments of R2."""
    from scipy.stats import spearmanr
    from sklearn.metrics import r2_score

    start, gap = time.process_time(), None
    if solver == "persistence":
        predicted, model = task.test_seen, None
    else:
        model = make_model(solver, settings, protocol, seed)
        predicted = model.fit(task.train_X, task.train_y).predict(task.test_X)
    seconds = time.process_time() - start
    if model is not None and hasattr(model, "members_"):
        from qsvr import energy_gap

        gap = float(np.mean([energy_gap(m.problem, m.samples) for m in model.members_]))
    pair = (predicted, task.test_y) if protocol == "published" else (task.test_y, predicted)
    return Outcome(
        float(r2_score(*pair)),
        float(spearmanr(task.test_y, predicted)[0]) if np.ptp(predicted) > 0 else 0.0,
        *_stopping(task.test_y, predicted),
        gap,
        seconds,
        task.test_y,
        predicted,
    )


def _stopping(
    truth: Float[np.ndarray, " test"], predicted: Float[np.ndarray, " test"]
) -> tuple[float, float]:
    """Recall of the best tenth, and the share of it in the half that is predicted worse."""
    best = np.argsort(truth, kind="stable")[: max(len(truth) // 10, 1)]
    order = np.argsort(predicted, kind="stable")
    recall = np.isin(best, order[: len(best)]).mean()
    return float(recall), float(np.isin(best, order[len(order) // 2 :]).mean())
