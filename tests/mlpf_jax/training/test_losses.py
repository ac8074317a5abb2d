import jax
import jax.numpy as jnp
import numpy as np
import pytest

from datasets import schema
from mlpf_jax.model import geometry
from mlpf_jax.model.config import TrainConfig
from mlpf_jax.model.heads import Prediction
from mlpf_jax.training import event_loss, losses, optimisation

terms = jax.jit(losses.terms)
missing_momentum = jax.jit(event_loss.missing)


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


def missing(prediction, batch, event):
    """Vector sum of what is predicted less that of the truth, over sqrt(true scalar sum + 1)."""
    total, scalar = np.zeros(2), 0.0
    for element in np.flatnonzero(batch.mask[event]):
        x, y = batch.X[event, element], batch.ytarget[event, element]
        way = np.array([p[event, element] for p in (prediction.cos_phi, prediction.sin_phi)])
        if prediction.class_logits[event, element].argmax() > 0:
            pt = x[1] * np.exp(min(prediction.log_pt[event, element], 5.0))
            total += pt * way / np.linalg.norm(way)
        if y[0] > 0:
            pt = y[schema.target("pt")]
            total -= pt * y[[schema.target("cos_phi"), schema.target("sin_phi")]]
            scalar += pt
    pull = np.abs(total) / np.sqrt(scalar + 1)
    return np.where(pull < 1, 0.5 * pull**2, pull - 0.5).sum()


def test_the_region_teaches_the_class(case):
    """What is decided is a step, yet its gradient reaches the probability of a particle."""
    prediction, batch, _ = case

    def loss(logits):
        return losses.region(prediction._replace(class_logits=logits), batch).sum()

    assert np.abs(jax.jit(jax.grad(loss))(jnp.asarray(prediction.class_logits))).max() > 1e-3


def test_regions_teach_clusters_and_not_tracks(case):
    """What is missing around a track is not asked of its own momentum."""
    prediction, batch, _ = case

    def loss(log_energy):
        return losses.region(prediction._replace(log_energy=log_energy), batch).sum()

    gradient = np.asarray(jax.jit(jax.grad(loss))(jnp.asarray(prediction.log_energy)))
    is_track = batch.X[..., schema.SHARED["elemtype"]] == schema.TRACK
    assert not gradient[is_track].any()
    found = prediction.class_logits.argmax(-1) > 0
    assert gradient[batch.mask & ~is_track & found].all()


def test_terms_against_loops(case):
    prediction, batch, weights = case
    got = terms(prediction, batch, weights)
    sums = {name: [0.0, 0.0] for name in got}

    def add(name, value, weight):
        sums[name][0] += value * weight
        sums[name][1] += weight

    def nll(logits, label):
        return np.log(np.exp(logits.astype(float)).sum()) - logits[label]

    def huber(x):
        return 0.5 * x**2 if abs(x) < 0.5 else 0.5 * (abs(x) - 0.25)

    for event in range(2):
        add("missing", missing(prediction, batch, event), 1)
    for place in np.argwhere(batch.mask):
        p = [leaf[tuple(place)] for leaf in jax.tree.leaves(prediction)]
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
    half = lambda tree, i: jax.tree.map(lambda leaf: leaf[i : i + 1], tree)  # noqa: E731
    whole = terms(prediction, batch, weights)
    parts = [terms(half(prediction, i), half(batch, i), weights) for i in (0, 1)]
    for name, term in whole.items():
        total, count = (parts[0][name][k] + parts[1][name][k] for k in (0, 1))
        np.testing.assert_allclose(term, (total, count), rtol=1e-5)


def test_nothing_to_learn_costs_nothing(case):
    prediction, batch, weights = case
    empty = batch._replace(segment=np.zeros_like(batch.segment))
    assert float(losses.total(terms(prediction, empty, weights), weights)) == 0


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


def test_missing_momentum_is_of_each_event_alone(case):
    """Two events in one row, mixed, cost as much as each in a row of its own."""
    prediction, batch, _ = case
    order = np.random.default_rng(2).permutation(24)
    row = lambda leaf: jnp.asarray(leaf).reshape(1, 24, *leaf.shape[2:])[:, order]  # noqa: E731
    segment = (batch.mask * np.array([[1], [2]])).astype(np.int32)
    alone = missing_momentum(prediction, batch, batch.mask.astype(np.int32))
    together = missing_momentum(
        jax.tree.map(row, prediction), jax.tree.map(row, batch._replace(event=batch.mask)),
        row(segment),
    )  # fmt: skip
    np.testing.assert_allclose(together, row(alone), rtol=1e-5)
    share = event_loss.event_share(row(segment))
    assert float(share.sum()) == pytest.approx(2)
    assert float((share * together).sum()) == pytest.approx(float(alone[:, 0].sum()), rel=1e-5)


def test_right_particles_miss_nothing(case):
    prediction, batch, _ = case
    true = {name: batch.ytarget[..., schema.target(name)] for name in schema.TARGET_FEATURES}
    particle = true["PDG"] > 0
    right = prediction._replace(
        class_logits=10 * np.eye(6, dtype=np.float32)[true["PDG"].astype(int)],
        log_pt=np.log(np.where(particle, true["pt"] / np.maximum(batch.X[..., 1], 1e-6), 1.0)),
        sin_phi=3 * true["sin_phi"],
        cos_phi=3 * true["cos_phi"],
    )
    segment = batch.mask.astype(np.int32)
    np.testing.assert_allclose(missing_momentum(right, batch, segment), 0, atol=1e-9)
    wrong = right._replace(log_pt=right.log_pt + 0.1)
    assert missing_momentum(wrong, batch, segment).max() > 1e-3


def test_gradients_of_missing_momentum_are_finite(case):
    """Where nothing is there, where nothing is predicted, and where a direction vanishes."""
    prediction, batch, _ = case
    nothing = prediction._replace(
        sin_phi=jnp.zeros((2, 12)), cos_phi=jnp.zeros((2, 12)), log_pt=jnp.full((2, 12), 60.0)
    )
    unknown = batch._replace(ytarget=np.where(batch.mask[..., None], batch.ytarget, np.nan))
    for given in (prediction, nothing):
        for mask in (batch.mask, np.zeros_like(batch.mask)):

            def loss(p, mask=mask):
                return missing_momentum(
                    p, unknown._replace(segment=mask.astype(int)), mask.astype(int)
                ).sum()

            gradient = jax.jit(jax.grad(loss))(jax.tree.map(jnp.asarray, given))
            assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


@pytest.mark.parametrize("noise", [0.02, 0.3])
def test_the_best_spread_is_that_of_the_noise(noise):
    residuals = noise * np.random.default_rng(3).normal(size=4000)

    def loss(log_spread):
        return losses.gaussian(0.0, log_spread, residuals).mean()

    def descend(_, log_spread):
        return log_spread - 0.1 * jnp.clip(jax.grad(loss)(log_spread), -1, 1)

    log_spread = jax.jit(lambda start: jax.lax.fori_loop(0, 200, descend, start))(0.0)
    assert float(jnp.exp(log_spread)) == pytest.approx(residuals.std(), rel=1e-3)
    assert float(jnp.exp(log_spread)) == pytest.approx(noise, rel=0.05)


def test_a_predicted_spread_replaces_the_huber_loss(case):
    prediction, batch, weights = case
    half = np.full((2, 12), np.log(0.5), np.float32)
    plain = terms(prediction, batch, weights)
    spread = terms(prediction._replace(log_pt_spread=half, log_energy_spread=half), batch, weights)
    true, seen = batch.ytarget[..., schema.target("pt")], batch.X[..., 1]
    here = true > 0
    pull = (prediction.log_pt[here] - np.log(true[here] / seen[here])) / 0.5
    weight = np.sqrt(batch.ytarget[..., schema.target("energy")][here])
    expected = (weight * (0.5 * pull**2 + np.log(0.5))).sum()
    assert float(spread["momentum"].total) == pytest.approx(expected, rel=1e-5)
    for name in set(plain) - {"momentum", "energy"}:
        assert spread[name] == plain[name]
