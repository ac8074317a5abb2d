"""Several events in one row: which go together, and where each lies.

A row consists of bins. An event takes bins of its own from the left of the row; what does not fill
a bin shares one, at the right, with what is left of others. So every `bin_size` elements of an
event lie in one bin, as if it were alone, and hardly a place stays empty.

First fit decreasing, row by row: the largest event that still fits goes in next. How many rows
there are depends on the sizes of the events alone.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int


class Places(NamedTuple):
    """Where each of some events lies."""

    row: Int[np.ndarray, " events"]
    segment: Int[np.ndarray, " events"]  # 1, 2, ... in its row
    first: Int[np.ndarray, " events"]  # where the bins of its own begin
    rest: Int[np.ndarray, " events"]  # where the elements begin that do not fill a bin


def pack(counts: Int[np.ndarray, " events"], length: int, segments: int, bin_size: int) -> Places:
    """The places of events in rows of `length`, at most `segments` in each.

    Of equally large events the first come first. Events must fit (at most `length` elements).
    """
    sizes, kind = np.unique(counts, return_inverse=True)
    left = np.bincount(kind, minlength=len(sizes))
    row, parts = 0, []
    while left.any():
        filled = np.array(_fill(sizes, left, length // bin_size, segments, bin_size))
        used = np.bincount(filled[:, 0], minlength=len(sizes))
        repeats = (left[used > 0] // used[used > 0]).min()  # rows that are filled alike
        rows = np.repeat(np.arange(row, row + repeats), len(filled))
        parts.append(np.column_stack([rows, np.tile(filled, (repeats, 1))]))
        left -= repeats * used
        row += repeats
    rows, kinds, *place = (np.concatenate(parts) if parts else np.zeros((0, 5), int)).T
    places = np.stack([rows, *place])[:, np.argsort(kinds, kind="stable")]
    by_size = np.argsort(np.argsort(kind, kind="stable"), kind="stable")
    return Places(*places[:, by_size])


def _fill(sizes, left, bins: int, segments: int, bin_size: int) -> list[tuple[int, ...]]:
    """One row: (index of the size, segment, first, rest) of each event that goes in."""
    filled, own, shared = [], 0, []  # bins of one event; room left in each bin of several
    for kind in np.flatnonzero(left)[::-1]:
        whole, rest = divmod(int(sizes[kind]), bin_size)
        for _ in range(left[kind]):
            unused = bins - own - len(shared) - whole
            roomy = [i for i, room in enumerate(shared) if room >= rest]
            if len(filled) == segments or unused < 0 or (rest and not roomy and not unused):
                break
            if rest and not roomy:
                roomy = [len(shared)]
                shared.append(bin_size)
            place = 0
            if rest:
                tightest = min(roomy, key=lambda i: shared[i])
                place = (bins - tightest) * bin_size - shared[tightest]
                shared[tightest] -= rest
            filled.append((kind, len(filled) + 1, own * bin_size, place))
            own += whole
    return filled
