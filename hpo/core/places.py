"""Where a part of a study stands in it: an extension counts trials and epochs from 0."""

from collections.abc import Callable
from typing import NamedTuple


class Place(NamedTuple):
    """The study's number of each trial of a part, and how many epochs these have before it."""

    number_of: Callable[[int], int]
    epochs: int


WHOLE = Place(lambda trial: trial, 0)

BEYOND = "not begun: the study was limited to fewer trials"
"""The error of trials that a scheduler of brackets asked for beyond the study's limit."""
