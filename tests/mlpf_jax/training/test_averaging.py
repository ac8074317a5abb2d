"""The average of parameters against a naive loop, and where it is used."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpf_jax.model.config import ModelConfig, TrainConfig
from mlpf_jax.training import averaging, optimisation, train

MODEL = ModelConfig(
    backbone="mlp", width=8, layers_id=1, layers_regression=1, bin_size=8, hidden=8, head_width=8,
    max_bins=4, neighbour_features=False, sharing=False, binning="none",
)  # fmt: skip


def vector(seed):
    return np.random.default_rng(seed).normal(size=9).astype("f4")


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 0.9999), st.integers(0, 9))
def test_it_is_a_naive_loop(decay, first):
    average, naive = vector(0), vector(0).astype(float)
    for step in range(first, first + 30):
        now = vector(step + 1)
        average = averaging.update(average, now, jnp.float32(decay), jnp.asarray(step))
        kept = min(decay, (1 + step) / (10 + step))
        naive = kept * naive + (1 - kept) * now
    np.testing.assert_allclose(average, naive, rtol=1e-4, atol=1e-5)


def test_without_decay_it_is_the_parameters_bit_for_bit():
    found = jax.jit(averaging.update)(vector(0), vector(1), jnp.float32(0), jnp.asarray(7))
    np.testing.assert_array_equal(found, vector(1))


@pytest.fixture(scope="module")
def steps(quick):
    return quick(train.train_step), quick(train.evaluate_step)


def test_a_training_averages_and_evaluates_there(batch_of, state_of, steps):
    batch = batch_of([(3, 6), (2, 5)], 16)
    step, evaluate = steps
    plain = TrainConfig(learning_rate=0.1, warmup_steps=0)
    hyper = optimisation.hyper(replace(plain, ema=0.7))
    state, alone = (state_of(MODEL, batch, plain) for _ in "ab")
    state, average = replace(state, hyper=hyper), state.params
    programs = 0
    for number in range(3):
        state, _ = step(state, batch)
        programs = programs or step._cache_size()
        alone, _ = step(alone, batch)
        # The training itself is what it is without.
        jax.tree.map(np.testing.assert_array_equal, state.params, alone.params)
        jax.tree.map(np.testing.assert_array_equal, alone.variables["params"], alone.params)
        kept = min(0.7, (1 + number) / (10 + number))
        average = jax.tree.map(lambda a, p, k=kept: k * a + (1 - k) * p, average, state.params)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6),
            state.variables["params"], average,
        )  # fmt: skip
    assert step._cache_size() == programs  # one for both: the decay is traced
    there = evaluate(replace(alone, average=state.average), batch)
    jax.tree.map(np.testing.assert_array_equal, evaluate(state, batch), there)
    assert float(there["class"].total) != float(evaluate(alone, batch)["class"].total)
