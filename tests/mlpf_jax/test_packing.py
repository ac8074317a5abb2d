"""Events that share rows are to the models what they are alone."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from datasets import batches, schema
from datasets import samples as stored
from datasets.schema import Batch
from mlpf_jax.layers import neighbourhoods, segments
from mlpf_jax.model import geometry
from mlpf_jax.model.config import ModelConfig, TrainConfig
from mlpf_jax.model.heads import Prediction
from mlpf_jax.model.mlpf import MLPF
from mlpf_jax.training import losses, optimisation, region
from tests.soaked import soaked

SIZES = [(20, 37), (5, 9), (12, 40), (1, 0), (3, 14), (8, 8), (2, 3)]
BIN = 16
SMALL = {
    "width": 8, "layers_id": 1, "layers_regression": 0, "bin_size": BIN, "distance_width": 4,
    "hidden": 8, "head_width": 8, "head_layers": 0, "random_features": 8,
    "neighbour_features": False,
}  # fmt: skip
CONFIGS = [
    {"form": "published", "binning": "learned", "face_kernel": False, "max_bins": 8},
    {"binning": "learned", "face_kernel": False, "max_bins": 8},
    {"backbone": "gnn_lsh", "binning": "face", "heads": 2, "max_bins": 8},
    {"backbone": "favor"},
]
MORE = [
    {"backbone": "attention", "binning": "tiles", "heads": 2},
    {"backbone": "gnn_lsh", "binning": "tiles", "neighbour_features": True},
    {"backbone": "gnn_lsh", "binning": "none"},
    {"backbone": "attention", "binning": "none"},
    {"backbone": "mlp"},
]


@pytest.fixture(scope="module")
def samples(batch_of):
    batch = batch_of(SIZES, 64)
    offsets = np.concatenate([[0], np.cumsum(batch.mask.sum(1))])
    labels = batch.ytarget[batch.mask]
    return replace(stored.unlabelled(offsets, batch.X[batch.mask]), ytarget=labels)


def alone_and_packed(samples):
    """The same events one in a row, and several, in one batch each."""
    counts = np.diff(samples.offsets)
    plans = (
        batches.make_plan(counts, len(counts), 1, BIN),
        batches.make_packed_plan(counts, 2 * len(counts), BIN),
    )
    ((alone,), (packed,)) = (batches.sequential(samples, plan) for plan in plans)
    assert packed.segment.size < 0.6 * alone.segment.size
    assert packed.segment.max() > 2
    return alone, packed


def placed(batch, samples, values):
    """Values of the samples, in their order, where the batch has them."""
    rows = batches.rows_of(batch, samples.offsets)
    out = [np.zeros((*batch.mask.shape, *v.shape[1:]), "f4") for v in values]
    for target, source in zip(out, values, strict=True):
        target[batch.mask] = source[rows]
    return out


def by_element(values, batch, samples):
    """Values of a batch in the order of the samples."""
    out = np.zeros((len(samples.X), *np.shape(values)[2:]), np.float32)
    out[batches.rows_of(batch, samples.offsets)] = np.asarray(values)[batch.mask]
    return out


def assert_close(got, expected, tolerance):
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        scale = max(0.1, float(np.abs(b).max(initial=0)))
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * scale)


def named(choice):
    return "-".join(map(str, choice.values()))


@pytest.mark.parametrize("choice", [*CONFIGS, *soaked(*MORE)], ids=named)
def test_predictions_and_gradients_are_those_of_events_alone(samples, state_of, quick, choice):
    config = ModelConfig(**(SMALL | choice))
    alone, packed = alone_and_packed(samples)
    state = state_of(config, alone)

    @quick
    def results(params, constants, batch):
        def loss(params):
            variables = {"params": params, **constants}
            prediction = MLPF(config, batch.segments).apply(variables, batch.X, batch.segment)
            # On padding outputs are zero, or the logits of what cannot be; but for shares.
            outputs = jax.tree.leaves(prediction._replace(sharing=None))
            outputs = [jnp.where(x > -29, x, 0.0) for x in outputs]
            return sum((x**2).sum() for x in outputs), prediction

        return jax.grad(loss, has_aux=True)(params)

    found = []
    for batch in (alone, packed):
        gradient, prediction = results(state.params, state.constants, batch)
        rows = jax.tree.map(lambda leaf, batch=batch: by_element(leaf, batch, samples), prediction)
        found.append((rows, gradient))
    assert_close(found[1], found[0], 1e-5)
    assert np.ptp(found[0][0].class_logits) > 1e-2


def test_losses_are_those_of_events_alone(samples, quick):
    """Whatever was predicted: terms, their sum, and its gradient."""
    rng = np.random.default_rng(0)
    values = [rng.normal(size=(len(samples.X), *n)).astype("f4") for n in ((6,), (3,), *[()] * 5)]
    weights = optimisation.hyper(TrainConfig(missing_weight=1.0)).weights

    @quick
    def results(batch, prediction):
        def loss(prediction):
            terms = losses.terms(prediction, batch, weights)
            return losses.total(terms, weights), terms

        return jax.grad(loss, has_aux=True)(prediction)

    found = []
    for batch in alone_and_packed(samples):
        gradient, terms = results(batch, Prediction(*placed(batch, samples, values)))
        rows = jax.tree.map(lambda leaf, batch=batch: by_element(leaf, batch, samples), gradient)
        found.append((rows, terms))
    assert_close(found[1], found[0], 1e-5)
    # Nothing is known of shares here: tests/mlpf_jax/training/test_share_loss.py.
    assert all(np.abs(term.total) > 0 for name, term in found[0][1].items() if name != "share")


@pytest.mark.parametrize("size", [512, 64])
def test_neighbours_and_regions_end_where_the_event_does(samples, quick, size, monkeypatch):
    """All of a row in one neighbourhood, and every event in its own."""
    rng = np.random.default_rng(0)
    values = [rng.normal(size=(len(samples.X), *n)).astype("f4") for n in ((6,), (3,), *[()] * 5)]
    alone, packed = alone_and_packed(samples)
    expected = surroundings(alone, samples, values, quick)
    monkeypatch.setattr(neighbourhoods, "SIZE", size)
    wider = [np.pad(a, ((0, 0), (0, 70), (0, 0))[: a.ndim]) for a in packed[:3]]
    got = surroundings(Batch(*wider, packed.event), samples, values, quick)
    assert all(np.abs(part).max() > 0.1 for part in expected)
    assert_close(got, expected, 1e-5)


def surroundings(batch, samples, values, quick):
    """Neighbour features, region loss and its gradient, in the order of the samples."""

    @quick
    def work(batch, prediction):
        direction = geometry.face_direction(batch.X)
        counts = segments.counts(batch.segment, batch.segments)
        gradient = jax.grad(lambda p: region.region(p, batch).sum())(prediction)
        return (
            geometry.neighbour_features(batch.X, batch.segment, direction, counts),
            region.region(prediction, batch),
            gradient.log_energy,
        )

    found = work(batch, Prediction(*placed(batch, samples, values)))
    return [by_element(part, batch, samples) for part in found]


@pytest.mark.parametrize("kind", ["neighbour features", "region loss"])
def test_what_looks_at_pairs_is_linear_in_a_row(batch_of, quick, kind, monkeypatch):
    """Memory for twice the row is twice as much, not four times; and padding changes nothing."""
    monkeypatch.setattr(neighbourhoods, "SIZE", 64)

    def work(X, segment):
        direction = geometry.face_direction(X)
        if kind == "neighbour features":
            return geometry.neighbour_features(X, segment, direction, segments.counts(segment, 1))
        like = segment.astype("f4")
        prediction = Prediction(X[..., :6], X[..., :3], like, like, like, like, like)
        nothing = np.zeros((*X.shape[:2], schema.TARGET_WIDTH), "f4")
        return region.region(prediction, Batch(X, nothing, segment, np.zeros((1, 1), int)))

    def compiled(elements):
        batch = batch_of([(80, 170)], elements)
        program = quick(work).lower(batch.X, batch.segment).compile()
        return program(batch.X, batch.segment), program.memory_analysis().temp_size_in_bytes

    (short, less), (long, more) = compiled(512), compiled(1024)
    assert more < 2.2 * less
    assert_close(long[:, :512], short, 1e-5)


def test_rows_for_other_bins_are_refused(samples):
    _, packed = alone_and_packed(samples)
    model = MLPF(ModelConfig(bin_size=24), packed.segments)
    with pytest.raises(ValueError, match="not made of bins of 24"):
        jax.eval_shape(model.init, jax.random.key(0), packed.X, packed.segment)
