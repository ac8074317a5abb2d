"""Tables of learning curves as regression tasks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsvr.study.curves import make_task, sound_curves

LOSSES = st.sampled_from([1.0, 0.5, 1e-300, 0.0, -1.0, float("nan"), float("inf")])


@given(
    st.lists(
        st.tuples(st.lists(LOSSES, min_size=3, max_size=3), st.integers(0, 2)),
        min_size=1, max_size=8,
    )
)  # fmt: skip
def test_rows_are_finite_and_positive_and_grouped_by_configuration(rows):
    losses, numbers = np.array([r[0] for r in rows]), [r[1] for r in rows]
    kept = [i for i, (row, _) in enumerate(rows) if all(0 < v < float("inf") for v in row)]
    configurations = [{"x": n, "y": -n} if n else {"x": n} for n in numbers]
    if not kept:
        with pytest.raises(ValueError, match=r"^no curve is finite and positive throughout$"):
            sound_curves("made", losses, configurations)
        return
    found = sound_curves("made", losses, configurations)
    assert (found.name, found.dropped) == ("made", len(rows) - len(kept))
    np.testing.assert_array_equal(found.losses, losses[kept])
    same = found.groups[:, None] == found.groups
    expected = [[numbers[a] == numbers[b] for b in kept] for a in kept]
    np.testing.assert_array_equal(same, expected)


def test_the_proper_protocol_shares_no_configuration(curves):
    for split in range(5):
        task = make_task(curves, 0.25, 11, split, "proper", True)
        finals = np.log(curves.losses[:, -1])
        group = dict(zip(finals, curves.groups, strict=True))
        trained, tested = ({group[v] for v in y} for y in (task.train_y, task.test_y))
        assert not trained & tested
        assert (len(task.train_y), task.train_X.shape[1]) == (11, 5)
        assert len(task.test_y) == 60 - 12
        np.testing.assert_array_equal(task.test_seen, task.test_X[:, -1])


def test_the_published_protocol_tests_half_of_all_but_the_worst(curves):
    task = make_task(curves, 0.25, 10, 0, "published", True)
    assert len(task.test_y) == 29
    assert task.test_y.min() >= 0
    assert task.test_y.max() <= 1
    worst = curves.losses[:, -1].argmax()
    others = np.arange(60) != worst
    for wrong in (1e9, curves.losses[others, -1].max() + 1):  # how bad the worst is plays no part
        losses = curves.losses.copy()
        losses[worst] = wrong
        again = make_task(curves._replace(losses=losses), 0.25, 10, 0, "published", True)
        for a, b in zip(task, again, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("known", "size", "message"),
    [(0.01, 10, "at least one epoch"), (0.99, 10, "at least one epoch"), (0.25, 55, "train_size")],
)
def test_a_task_without_rows_or_epochs_is_refused(curves, known, size, message):
    with pytest.raises(ValueError, match=message):
        make_task(curves, known, size, 0, "proper", True)
