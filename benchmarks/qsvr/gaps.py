"""Energy gaps of samplers to the box optimum, at equal CPU time."""

import statistics
from collections.abc import Callable

from benchmarks.qsvr.problems import regression
from qsvr import (
    LevelGibbs,
    PathIntegral,
    Problem,
    SimulatedAnnealing,
    SteepestDescent,
    Tabu,
    Zoom,
    box_optimum,
)
from qsvr.samplers.sampleset import Sampler
from qsvr.study.curves import Curves

SOLVERS: dict[str, Callable[[float], Sampler]] = {
    "level_gibbs": lambda effort: LevelGibbs(64, max(int(200 * effort), 20)),
    "zoom": lambda effort: Zoom(LevelGibbs(32, max(int(100 * effort), 20)), 8),
    "simulated_annealing": lambda effort: SimulatedAnnealing(20, max(int(1000 * effort), 1)),
    "path_integral": lambda effort: PathIntegral(5, max(int(100 * effort), 1)),
    "tabu": lambda effort: Tabu(20, max(int(2000 * effort), 1)),
    "steepest_descent": lambda effort: SteepestDescent(max(int(2000 * effort), 1)),
}
"""By effort: CPU time grows about in proportion to it."""
# Finer levels cost these little; those that flip bits get four bits, their best.
WHOLE = ("level_gibbs", "zoom")


def gap_table(curves: list[Curves], quick: bool) -> list[dict]:
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
