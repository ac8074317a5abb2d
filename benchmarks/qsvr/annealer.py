"""The mock annealer beside the best known energies, and beside bits by chance."""

import statistics

import numpy as np

from benchmarks.qsvr.problems import regression
from qsvr import QPU, Encoding, LevelGibbs, Problem, ProblemTooLarge, energy
from qsvr.encoding import encode
from qsvr.samplers.level_gibbs import quench
from qsvr.samplers.ocean import descend
from qsvr.study.curves import Curves


def mock_table(curves: list[Curves], quick: bool) -> list[dict]:
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
