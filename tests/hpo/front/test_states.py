"""What a trial saves is what it loads, whatever it is made of, and nothing of it is pickled."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from hpo.core.types import Trial as Asked
from hpo.front import states
from hpo.front.trial import Trial

PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
ARRAYS = arrays.arrays(
    st.sampled_from(["f4", "f8", "i8", "u1", "?", "c16", "U3"]), arrays.array_shapes(min_dims=0)
)
TREES = st.recursive(
    PLAIN | ARRAYS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


def same(one, other):
    if isinstance(one, np.ndarray):
        assert isinstance(other, np.ndarray)
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
        return
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert list(one) == list(other)
        same(list(one.values()), list(other.values()))
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            same(a, b)
    else:
        assert one == other or one != one


@settings(max_examples=60, deadline=None)
@given(TREES)
def test_what_is_saved_is_loaded(tmp_path_factory, tree):
    path = tmp_path_factory.getbasetemp() / "tree.npz"
    states.write(path, tree)
    same(tree, states.read(path))


class Pair(NamedTuple):
    left: object
    right: object


def test_pytrees_of_jax_come_back_in_the_form_of_a_new_one(tmp_path):
    import jax
    import jax.numpy as jnp

    path = tmp_path / "state.npz"
    state = {"pair": Pair(jnp.ones(3, jnp.bfloat16), [2.0, None]), "step": jnp.int32(4)}
    states.write(path, state)
    with pytest.raises(states.StateError, match=r"trial\.load\(like=state\)"):
        states.read(path)
    found = states.read(path, like=jax.tree.map(jnp.zeros_like, state))
    assert isinstance(found["pair"], Pair)
    assert found["pair"].left.dtype == jnp.bfloat16
    assert jax.tree.all(jax.tree.map(np.array_equal, state, found))
    with pytest.raises(states.StateError, match="another model"):
        states.read(path, like={"step": 1})


@pytest.mark.parametrize("state", [{1, 2}, {"model": object()}, [np.array([object()])]])
def test_what_only_pickle_could_save_is_refused_by_its_place(tmp_path, state):
    with pytest.raises(states.StateError, match=r"state.* cannot be saved"):
        states.write(tmp_path / "state.npz", state)
    assert not list(tmp_path.glob("*.npz"))


def test_nothing_pickled_is_read(tmp_path):
    path = tmp_path / "state.npz"
    np.savez(path, tree=np.array([object()]))
    with pytest.raises(states.StateError, match="cannot be read"):
        states.read(path)


@pytest.mark.parametrize("late", [False, True])
@given(last=st.integers(1, 12), first=st.integers(0, 3))
@settings(max_examples=20, deadline=None)
def test_a_state_belongs_to_its_epoch_whether_saved_before_or_after_the_report(
    tmp_path_factory, late, first, last
):
    """And the states kept are the job's first and its last two, which is where it can go on."""
    folder = tmp_path_factory.mktemp("trial")
    if first:
        states.write(states.path_of(folder, first), first)
    trial = Trial(Asked(0, {}, folder, first, first + last, 0), first, first + last, 99)
    assert trial.load() == (first or None)
    for epoch in trial.epochs:
        trial.reported += late
        trial.save(epoch)
        trial.reported += not late
        kept = states.kept(folder)
        assert all(states.read(states.path_of(folder, each)) == each for each in kept)
        assert {epoch, max(epoch - 1, 1), first} - {0} == set(kept)
