"""Who begins anew is known by its losses; who goes on is never taken for it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.front.memory import Memory, begins_anew, remember, remembered

# Losses as trainings have them: no short fractions, and no two the same.
LOSSES = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).random(8).tolist())


@given(LOSSES, st.integers(1, 5))
def test_a_curve_told_again_is_noticed_by_its_second_loss(curve, before):
    memory = Memory(tuple(curve[:before]), curve[before - 1])
    assert begins_anew(memory, curve[:2], resumed=False)


@given(LOSSES, st.integers(1, 3), st.booleans())
def test_a_curve_that_goes_on_is_not(curve, done, resumed):
    memory = Memory(tuple(curve[:done]), curve[done - 1])
    after = curve[done:]
    assert not any(begins_anew(memory, after[:n], resumed) for n in range(1, len(after)))


@pytest.mark.parametrize("first", [0.1, 0.95, 349 / 360, float(np.float32(0.123)), float("inf")])
def test_one_accuracy_that_comes_again_is_no_proof(first):
    assert not begins_anew(Memory((first,), first), [first, first + 0.01], resumed=False)


@pytest.mark.parametrize("resumed", [False, True])
def test_a_flat_curve_is_no_proof(resumed):
    assert not begins_anew(Memory((0.1234567891,) * 5, 0.1234567891), [0.1234567891] * 5, resumed)


def test_a_trial_that_took_its_state_needs_three():
    curve = (0.5, 0.25, 0.125, 0.06)
    assert not begins_anew(Memory(curve, 0.06), curve[:2], resumed=True)
    assert begins_anew(Memory(curve, 0.06), curve[:3], resumed=True)


def test_memories_are_kept_in_the_folder(tmp_path):
    assert remembered(tmp_path) == Memory((), None)
    remember(tmp_path, [1.0, 0.5, 0.3, 0.2, 0.15, 0.1])
    assert remembered(tmp_path) == Memory((1.0, 0.5, 0.3, 0.2, 0.15), 0.1)
    (tmp_path / "losses.json").write_text('{"first": [1')
    assert remembered(tmp_path) == Memory((), None)
