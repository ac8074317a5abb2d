"""Summaries of responses, and which bin of pt a jet is in."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpf_jax.physics import response
from mlpf_jax.physics.evaluation import JET_MIN_PT, PT_EDGES

# Exact edges, their neighbours in both precisions, and anything else, below the cut and far above.
AT_EDGES = [
    float(value)
    for edge in (*PT_EDGES, 10.0)
    for kind in (np.float32, np.float64)
    for value in (edge, np.nextafter(kind(edge), kind(0)), np.nextafter(kind(edge), kind(1e9)))
]
PT = st.lists(st.sampled_from(AT_EDGES) | st.floats(0, 1e9), max_size=40)


@given(PT, st.sampled_from([np.float32, np.float64]))
def test_every_jet_above_the_cut_is_in_one_bin(pt, kind):
    pt = np.array(pt, kind)
    bins = response.by_pt(np.ones(len(pt)), pt, PT_EDGES)
    assert sum(summary.jets for summary in bins.values()) == (pt >= JET_MIN_PT).sum()
    assert next(iter(bins))[0] == JET_MIN_PT
    for (low, high), summary in bins.items():
        assert summary.jets == sum(low <= value < high for value in pt.tolist())
    assert all(before[1] == after[0] for before, after in pairwise(bins))


def test_a_bin_summarises_its_own_jets():
    pt, values = np.array([5.0, 7, 10, 250, 1e6]), np.array([0.5, 0.7, 3, 0.8, 1.2])
    bins = response.by_pt(values, pt, (5.0, 10.0, 200.0))
    assert bins[(5.0, 10.0)] == response.summarise(values[:2])
    assert bins[(10.0, 200.0)] == response.summarise(values[2:3])
    assert bins[(200.0, np.inf)] == response.summarise(values[3:])


def test_a_summary_of_known_values():
    summary = response.summarise(np.array([0.8, 0.9, 1.0, 1.1, 1.3, np.nan]))
    assert summary.jets == 6
    assert summary.matched == pytest.approx(5 / 6)
    assert summary.median == 1.0
    assert summary.width == pytest.approx(0.2)


def test_a_summary_of_no_match_and_of_no_jet():
    unmatched, none = (response.summarise(np.full(n, np.nan)) for n in (3, 0))
    assert (unmatched.jets, unmatched.matched) == (3, 0)
    assert none.jets == 0
    assert np.isnan([unmatched.median, unmatched.width, none.matched, none.median]).all()


def test_a_ratio_to_little_missing_pt_is_none():
    ratio = response.met_response(np.array([3.0, 6, 1]), np.array([10.0, 10.1, 0]), least=10)
    np.testing.assert_array_equal(ratio, [np.nan, 6 / 10.1, np.nan])
