"""How long it takes to build a QUBO: ours, a Kronecker product, and PyQUBO's."""

import json
import subprocess
from pathlib import Path

import numpy as np

from benchmarks.machine import cpu_seconds
from qsvr import Encoding, Problem, build_qubo
from qsvr.kernels import rbf
from qsvr.samplers.ocean import model_of

PEER = Path(__file__).with_name("pyqubo_peer.py")


def build_times(pyqubo: str | None, quick: bool) -> list[dict]:
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
