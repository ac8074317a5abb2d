"""The trainings of one study: rows of a table of curves, an epoch at a time, for so many epochs."""

import re
from collections.abc import Iterator

import numpy as np

from hpo.core.types import Configuration
from hpo.simulation.tables import ROW, Table
from hpo.space import Space, space_around


class Spent(Exception):
    """The study has had all of its epochs."""


class Training:
    """What a method is given: it names a row, or a configuration, and trains it epoch by epoch.

    `lowest[i]` is the lowest loss of any training after i + 1 epochs of the study, and `ended[i]`
    the lowest last loss of those that came to the end of their curves; inf while there is none.
    Rows are trained once, until every row was; a `Training` changes as it is used.
    """

    def __init__(self, table: Table, seed: int, epochs: int):
        self.table, self.seed, self.epochs = table, seed, epochs
        self.max_epochs = table.curves.shape[1]
        self.space = space_of(table)
        self.lowest: list[float] = []
        self.ended: list[float] = []
        self._places = _places(table, self.space)
        self._used = np.zeros(len(table.curves), bool)
        self._order = self._rows_in_order()

    def next_row(self) -> int:
        """The next row in the seed's order: the same for every method that draws at random."""
        return self._take(next(self._order))

    def row_near(self, configuration: Configuration) -> int:
        """The row not trained yet that is nearest in the unit cube of the space."""
        named = {name: configuration[name] for name in self.space.names}
        distances = ((self._places - self.space.encode(named)) ** 2).sum(1)
        return self._take(int(np.argmin(np.where(self._used, np.inf, distances))))

    def epoch(self, row: int, epoch: int) -> float:
        """The loss of a row after `epoch` epochs, not finite where it diverged. Raises Spent."""
        if len(self.lowest) >= self.epochs:
            raise Spent
        loss = float(self.table.curves[row, epoch - 1])
        known = loss if np.isfinite(loss) else np.inf
        last = known if epoch == self.max_epochs else np.inf
        self.lowest.append(min([known, *self.lowest[-1:]]))
        self.ended.append(min([last, *self.ended[-1:]]))
        return loss

    def _rows_in_order(self) -> Iterator[int]:
        searcher, number = self.table.searcher(), 0
        while True:
            yield searcher.propose(self.seed, number)[ROW]
            number += 1

    def _take(self, row: int) -> int:
        self._used[row] = True
        if self._used.all():
            self._used[:] = False
        return row


def space_of(table: Table) -> Space:
    """The space around the hyperparameters of a table, without columns that are a curve too."""
    names = [*table.configurations[0]]
    families: dict[str, set[int]] = {}
    for name in names:
        if found := re.fullmatch(r"(.+_)(\d+)", name):
            families.setdefault(found[1], set()).add(int(found[2]))
    curves = {prefix for prefix, numbers in families.items() if _counts_all(numbers, table)}
    kept = [n for n in names if re.sub(r"\d+$", "", n) not in curves]
    return space_around([{n: c[n] for n in kept} for c in table.configurations])


def _counts_all(numbers: set[int], table: Table) -> bool:
    return numbers == set(range(table.curves.shape[1]))


def _places(table: Table, space: Space) -> np.ndarray:
    return np.array([space.encode({n: c[n] for n in space.names}) for c in table.configurations])
