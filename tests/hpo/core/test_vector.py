"""The persistent sequence and the ordered results, against list and sorted."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.core.ordered import Ordered, Result
from hpo.core.types import from_json, to_json
from hpo.core.vector import Vector


@settings(max_examples=60, deadline=None)
@given(
    start=st.integers(0, 1100),
    changes=st.lists(st.tuples(st.integers(0, 2000), st.integers()), max_size=40),
)
def test_a_vector_is_a_list_that_stays(start, changes):
    expected, vector, before = list(range(start)), Vector(range(start)), []
    for place, item in changes:
        before.append((vector, [*expected]))
        place %= len(expected) + 1
        vector = vector.put(place, item)
        expected[place : place + 1] = [item]
    for old, values in [*before, (vector, expected)]:
        assert list(old) == values
        assert len(old) == len(values)
        assert [old[i] for i in range(0, len(values), 7)] == values[::7]
        assert old == Vector(values)


@settings(max_examples=100, deadline=None)
@given(items=st.lists(st.integers(0, 3), max_size=70), other=st.lists(st.integers(0, 3)))
def test_a_vector_is_equal_to_a_tuple_as_a_tuple_is(items, other):
    vector = Vector(items)
    assert vector == tuple(items)
    assert tuple(items) == vector
    assert hash(vector) == hash(tuple(items))
    for another in (tuple(other), (*items, 0), tuple(items[1:])):
        same = tuple(items) == another
        assert (vector == another) == (another == vector) == (vector == Vector(another)) == same
    assert vector != items
    assert vector != "text"


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 1023, 1024, 1025, 32_769])
def test_a_vector_grows_by_appending(size):
    grown = Vector([0]).extend(range(1, size)) if size else Vector()
    assert grown == Vector(range(size))
    assert grown.extend([-1])[-1] == -1
    assert grown != Vector(range(size + 1))


@settings(max_examples=100, deadline=None)
@given(
    size=st.integers(0, 1100),
    pieces=st.lists(st.integers(0, 100), max_size=5),
    cut=st.slices(1300),
)
def test_a_vector_grows_by_pieces_and_is_cut_as_a_tuple_is(size, pieces, cut):
    expected, vector = tuple(range(size)), Vector(range(size))
    for piece in pieces:
        more = range(len(expected), len(expected) + piece)
        expected, vector = (*expected, *more), vector.extend(more)
        assert vector == Vector(expected)
    assert vector[cut] == expected[cut]


def test_places_beyond_the_end_are_refused():
    vector = Vector("abc")
    assert vector[-1] == "c"
    assert vector[1:] == ("b", "c")
    for outside in (3, -4):
        with pytest.raises(IndexError, match="no item"):
            vector[outside]
    with pytest.raises(IndexError, match="no place"):
        vector.put(4, "e")


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), size=st.integers(0, 1500))
def test_results_are_kept_in_order(seed, size):
    chance = random.Random(seed)
    ordered, expected = Ordered(), []
    for trial in range(size):
        result = Result(chance.choice([0.1, 0.5, chance.random()]), trial)
        ordered = ordered.insert(result)
        expected.append(result)
        if expected and chance.random() < 0.3:
            gone = chance.choice(expected)
            expected.remove(gone)
            ordered = ordered.remove(gone)
    expected.sort()
    assert ordered.all() == expected
    assert all(ordered.chunks)
    assert ordered.size == len(expected)
    assert ordered.first() == (expected[0] if expected else None)
    probe = Result(0.5, size // 2)
    assert ordered.rank(probe) == sum(result < probe for result in expected)
    assert from_json(Ordered, json.loads(json.dumps(to_json(ordered)))) == ordered
    with pytest.raises(ValueError, match="not among"):
        ordered.remove(Result(2.0, 0))
