"""Synthetic tables of learning curves, for what real ones have too little of: ranks that mislead.

python -m benchmarks.crossing --folder=runs/crossing

writes kinds of 320 curves of 81 epochs, two tables of each, for `launch.compare_hpo --curves`.
Lower is better. Early ranks tell little of the end, but in `easy` they do.
"""

import argparse
from pathlib import Path

import numpy as np
from jaxtyping import Float

from hpo.simulation.tables import Table, write_table

KINDS = ("easy", "overfit", "slow", "plateau", "decay")


def table(kind: str, seed: int, rows: int = 320, epochs: int = 81) -> Table:
    """A table of one kind. Raises KeyError for an unknown one."""
    generator = np.random.default_rng(seed)
    curves = _MAKERS[kind](generator, rows, np.arange(1, epochs + 1)[None])
    return Table(f"{kind}{seed}", tuple({"n": n} for n in range(rows)), curves)


def _easy(
    generator: np.random.Generator, rows: int, t: np.ndarray
) -> Float[np.ndarray, "rows epochs"]:
    """Power laws: who learns fast is soon ahead and stays so."""
    end, rate = generator.uniform(0.1, 0.6, (rows, 1)), generator.uniform(0.2, 1.2, (rows, 1))
    return end + (1 - end) * t**-rate + generator.normal(0, 0.005, (rows, t.size))


def _overfit(
    generator: np.random.Generator, rows: int, t: np.ndarray
) -> Float[np.ndarray, "rows epochs"]:
    """The fast are ahead until they overfit; the slow ones cross them late."""
    slow, other = generator.uniform(0, 1, (2, rows, 1))
    end = 0.35 + 0.25 * other + 0.3 * np.abs(generator.normal(0, 0.25, (rows, 1)))
    fall = (1 - end) * np.exp(-np.exp(-1 - 3 * slow) * t)
    rise = 0.004 * np.exp(-3 * slow) * (0.3 + other) * np.maximum(t - 6 * np.exp(2 * slow), 0)
    return end + fall + rise + generator.normal(0, 0.006, (rows, t.size))


def _slow(
    generator: np.random.Generator, rows: int, t: np.ndarray
) -> Float[np.ndarray, "rows epochs"]:
    """As with learning rates: the smaller, the slower and the lower in the end."""
    slow = generator.uniform(0, 1, (rows, 1))
    time = np.exp(0.7 + 3.2 * slow + generator.normal(0, 0.3, (rows, 1)))
    end = 0.55 - 0.4 * slow + 0.12 * np.abs(generator.normal(0, 0.25, (rows, 1)))
    return (
        end + (1 - end) * np.exp(-((t / time) ** 0.8)) + generator.normal(0, 0.005, (rows, t.size))
    )


def _plateau(
    generator: np.random.Generator, rows: int, t: np.ndarray
) -> Float[np.ndarray, "rows epochs"]:
    """Everybody stays near chance, then falls; the later, the lower."""
    late, other = generator.uniform(0, 1, (2, rows, 1))
    start = 2 * 20 ** np.clip(0.6 * late + 0.4 * other, 0, 1)
    end = 0.15 + 0.5 * (1 - late) ** 1.5 + 0.3 * np.abs(generator.normal(0, 0.25, (rows, 1)))
    chance = 0.9 + generator.normal(0, 0.06, (rows, 1))
    return (
        end + (chance - end) / (1 + (t / start) ** 3) + generator.normal(0, 0.008, (rows, t.size))
    )


def _decay(
    generator: np.random.Generator, rows: int, t: np.ndarray
) -> Float[np.ndarray, "rows epochs"]:
    """The learning rate falls after the middle, and brings some far more than others."""
    slow, gain = generator.uniform(0, 1, (2, rows, 1))
    end = 0.5 - 0.3 * slow + 0.3 * np.abs(generator.normal(0, 0.25, (rows, 1)))
    fall = 0.5 * np.exp(-t / np.exp(0.5 + 2.5 * slow))
    late = 0.12 * gain / (1 + np.exp((t - 0.55 * t.size) / 4))
    return end + fall + late + generator.normal(0, 0.01, (rows, t.size))


_MAKERS = {
    "easy": _easy,
    "overfit": _overfit,
    "slow": _slow,
    "plateau": _plateau,
    "decay": _decay,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--folder", type=Path, required=True, help="Where the tables go.")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        for seed in (0, 1):
            made = table(kind, seed)
            write_table(made, folder / f"{made.name}.csv")


if __name__ == "__main__":
    main()
