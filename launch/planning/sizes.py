"""Round figures of simulated events, by the form of their elements; two cores, 2026-11-29."""

from typing import NamedTuple


class Sizes(NamedTuple):
    """Of an event of ttbar, the largest of the processes without overlaid collisions."""

    elements: int  # on average
    bytes: int  # in a dataset, and in the arrays that are read of it
    seconds: float  # of one core, to simulate


SIZES = {
    "clusters": Sizes(160, 31_000, 0.025),
    "tracks_hits": Sizes(9_000, 1_900_000, 0.06),
    "hits": Sizes(9_000, 1_900_000, 0.06),
}
EFFICIENCY = 0.35  # of a matrix product's FLOP/s that trainings reach, at widths of 64 and more
