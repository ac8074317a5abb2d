"""What is wrong with a file, or with some of its events."""

from collections.abc import Callable, Mapping

import numpy as np


class EDM4HEPError(ValueError):
    """A file cannot be read as EDM4HEP; the message says in one line what and what to do."""


class EventFault(EDM4HEPError):
    """Some events contradict themselves: what is wrong, by their numbers in the file. Others of the
    file may be as they should."""

    def __init__(self, faults: Mapping[int, str]):
        event = min(faults)
        super().__init__(f"{faults[event]}, in event {event}")
        self.faults = dict(faults)
        self.part = ""  # of the events; "": they cannot be read at all


def refuse(
    first_event: int, event: np.ndarray, wrong: np.ndarray, say: Callable[[int], str]
) -> None:
    """Raises EventFault where rows are wrong. `event` is of every row, counted from `first_event`;
    `say` tells what is wrong with a row, the first of each event."""
    rows = np.flatnonzero(wrong)
    if len(rows):
        events, first = np.unique(event[rows], return_index=True)
        places = zip(events, rows[first], strict=True)
        raise EventFault({first_event + int(e): say(int(row)) for e, row in places})
