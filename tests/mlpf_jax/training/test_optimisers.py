"""Laws of every optimiser, and each against optax's own with the same numbers written into it."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mlpf_jax.model.config import OPTIMISERS, TrainConfig
from mlpf_jax.model.mlpf import LAYERS_NAME
from mlpf_jax.training import averaging, optimisation
from mlpf_jax.training.optimisation import Rules

CONFIG = TrainConfig(
    learning_rate=0.05, weight_decay=0.3, clip=1e9, warmup_steps=0, schedule="constant"
)


def tree(seed, scale=1.0):
    """A matrix and a bias, of one map and of two layers of maps."""
    rng = np.random.default_rng(seed)

    def draw(*shape):
        return jnp.asarray(rng.normal(0, scale, shape), jnp.float32)

    return {
        "heads": {"weight": draw(3, 4), "bias": draw(4)},
        "stack": {LAYERS_NAME: {"weight": draw(2, 3, 4), "bias": draw(2, 4)}},
    }


def play(name, config=CONFIG, steps=4, frozen=(), step=optimisation.update):
    rules, params = Rules(name, frozen), tree(0)
    state, hyper = optimisation.init(params, rules), optimisation.hyper(config)
    for number in range(steps):
        updated = step(params, tree(number + 1), state, hyper, jnp.asarray(number), rules)
        params, state = updated.params, updated.state
    return updated


def evaluated_of(updated):
    return averaging.as_params(updated.evaluated, updated.params)


def optax_of(name, params):
    """The optimiser as optax has it, of the numbers of CONFIG."""
    rate, decay, mask = 0.05, 0.3, optimisation.decaying(params)
    if name == "adamw":
        return optax.adamw(rate, b2=0.99, weight_decay=decay, mask=mask)
    if name == "lion":
        return optax.lion(rate, weight_decay=decay, mask=mask)
    if name == "muon":
        axes = optax.contrib.MuonDimensionNumbers(-2, -1)
        return optax.contrib.muon(
            rate, adam_b2=0.99, weight_decay=decay, consistent_rms=0.2,
            muon_weight_dimension_numbers=jax.tree.map(lambda m: axes if m else None, mask),
        )  # fmt: skip
    base = optax.adamw(rate, b1=0.0, b2=0.99, weight_decay=decay, mask=mask)
    return optax.contrib.schedule_free(base, rate, b1=0.9)


@pytest.mark.parametrize("name", [name for name in OPTIMISERS if name != "lamb"])
def test_it_is_optax(name):
    params = tree(0)
    transform = optax_of(name, params)
    state = transform.init(params)
    for number in range(4):
        updates, state = transform.update(tree(number + 1), state, params)
        params = optax.apply_updates(params, updates)
    found = play(name)
    if name == "schedule_free":
        evaluated = optax.contrib.schedule_free_eval_params(state, params)
    else:
        evaluated = params
    for ours, theirs in ((found.params, params), (evaluated_of(found), evaluated)):
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-5), ours, theirs
        )
    assert (name == "schedule_free") == (
        not np.array_equal(found.params["heads"]["bias"], evaluated_of(found)["heads"]["bias"])
    )


def test_lamb_is_optax_layer_by_layer():
    """What optax does to every layer's array alone."""
    layers = [
        lambda t, n=n: {
            "heads": t["heads"],
            "layer": jax.tree.map(lambda leaf: leaf[n], t["stack"][LAYERS_NAME]),
        }
        for n in range(2)
    ]
    found = play("lamb").params
    for layer in layers:
        params = layer(tree(0))
        mask = optimisation.decaying(params)
        transform = optax.lamb(0.05, b2=0.99, eps=1e-8, weight_decay=0.3, mask=mask)
        state = transform.init(params)
        for number in range(4):
            updates, state = transform.update(layer(tree(number + 1)), state, params)
            params = optax.apply_updates(params, updates)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5),
            layer(found), params,
        )  # fmt: skip


@pytest.mark.parametrize("name", OPTIMISERS)
def test_only_its_name_costs_a_compilation(name):
    step = jax.jit(lambda *values: optimisation.update(*values, Rules(name)))

    def jitted(*values):
        return step(*values[:-1])

    first = play(name, step=jitted)
    other = replace(CONFIG, learning_rate=1e-3, weight_decay=0.0, clip=0.1, schedule="cosine")
    second = play(name, other, step=jitted)
    assert step._cache_size() == 1
    assert not np.array_equal(first.params["heads"]["bias"], second.params["heads"]["bias"])


@pytest.mark.parametrize("name", OPTIMISERS)
def test_frozen_parts_stay_bit_for_bit(name):
    """Decay included, and the norm that is clipped is of the rest."""
    found = play(name, replace(CONFIG, clip=0.5), frozen=("heads",))
    for got in (found.params, evaluated_of(found)):
        jax.tree.map(np.testing.assert_array_equal, got["heads"], tree(0)["heads"])
        pairs = zip(*(jax.tree.leaves(t["stack"]) for t in (got, tree(0))), strict=True)
        assert all((a != b).any() for a, b in pairs)
    rest = jax.tree.leaves(tree(4)["stack"])
    norm = np.sqrt(sum(float((leaf**2).sum()) for leaf in rest))
    assert float(found.norm) == pytest.approx(norm, rel=1e-5)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_states_are_arrays_by_name(name):
    """What a checkpoint holds depends on no class of optax, but AdamW's as ever."""
    state = optimisation.init(tree(0), Rules(name))
    if name == "adamw":
        assert state._fields == ("count", "mu", "nu")
        assert state.mu.ndim == 1
    else:
        assert all(isinstance(leaf, jax.Array) for leaf in state.values())
        assert all(isinstance(key, str) for key in state)
