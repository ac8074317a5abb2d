"""Q-SVR: build times, energy gaps at equal CPU time, the mock annealer, parity with scikit-learn.

python -m benchmarks.qsvr --curves=TABLE [--curves=TABLE ...] [--only=build,gap,mock,parity]
    [--pyqubo=INTERPRETER] [--json=figures.json] [--quick]

Tables are those of `hpo.read_table`. One core, CPU time. Problems are regressions of the last loss
on the first quarter of the curve (logarithms; epsilon 0.02, gamma "scale"); the splits begin at
number 0, tuning was done on numbers from 500.

The peer PyQUBO is a dependency of nothing here. To have its times beside ours, give the
interpreter of an environment that has it:

    python3 -m venv V && V/bin/pip install pyqubo        then --pyqubo=V/bin/python
"""

import os

# One core: set before numpy and XLA are imported.
os.environ.update(
    OMP_NUM_THREADS="1",
    OPENBLAS_NUM_THREADS="1",
    XLA_FLAGS="--xla_cpu_multi_thread_eigen=false",
)

import argparse
import json
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import hpo
from benchmarks.machine import cpu_seconds, machine
from qsvr import (
    QPU,
    Encoding,
    LevelGibbs,
    PathIntegral,
    Problem,
    ProblemTooLarge,
    SimulatedAnnealing,
    SteepestDescent,
    Tabu,
    Zoom,
    box_optimum,
    build_qubo,
    energy,
)
from qsvr.encoding import encode
from qsvr.kernels import rbf, scale_gamma
from qsvr.samplers.level_gibbs import quench
from qsvr.samplers.ocean import descend, model_of
from qsvr.samplers.sampleset import Sampler
from qsvr.scaling import scaling_of
from qsvr.study.curves import Curves, make_task, sound_curves
from qsvr.study.measures import measure

PEER = Path(__file__).with_name("pyqubo_peer.py")
PARTS = ("build", "gap", "mock", "parity")


def regression(
    curves: Curves, rows: int, box: float, bits: int, split: int, penalty: float = 0.05
) -> Problem:
    """The QUBO of one split, as `QSVR` with the study's settings makes it."""
    task = make_task(curves, 0.25, rows, split, "proper", True)
    X = scaling_of(task.train_X, "minmax")(task.train_X)
    y = scaling_of(task.train_y, "standard")(task.train_y)
    return Problem(rbf(X, X, scale_gamma(X)), y, Encoding.from_box(box, bits), 0.02, penalty)


def build_times(curves: list[Curves], pyqubo: str | None, quick: bool) -> list[dict]:
    """CPU milliseconds to build Q and to hand it to dimod; medians."""
    found, repeats = [], 3 if quick else 15
    for rows, bits in ((20, 3), (100, 6), (300, 4)):
        random = np.random.default_rng(rows)
        X, y = random.normal(size=(rows, 5)), random.normal(size=rows)
        problem = Problem(rbf(X, X, 0.1), y, Encoding.from_box(8.0, bits), 0.02, 0.05)

        def ours(problem=problem):
            return build_qubo(problem.kernel_matrix, problem.targets, problem.encoding, 0.02, 0.05)

        def kron(problem=problem):
            w = problem.encoding.weights
            square = np.kron(
                np.kron([[1, -1], [-1, 1]], problem.kernel_matrix / 2 + 0.05), np.outer(w, w)
            )
            tilts = np.concatenate([0.02 - problem.targets, 0.02 + problem.targets])
            square += np.diag(np.kron(tilts, w))
            return np.triu(square) + np.tril(square, -1).T

        np.testing.assert_allclose(ours(), kron(), atol=1e-9)
        figures = {
            "variables": problem.variables,
            "ours": 1e3 * cpu_seconds(ours, repeats),
            "numpy kron": 1e3 * cpu_seconds(kron, min(repeats, 5)),
            "dimod from dense": 1e3 * cpu_seconds(lambda p=problem: model_of(p), 3),
            "pyqubo": _peer(problem, pyqubo) if rows <= 20 or not quick else None,
        }
        found.append(figures)
        peer = figures["pyqubo"]
        print(
            f"{problem.variables:5} variables: build {figures['ours']:.2f} ms, numpy kron "
            f"{figures['numpy kron']:.2f}, dimod from dense {figures['dimod from dense']:.2f}, "
            f"PyQUBO {'not measured' if peer is None else f'{peer:.0f}'}",
            flush=True,
        )
    return found


def _peer(problem: Problem, interpreter: str | None, limit_s: float = 300) -> float | None:
    """Milliseconds of PyQUBO; None without it, or above the limit."""
    if interpreter is None or problem.rows > 100:
        return None
    asked = {
        "kernel": problem.kernel_matrix.tolist(),
        "targets": problem.targets.tolist(),
        "weights": problem.encoding.weights.tolist(),
        "epsilon": problem.epsilon,
        "penalty": problem.penalty,
    }
    try:
        done = subprocess.run(
            [interpreter, str(PEER)], input=json.dumps(asked), capture_output=True, text=True,
            timeout=limit_s, check=True,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        print(f"      PyQUBO took longer than {limit_s:.0f} s", flush=True)
        return None
    answer = json.loads(done.stdout)
    np.testing.assert_allclose(answer["all_ones"], problem.Q.sum(), rtol=1e-9, atol=1e-9)
    return 1e3 * answer["seconds"]


def gap_table(curves: list[Curves], pyqubo: str | None, quick: bool) -> list[dict]:
    """Energy gaps to the box optimum at equal CPU time; means and maxima over splits.

    Each solver has the number of bits that suits it; the optimum does not depend on bits.
    """
    found = []
    cases = [
        (20, 2.0, 4, 0.05, 0.1), (20, 8.0, 5, 0.05, 0.1), (20, 30.0, 6, 0.05, 0.1),
        (20, 8.0, 5, 5.0, 0.1), (20, 30.0, 6, 0.05, 1.0),
        (200, 8.0, 5, 0.05, 3.0),
    ]  # fmt: skip
    for table in curves:
        for rows, box, bits, penalty, seconds in cases[:2] if quick else cases:
            splits = range(1 if quick else 10 if seconds < 1 else 3)
            for name, make in SOLVERS.items():
                own = bits if name in WHOLE else min(bits, 4)
                problems = [regression(table, rows, box, own, split, penalty) for split in splits]
                lowest = [box_optimum(problem).energy for problem in problems]
                sampler = _calibrated(make, problems[0], seconds)
                samples = [sampler(p, seed) for seed, p in enumerate(problems)]
                gaps = [1 - s.energies[0] / e for s, e in zip(samples, lowest, strict=True)]
                figures = {
                    "table": table.name, "rows": rows, "box": box, "bits": own,
                    "penalty": penalty, "budget_s": seconds, "solver": name,
                    "gap_mean": statistics.mean(gaps), "gap_max": max(gaps),
                    "cpu_seconds": statistics.mean(s.cpu_seconds for s in samples),
                    "sampler": repr(sampler),
                }  # fmt: skip
                found.append(figures)
                print(
                    f"{table.name[:34]:34} N={rows:3} C'={box:4.0f} K={own} xi={penalty:4.2f} "
                    f"{name:20} gap "
                    f"{figures['gap_mean']:8.3%} (max {figures['gap_max']:8.3%}) in "
                    f"{figures['cpu_seconds']:.3f} s  {sampler!r}",
                    flush=True,
                )
    return found


SOLVERS: dict[str, Callable[[float], Sampler]] = {
    "level_gibbs": lambda effort: LevelGibbs(64, max(int(200 * effort), 20)),
    "zoom": lambda effort: Zoom(LevelGibbs(32, max(int(100 * effort), 20)), 8),
    "simulated_annealing": lambda effort: SimulatedAnnealing(20, max(int(1000 * effort), 1)),
    "path_integral": lambda effort: PathIntegral(5, max(int(100 * effort), 1)),
    "tabu": lambda effort: Tabu(20, max(int(2000 * effort), 1)),
    "steepest_descent": lambda effort: SteepestDescent(max(int(2000 * effort), 1)),
}
"""By effort: CPU time grows about in proportion to it."""
WHOLE = (
    "level_gibbs",
    "zoom",
)  # finer levels cost these little; bit flips get four bits, their best


def _calibrated(make: Callable[[float], Sampler], problem: Problem, seconds: float) -> Sampler:
    """The sampler that takes about `seconds` of CPU: the effort is corrected twice."""
    effort = 0.2
    for _ in range(2):
        sampler = make(effort)
        sampler(problem, 99)  # compiles
        effort *= seconds / max(sampler(problem, 99).cpu_seconds, 1e-4)
    sampler = make(effort)
    sampler(problem, 99)
    return sampler


def mock_table(curves: list[Curves], pyqubo: str | None, quick: bool) -> list[dict]:
    """The mock annealer with 1,000 reads: which share of the best known energy it reaches.

    The control has random bits where the annealer's would be, and the same polishing.
    """
    found, reads = [], 100 if quick else 1000
    for device in ("pegasus16",) if quick else ("pegasus16", "zephyr15"):
        for box in (Encoding(0.5, 3, 0.005).box, 8.0):
            problems = [regression(curves[0], 20, box, 3, s) for s in range(2 if quick else 6)]
            best = [_best_known(problem) for problem in problems]
            for polish in ("none", "bits", "levels"):
                samples = [QPU(device, reads, polish=polish)(p, 0) for p in problems]
                shares = [s.energies[0] / e for s, e in zip(samples, best, strict=True)]
                control = [
                    _polished_noise(p, reads, polish) / e
                    for p, e in zip(problems, best, strict=True)
                ]
                figures = {
                    "device": device, "box": box, "polishing": polish, "reads": reads,
                    "share_mean": statistics.mean(shares), "share_min": min(shares),
                    "control_mean": statistics.mean(control), "control_min": min(control),
                    "chain_breaks": statistics.mean(s.details["chain_breaks"] for s in samples),
                    "qubits": samples[0].details["qubits"],
                    "cpu_seconds": statistics.mean(s.cpu_seconds for s in samples),
                }  # fmt: skip
                found.append(figures)
                print(
                    f"{device} C'={box:.2f} polishing {polish:6}: {figures['share_mean']:8.2%} of "
                    f"the best known energy (worst {figures['share_min']:.2%}), random bits so "
                    f"polished {figures['control_mean']:.2%} (worst {figures['control_min']:.2%}); "
                    f"chain breaks {figures['chain_breaks']:.1%}, {figures['cpu_seconds']:.2f} s",
                    flush=True,
                )
        try:
            QPU(device)(regression(curves[0], 40, 8.0, 3, 0), 0)
        except ProblemTooLarge as error:
            print(f"refused: {error}")
    return found


def _best_known(problem: Problem) -> float:
    return LevelGibbs(256, 1000)(problem, 1).energies[0]


def _polished_noise(problem: Problem, reads: int, polish: str) -> float:
    bits = np.random.default_rng(0).integers(0, 2, (reads, problem.variables), np.int8)
    if polish == "bits":
        bits = descend(problem, bits)
    if polish == "levels":
        bits = encode(quench(problem, problem.decode(bits)), problem.encoding)
    return energy(problem.Q, bits).min()


def parity(curves: list[Curves], pyqubo: str | None, quick: bool) -> list[dict]:
    """R2 of Q-SVR by level-Gibbs beside scikit-learn's SVR at equal C, epsilon and kernel."""
    found = []
    for table in curves:
        for rows in (20,) if quick else (20, 50, 100, 200):
            splits = range(2 if quick else 30)
            solvers = ("level_gibbs", "classical", "persistence")
            cells = measure(
                table, solvers, (0.25,), (rows,), splits, "ours", "proper", lambda *_: None
            )
            r2 = {cell.solver: cell.mean("r2") for cell in cells}
            figures = {"table": table.name, "rows": rows, **r2}
            figures["difference"] = r2["level_gibbs"] - r2["classical"]
            figures["spearman"] = {cell.solver: cell.mean("spearman") for cell in cells}
            figures["gap"] = cells[0].mean("energy_gap")
            figures["cpu_seconds"] = {cell.solver: cell.mean("cpu_seconds") for cell in cells}
            found.append(figures)
            print(
                f"{table.name[:50]:50} N={rows:3} R2 {r2['level_gibbs']:.4f}, SVR "
                f"{r2['classical']:.4f}, difference {figures['difference']:+.4f}, persistence "
                f"{r2['persistence']:.4f}; gap {figures['gap']:.2%}, "
                f"{figures['cpu_seconds']['level_gibbs']:.3f} s, SVR "
                f"{figures['cpu_seconds']['classical']:.3f} s",
                flush=True,
            )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--curves", action="append", required=True, help="a table; repeatable")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, with commas between")
    parser.add_argument("--pyqubo", help="an interpreter that has PyQUBO")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--quick", action="store_true", help="a check, no figures")
    options = parser.parse_args()
    chosen = options.only.split(",")
    if unknown := set(chosen) - set(PARTS):
        parser.error(f"--only knows {', '.join(PARTS)}, not {', '.join(sorted(unknown))}")
    figures = {"machine": machine(), "date": time.strftime("%Y-%m-%d")}
    print(f"{figures['machine']}, {figures['date']}")
    if options.pyqubo is None and "build" in chosen:
        print(
            "PyQUBO is not measured: no --pyqubo. To have it: python3 -m venv V && "
            "V/bin/pip install pyqubo, then --pyqubo=V/bin/python"
        )
    tables = [hpo.read_table(path) for path in options.curves]
    curves = [sound_curves(t.name, t.curves, t.configurations) for t in tables]
    works = {"build": build_times, "gap": gap_table, "mock": mock_table, "parity": parity}
    for part in chosen:
        print(f"-- {part}")
        figures[part] = works[part](curves, options.pyqubo, options.quick)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
