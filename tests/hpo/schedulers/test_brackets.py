import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.schedulers.brackets import (
    asha_rungs,
    halving_bracket,
    hyperband_brackets,
    hyperband_epochs,
    hyperband_trials,
    top_n_bracket,
)


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


@pytest.mark.parametrize(
    "make",
    [
        lambda: hyperband_brackets(10.5, 2),
        lambda: hyperband_brackets(10, 2.0),
        lambda: halving_bracket(8, "9", 2, 2),
        lambda: halving_bracket(8.5, 9, 2, 2),
        lambda: top_n_bracket(8, 2, True, 9),
        lambda: asha_rungs(1, 9, 1.5),
    ],
)
def test_a_fraction_of_an_epoch_is_refused_by_name(make):
    with pytest.raises(ValueError, match="must be a whole number, got"):
        make()
