"""Whether two sets of samples are the same, array by array."""

import numpy as np

from datasets import samples as stored
from datasets.events import Samples


def same(ours: Samples, theirs: Samples) -> None:
    for name in stored.ARRAYS:
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), err_msg=name)
    for name in stored.JETS:
        ours_, theirs_ = getattr(ours, name), getattr(theirs, name)
        np.testing.assert_array_equal(stored.table_rows(ours_), stored.table_rows(theirs_))
        np.testing.assert_array_equal(ours_.offsets, theirs_.offsets)
