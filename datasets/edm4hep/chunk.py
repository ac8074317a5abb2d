"""Some consecutive events as the columns of a file: what is read, and what is written."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Int


class Jagged(NamedTuple):
    """One leaf: the values of all events behind each other, and how many each event has."""

    counts: Int[np.ndarray, " events"]
    values: np.ndarray


class Chunk(NamedTuple):
    """The columns of some consecutive events."""

    columns: Mapping[str, Jagged]  # by leaf name
    collections: Mapping[int, str]  # podio's numbers and their collections
    first_event: int  # number in the file, for messages

    @property
    def events(self) -> int:
        return len(next(iter(self.columns.values())).counts)

    def without(self, events: Collection[int], leaves: Collection[str]) -> "Chunk":
        """These leaves emptied in these events, which keep their places."""
        emptied = np.isin(np.arange(self.events), [n - self.first_event for n in events])

        def rest(column: Jagged) -> Jagged:
            kept = np.repeat(~emptied, column.counts)
            return Jagged(np.where(emptied, 0, column.counts), column.values[kept])

        return self._replace(
            columns={k: rest(v) if k in leaves else v for k, v in self.columns.items()}
        )
