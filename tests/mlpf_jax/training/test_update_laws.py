"""An update worked out in numpy, the weights of the loss, and how a batch is cut."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets import schema
from mlpf_jax.model.config import TrainConfig
from mlpf_jax.model.mlpf import Prediction
from mlpf_jax.training import event_loss, losses, optimisation, pieces

few = settings(max_examples=20, deadline=None)
WEIGHTS = ("class", "charge", "momentum", "energy", "angle", "region", "missing", "share")


def tree(seed, scale=1.0):
    """A matrix, which decays, and a bias, which does not."""
    generator = np.random.default_rng(seed)
    weight, bias = generator.normal(0, scale, (3, 2)), generator.normal(0, scale, 2)
    return {"Dense_0": {"weight": jnp.asarray(weight), "bias": jnp.asarray(bias)}}


def rate_at(step, config):
    """Linear warm-up, and the three shapes after it."""
    warm = min(1, (step + 1) / max(config.warmup_steps, 1))
    length = max(config.total_steps - config.warmup_steps, 1)
    progress = np.clip((step - config.warmup_steps) / length, 0, 1)
    shape = {"constant": 1, "cosine": (1 + np.cos(np.pi * progress)) / 2, "linear": 1 - progress}
    return config.learning_rate * warm * shape[config.schedule]


@few
@given(
    st.sampled_from(["constant", "cosine", "linear"]),
    st.integers(0, 20),
    st.integers(1, 60),
    st.integers(0, 90),
)
def test_the_learning_rate_is_that_of_its_formula(schedule, warmup, more, step):
    config = TrainConfig(
        learning_rate=0.3, schedule=schedule, warmup_steps=warmup, total_steps=warmup + more
    )
    rate = optimisation.learning_rate(optimisation.hyper(config), jnp.asarray(step))
    assert float(rate) == pytest.approx(rate_at(step, config), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(("decay", "clip"), [(0.0, 1e9), (0.1, 1e9), (0.1, 0.5), (0.3, 0.01)])
def test_an_update_is_adam_of_the_clipped_gradient_and_decay_of_matrices(decay, clip):
    config = TrainConfig(
        learning_rate=0.05, weight_decay=decay, clip=clip, warmup_steps=2, total_steps=9
    )
    hyper, params = optimisation.hyper(config), tree(0)
    adam = optimisation.init(params)
    values = jax.tree.map(lambda p: np.asarray(p, float), params)["Dense_0"]
    first = {name: np.zeros(v.shape) for name, v in values.items()}
    second = {name: np.zeros(v.shape) for name, v in values.items()}
    for step in range(4):
        gradient = tree(step + 1, scale=10.0**-step)
        params, adam, norm, _ = optimisation.update(
            params, gradient, adam, hyper, jnp.asarray(step)
        )
        plain = {name: np.asarray(g, float) for name, g in gradient["Dense_0"].items()}
        length = np.sqrt(sum((g**2).sum() for g in plain.values()))
        assert float(norm) == pytest.approx(length, rel=1e-5)
        for name, g in plain.items():
            g = g * min(1, clip / length)
            first[name] = 0.9 * first[name] + 0.1 * g
            second[name] = 0.99 * second[name] + 0.01 * g**2
            mean, square = (
                m[name] / (1 - b ** (step + 1)) for m, b in ((first, 0.9), (second, 0.99))
            )
            lost = decay * values[name] if name == "weight" else 0
            values[name] = values[name] - rate_at(step, config) * (
                mean / (np.sqrt(square) + 1e-8) + lost
            )
            np.testing.assert_allclose(params["Dense_0"][name], values[name], rtol=2e-4, atol=1e-6)


def test_a_gradient_of_nothing_moves_only_what_decays():
    config = TrainConfig(learning_rate=0.1, weight_decay=0.5, warmup_steps=0, schedule="constant")
    params = tree(3)
    still = jax.tree.map(jnp.zeros_like, params)
    after, _, norm, _ = optimisation.update(
        params, still, optimisation.init(params), optimisation.hyper(config), jnp.asarray(0)
    )
    assert float(norm) == 0
    np.testing.assert_array_equal(after["Dense_0"]["bias"], params["Dense_0"]["bias"])
    np.testing.assert_allclose(
        after["Dense_0"]["weight"], 0.95 * np.asarray(params["Dense_0"]["weight"]), rtol=1e-5
    )


@pytest.mark.parametrize("one", WEIGHTS)
def test_a_weight_is_of_its_own_term(one):
    """With one weight alone the total is so many times that term's mean."""
    config = TrainConfig(**{f"{name}_weight": 3.0 if name == one else 0.0 for name in WEIGHTS})
    weights = optimisation.hyper(config).weights
    terms = {
        name: losses.Term(jnp.asarray(7.0 + i), jnp.asarray(2.0 + i))
        for i, name in enumerate(WEIGHTS)
    }
    i = WEIGHTS.index(one)
    assert float(losses.total(terms, weights)) == pytest.approx(3 * (7 + i) / (2 + i))


def test_exponents_are_no_weights():
    weights = optimisation.hyper(TrainConfig(focal_gamma=0.7, energy_power=0.3)).weights
    assert (float(weights.focal_gamma), float(weights.energy_power)) == pytest.approx((0.7, 0.3))


def test_a_term_of_nothing_is_nothing():
    assert float(losses.Term(jnp.zeros(()), jnp.zeros(())).mean()) == 0


@few
@given(
    st.floats(-5, 5), st.integers(0, 2), st.floats(0, 4), st.lists(st.floats(-9, 9), min_size=3,
                                                                 max_size=3)
)  # fmt: skip
def test_the_focal_loss_is_that_of_its_formula(shift, label, gamma, logits):
    logits = np.array(logits) + shift
    share = np.exp(logits[label]) / np.exp(logits).sum()
    wanted = -(max(1 - share, 1e-6) ** gamma) * np.log(share)
    found = losses.focal(jnp.asarray(logits), jnp.asarray(label), gamma)
    assert float(found) == pytest.approx(wanted, rel=1e-3, abs=1e-6)


@few
@given(st.floats(-3, 3), st.floats(-3, 3), st.floats(-2, 2))
def test_regressions_are_huber_and_gaussian(prediction, target, log_spread):
    away = abs(prediction - target)
    huber = away**2 / 2 if away < 0.5 else 0.5 * away - 0.125
    assert float(losses.huber(prediction, target)) == pytest.approx(huber, rel=1e-4, abs=1e-6)
    density = (away / np.exp(log_spread)) ** 2 / 2 + log_spread
    found = losses.gaussian(prediction, log_spread, target)
    assert float(found) == pytest.approx(density, rel=1e-3, abs=1e-5)


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="an accelerator takes the whole batch")
@pytest.mark.parametrize(
    ("rows", "elements", "count"),
    [
        (8, 128, 1),  # 1024 elements are one piece
        (8, 129, 2),
        (8, 256, 2),
        (8, 512, 4),
        (8, 5000, 8),  # a row is not cut
        (9, 1024 // 3, 3),
        (1, 5000, 1),
        (7, 300, 7),
    ],
)
def test_a_piece_holds_a_thousand_elements_of_rows_from_all_over_the_batch(rows, elements, count):
    devices = jax.device_count()
    X = np.arange(rows * devices)[:, None] * np.ones(elements)
    cut = pieces.split((X, X[:, 0]))
    assert pieces.number(cut) == count
    np.testing.assert_array_equal(cut[1][0], np.arange(0, rows * devices, count))
    np.testing.assert_array_equal(pieces.join(cut)[0], X)
    assert float(pieces.sum_over(lambda piece: piece[1].sum(), cut)) == X[:, 0].sum()


def prediction_of(shape, log_ratio):
    """Everything alike, everywhere a particle."""
    flat, classes = jnp.full(shape, log_ratio), jnp.zeros((*shape, 6)).at[..., 1].set(3.0)
    return Prediction(classes, classes[..., :3], *[flat] * 5)


def test_an_input_of_nothing_has_no_ratio_to_learn(batch_of):
    """Neither the loss nor its gradient breaks, and the target is the input's own scale."""
    batch = batch_of([(4, 6)], 12)
    X = np.array(batch.X)
    X[..., [schema.SHARED["pt"], schema.SHARED["energy"]]] = 0
    batch, weights = batch._replace(X=X), optimisation.hyper(TrainConfig()).weights

    @jax.jit
    @jax.value_and_grad
    def loss(value):
        terms = losses.terms(prediction_of(X.shape[:2], value), batch, weights)
        return terms["momentum"].total + terms["energy"].total

    value, slope = loss(0.0)
    assert float(value) == 0
    assert float(slope) == 0


def test_momenta_far_too_large_are_cut(batch_of):
    """An untrained model's must not drown the rest of an event."""
    batch = batch_of([(4, 6)], 12)
    missing = jax.jit(
        lambda value: event_loss.missing(
            prediction_of(batch.X.shape[:2], value), batch, batch.segment
        ).sum()
    )
    assert float(missing(4.9)) < float(missing(5.0)) == float(missing(5.5)) == float(missing(50.0))
