"""Tabulated learning curves: whole studies in milliseconds, on trainings that really happened.

A table is a CSV file (hyperparameters, then `loss_0` .. `loss_{E-1}`, one training a row) or a
JSON file of the TaskSet collection, a list of `{"hp": {...}, "valid": {"loss": [...]}}`.
"""

import csv
import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from hpo.searchers import Searcher
from hpo.types import Configuration, Trial, Value

ROW = "row"  # configurations drawn from a table name their row, for some occur twice
LOST = 1e6  # a loss beyond it, of either sign, is one of a training that diverged


@dataclass(frozen=True)
class Table:
    """`curves[i]` was measured with `configurations[i]`."""

    name: str
    configurations: tuple[Configuration, ...]
    curves: Float[np.ndarray, "rows epochs"]

    def searcher(self) -> Searcher:
        """Rows in random order, without repetition until the table is used up."""

        @functools.lru_cache(maxsize=4)
        def order(seed: int) -> list[int]:
            return np.random.default_rng(seed).permutation(len(self.curves)).tolist()

        def propose(seed: int, number: int) -> Configuration:
            row = order(seed)[number % len(self.curves)]
            return {ROW: row, **self.configurations[row]}

        return Searcher(propose, {"searcher": "table", "table": self.name})

    @property
    def diverged(self) -> int:
        """Rows with an epoch that is not finite: a trial that comes to it fails there."""
        return int((~np.isfinite(self.curves).all(1)).sum())

    def objective(self, trial: Trial) -> Iterator[Mapping[str, float]]:
        """The tabulated losses, epoch by epoch, as `loss`."""
        curve = self.curves[trial.configuration[ROW]]
        return ({"loss": float(v)} for v in curve[trial.first_epoch : trial.last_epoch])


def read_table(path: str | Path, curve: str = "loss_") -> Table:
    """Load a table; columns of a CSV file that begin with `curve` and a number are its epochs.

    Of a TaskSet file the validation loss is read, beyond `LOST` as not finite. Raises ValueError
    where columns or rows are missing, ragged or not numbers. NaN is allowed: it diverged.
    """
    path = Path(path)
    return _read_taskset(path) if path.suffix == ".json" else _read_csv(path, curve)


def _read_csv(path: Path, curve: str) -> Table:
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


def _read_taskset(path: Path) -> Table:
    try:
        runs = json.loads(path.read_text())
        configurations = tuple(dict(run["hp"]) for run in runs)
        curves = [[float(value) for value in run["valid"]["loss"]] for run in runs]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f'{path} is no list of {{"hp": {{...}}, "valid": {{"loss": [...]}}}}: {error!r}'
        ) from error
    lengths = {len(curve) for curve in curves}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(f"{path}: curves of {sorted(lengths)} epochs; one length is needed")
    values = np.array(curves)
    return Table(path.stem, configurations, np.where(np.abs(values) <= LOST, values, np.nan))


def _value(text: str) -> Value:
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() and "e" not in text.lower() else number
