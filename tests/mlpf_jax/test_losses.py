import jax
import jax.numpy as jnp
import numpy as np
import pytest

from datasets import schema
from mlpf_jax import geometry, losses, optimisation
from mlpf_jax.config import TrainConfig
from mlpf_jax.model import Prediction


@pytest.fixture(scope="module")
def case(batch_of):
    batch = batch_of([(4, 6), (3, 2)], 12)
    rng = np.random.default_rng(1)
    shape = (2, 12)
    draw = lambda *extra: rng.normal(size=shape + extra).astype(np.float32)  # noqa: E731
    prediction = Prediction(draw(6), draw(3), draw(), draw(), draw(), draw(), draw())
    weights = optimisation.hyper(TrainConfig(focal_gamma=2.0, energy_power=0.5)).weights
    return prediction, batch, weights


def region(prediction, batch, event, element):
    """Energy around the element's direction, too much or too little, over sqrt(E + 1)."""
    direction = np.asarray(geometry.face_direction(batch.X[event]), float)
    loss = 0.0
    for radius in (0.1, 0.2, 0.4):
        predicted = true = 0.0
        for other in np.flatnonzero(batch.mask[event]):
            if np.linalg.norm(direction[other] - direction[element]) >= radius:
                continue
            if prediction.class_logits[event, other].argmax() > 0:
                ratio = np.exp(min(prediction.log_energy[event, other], 5.0))
                predicted += batch.X[event, other, 5] * ratio
            if batch.ytarget[event, other, 0] > 0:
                true += batch.ytarget[event, other, schema.target("energy")]
        pull = abs(predicted - true) / np.sqrt(true + 1)
        loss += (0.5 * pull**2 if pull < 1 else pull - 0.5) / 3
    return loss


def test_the_region_teaches_the_class(case):
    """What is decided is a step, yet its gradient reaches the probability of a particle."""
    prediction, batch, _ = case

    def loss(logits):
        return losses.region(prediction._replace(class_logits=logits), batch).sum()

    assert np.abs(jax.grad(loss)(jnp.asarray(prediction.class_logits))).max() > 1e-3


def test_terms_against_loops(case):
    prediction, batch, weights = case
    got = losses.terms(prediction, batch, weights)
    sums = {name: [0.0, 0.0] for name in got}

    def add(name, value, weight):
        sums[name][0] += value * weight
        sums[name][1] += weight

    def nll(logits, label):
        return np.log(np.exp(logits.astype(float)).sum()) - logits[label]

    def huber(x):
        return 0.5 * x**2 if abs(x) < 0.5 else 0.5 * (abs(x) - 0.25)

    for place in np.argwhere(batch.mask):
        p = [leaf[tuple(place)] for leaf in prediction]
        x = batch.X[tuple(place)]
        y = dict(zip(schema.TARGET_FEATURES, batch.ytarget[tuple(place)], strict=True))
        add("region", region(prediction, batch, *place), 1)
        loss = nll(p[0], int(y["PDG"]))
        add("class", (1 - np.exp(-loss)) ** 2 * loss, 1)
        if y["PDG"] == 0:
            continue
        weight = np.sqrt(y["energy"])
        add("charge", nll(p[1], int(y["charge"]) + 1), 1)
        add("momentum", huber(p[2] - np.log(y["pt"] / x[1])), weight)
        add("energy", huber(p[3] - np.log(y["energy"] / x[5])), weight)
        angle = (p[4] - y["eta"]) ** 2 + (p[5] - y["sin_phi"]) ** 2 + (p[6] - y["cos_phi"]) ** 2
        add("angle", angle, weight)
    for name, (total, count) in sums.items():
        np.testing.assert_allclose(got[name], (total, count), rtol=1e-5, err_msg=name)


def test_terms_add_over_events(case):
    prediction, batch, weights = case
    half = lambda tree, i: type(tree)(*[leaf[i : i + 1] for leaf in tree])  # noqa: E731
    whole = losses.terms(prediction, batch, weights)
    parts = [losses.terms(half(prediction, i), half(batch, i), weights) for i in (0, 1)]
    for name, term in whole.items():
        total, count = (parts[0][name][k] + parts[1][name][k] for k in (0, 1))
        np.testing.assert_allclose(term, (total, count), rtol=1e-5)


def test_nothing_to_learn_costs_nothing(case):
    prediction, batch, weights = case
    empty = batch._replace(mask=np.zeros_like(batch.mask))
    terms = losses.terms(prediction, empty, weights)
    assert float(losses.total(terms, weights)) == 0


@pytest.mark.parametrize("schedule", ["constant", "cosine", "linear"])
def test_schedule(schedule):
    hyper = optimisation.hyper(
        TrainConfig(learning_rate=2.0, warmup_steps=10, total_steps=110, schedule=schedule)
    )
    rate = lambda step: float(optimisation.learning_rate(hyper, jnp.asarray(step)))  # noqa: E731
    assert rate(0) == pytest.approx(0.2)
    assert rate(9) == pytest.approx(2.0)
    assert rate(60) == pytest.approx({"constant": 2, "cosine": 1, "linear": 1}[schedule])
    assert rate(500) == pytest.approx({"constant": 2, "cosine": 0, "linear": 0}[schedule])
