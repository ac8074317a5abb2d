"""Some consecutive events as the columns of a file: what is read, and what is written."""

from collections.abc import Mapping
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
