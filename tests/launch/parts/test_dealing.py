"""What a group makes of items is what one process makes, in order, each of them once."""

import numpy as np
import pyarrow
import pytest

from launch.files.prediction import PART, Part, Sums
from launch.parts.dealing import ARRAY, GROUPS, dealt, own
from launch.parts.meeting import ALONE
from tests.launch.parts.together import together


def squares(numbers, seen, group):
    def make(item):
        seen.append((group.number, item))
        return np.array([item**2, np.nan])

    return [*dealt(group, "squares", iter(numbers), make, ARRAY)]


@pytest.mark.parametrize(("size", "items"), [(2, 5), (3, 3), (4, 2), (2, 0), (3, 1)])
def test_a_group_makes_what_one_makes(quick, tmp_path, size, items):
    """More processes than items too, and none."""
    seen, output = [], tmp_path / "out"
    first, *others = together(output, size, lambda group: squares(range(items), seen, group))
    alone = squares(range(items), [], ALONE)
    assert [each.tobytes() for each in first.result()] == [each.tobytes() for each in alone]
    assert all(other.result() == [] for other in others)
    assert sorted(seen) == sorted((item % size, item) for item in range(items))
    assert not list(tmp_path.iterdir())  # they leave nothing behind


def test_several_things_are_dealt_one_after_the_other(quick, tmp_path):
    def work(group):
        things = {"a": range(3), "b": range(10, 13)}
        return [[*dealt(group, name, things[name], np.array, ARRAY)] for name in things]

    first, _ = together(tmp_path / "out", 2, work)
    assert first.result() == [[0, 1, 2], [10, 11, 12]]


def test_own_items_are_those_that_are_dealt_to_a_process(quick, tmp_path):
    seen, items = [], [*range(7)]
    chosen = together(tmp_path / "out", 3, lambda g: (squares(items, seen, g), own(g, items))[1])
    for number, of_it in enumerate(chosen):
        assert of_it.result() == sorted(item for n, item in seen if n == number)
    assert own(ALONE, items) == items


def test_columns_and_parts_come_back_as_they_were(tmp_path):
    groups = {
        "jets": {"event": np.arange(3), "mlpf": np.array([np.nan, -0.0, 1e-40], "f4")},
        "no jets": {"event": np.zeros(0, int), "a/b": np.array(["x", "längst"])},
    }
    GROUPS.write(tmp_path / "groups", groups)
    found = GROUPS.read(tmp_path / "groups")
    assert [[*columns] for columns in found.values()] == [[*c] for c in groups.values()]
    for name, columns in groups.items():
        for column, values in columns.items():
            assert found[name][column].dtype == values.dtype
            assert found[name][column].tobytes() == values.tobytes()
    table = pyarrow.table({"event": [4, 4], "class": ["none", "photon"]})
    sums = Sums(2, 2, 1, 1, 1 / 3, 0.1 + 0.2, 1e300)
    for part in (
        Part(np.array([3, 4]), table, sums, ("event 3: omega of tracks is nan",)),
        Part(np.array([5]), None, Sums(), ("event 5: lost",)),
    ):
        PART.write(tmp_path / "part", part)
        again = PART.read(tmp_path / "part")
        assert again.numbers.tolist() == part.numbers.tolist()
        assert again[1:] == part[1:]
        assert again.table is None or again.table.schema.equals(table.schema, check_metadata=True)
