"""Where a part of a study stands in it: an extension counts trials and epochs from 0."""

from collections.abc import Callable
from typing import NamedTuple


class Place(NamedTuple):
    """The study's number of each trial of a part, and how many epochs these have before it."""

    number_of: Callable[[int], int]
    epochs: int


WHOLE = Place(lambda trial: trial, 0)
