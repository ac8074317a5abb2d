"""Tabulated learning curves: whole studies in milliseconds, on trainings that really happened.

A table is a CSV file: hyperparameters, then `loss_0` .. `loss_{E-1}`, one training a row.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from hpo.searchers import Searcher
from hpo.types import Configuration, Trial, Value

ROW = "row"  # configurations drawn from a table name their row, for some occur twice


@dataclass(frozen=True)
class Table:
    """`curves[i]` was measured with `configurations[i]`."""

    name: str
    configurations: tuple[Configuration, ...]
    curves: Float[np.ndarray, "rows epochs"]

    def searcher(self) -> Searcher:
        """Rows in random order, without repetition until the table is used up."""

        def propose(seed: int, number: int) -> Configuration:
            generator = np.random.default_rng(seed)
            row = int(generator.permutation(len(self.curves))[number % len(self.curves)])
            return {ROW: row, **self.configurations[row]}

        return Searcher(propose, {"searcher": "table", "table": self.name})

    def objective(self, trial: Trial) -> Iterator[Mapping[str, float]]:
        """The tabulated losses, epoch by epoch, as `loss`."""
        curve = self.curves[trial.configuration[ROW]]
        return ({"loss": float(v)} for v in curve[trial.first_epoch : trial.last_epoch])


def read_table(path: str | Path, curve: str = "loss_") -> Table:
    """Load a table; columns that begin with `curve` and a number are its epochs.

    Raises ValueError where columns or rows are missing, ragged or not numbers. NaN is allowed: a
    training that diverged.
    """
    path = Path(path)
    with path.open(newline="") as file:
        names, *rows = [*csv.reader(file)] or [[]]
    epochs = [i for i, n in enumerate(names) if n.startswith(curve) and n[len(curve) :].isdigit()]
    expected = [f"{curve}{i}" for i in range(len(epochs))]
    if not rows or not epochs or [names[i] for i in epochs] != expected:
        raise ValueError(f"{path}: no rows, or no columns {curve}0, {curve}1, ... in order")
    others = [i for i in range(len(names)) if i not in set(epochs)]
    configurations, curves = [], []
    for number, row in enumerate(rows, 2):
        try:
            curves.append([float(row[i]) for i in epochs])
            configurations.append({names[i]: _value(row[i]) for i in others})
        except (ValueError, IndexError) as error:
            raise ValueError(f"{path}, line {number}: {error}") from error
    return Table(path.stem, tuple(configurations), np.array(curves))


def _value(text: str) -> Value:
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() and "e" not in text.lower() else number
