"""Columns to events and back, in both layouts."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.detectors import CLD, DETECTORS
from datasets.edm4hep.chunk import Jagged
from datasets.edm4hep.podio import LAYOUTS
from datasets.edm4hep.reading.tables import to_events
from datasets.edm4hep.writing.columns import to_columns
from datasets.events import EventData, Table, join_events, take_events
from tests.datasets.edm4hep.edm4hep_columns import assert_same, held, random_chunk
from tests.datasets.random_events import random_events

layouts = st.sampled_from(sorted(LAYOUTS))
known = st.sampled_from(sorted(DETECTORS))
seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=40, deadline=None)
@given(seeds, layouts, known)
def test_what_was_written_is_read(seed, layout, name):
    layout, detector = LAYOUTS[layout], DETECTORS[name]
    made, chunk = random_chunk(seed, layout, detector)
    assert_same(to_events(chunk, layout, detector), made)


@settings(max_examples=20, deadline=None)
@given(seeds, layouts)
def test_events_are_read_alone_as_together(seed, layout):
    layout = LAYOUTS[layout]
    made, chunk = random_chunk(seed, layout, CLD)
    starts = {
        leaf: np.concatenate([[0], np.cumsum(column.counts)])
        for leaf, column in chunk.columns.items()
    }
    alone = [
        chunk._replace(
            columns={
                leaf: Jagged(
                    column.counts[i : i + 1],
                    column.values[starts[leaf][i] : starts[leaf][i + 1]],
                )
                for leaf, column in chunk.columns.items()
            }
        )
        for i in range(made.events)
    ]
    assert_same(join_events([to_events(one, layout, CLD) for one in alone]), made)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_events_of_nothing(layout):
    empty = take_events(random_events(0, 3), np.zeros(0, int))
    tables = {
        field.name: replace(getattr(empty, field.name), offsets=np.zeros(4, int))
        for field in fields(EventData)
        if field.type is Table
    }
    empty = replace(empty, **tables)
    made = held(empty, layout, CLD)
    found = to_events(to_columns(made, np.zeros(0, int), layout, CLD), layout, CLD)
    assert found.events == 3
    assert_same(found, made)
