import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.brackets import hyperband_brackets, hyperband_epochs, hyperband_trials


@pytest.mark.parametrize(
    ("max_epochs", "epochs", "trials"), [(100, 3213, 163), (35, 872, 84), (300, 15380, 608)]
)
def test_the_published_schedules(max_epochs, epochs, trials):
    assert hyperband_epochs(max_epochs, 2) == epochs
    assert hyperband_trials(max_epochs, 2) == trials


def test_the_published_rungs():
    brackets = hyperband_brackets(100, 2)
    assert [round.epoch for round in brackets[0]] == [2, 3, 6, 12, 25, 50, 100]
    assert [bracket[0].trials for bracket in brackets] == [64, 38, 23, 14, 10, 7, 7]


def test_no_bracket_is_lost_to_a_logarithm():
    assert math.floor(math.log(243, 3)) == 4
    assert len(hyperband_brackets(243, 3)) == 6


@settings(max_examples=100, deadline=None)
@given(max_epochs=st.integers(5, 2000), eta=st.integers(2, 5))
def test_rounds_shrink_and_rungs_grow(max_epochs, eta):
    for bracket in hyperband_brackets(max_epochs, eta):
        assert bracket[-1].epoch == max_epochs
        for before, after in itertools.pairwise(bracket):
            assert before.start < before.epoch == after.start < after.epoch
            assert before.trials > after.trials == before.places >= 1
