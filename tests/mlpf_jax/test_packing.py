"""Events that share rows are to the models what they are alone."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from datasets import batches, schema
from datasets import samples as stored
from datasets.schema import Batch
from mlpf_jax import geometry, losses, neighbourhoods, optimisation, region, segments
from mlpf_jax.config import ModelConfig, TrainConfig
from mlpf_jax.model import MLPF, Prediction

SIZES = [(20, 37), (5, 9), (12, 40), (1, 0), (3, 14), (8, 8), (2, 3)]
BIN = 16
SMALL = {
    "width": 8, "layers_id": 1, "layers_regression": 0, "bin_size": BIN, "distance_width": 4,
    "hidden": 8, "head_width": 8, "head_layers": 0, "random_features": 8,
    "neighbour_features": False,
}  # fmt: skip
CONFIGS = [
    {"backbone": "gnn_lsh", "binning": "learned", "face_kernel": False, "max_bins": 8},
    {"backbone": "gnn_lsh", "binning": "face", "heads": 2, "max_bins": 8},
    {"backbone": "gnn_lsh", "binning": "tiles", "neighbour_features": True},
    {"backbone": "gnn_lsh", "binning": "none"},
    {"backbone": "attention", "binning": "tiles", "heads": 2},
    {"backbone": "attention", "binning": "none"},
    {"backbone": "favor"},
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


def by_element(values, batch, samples):
    """Values of a batch in the order of the samples."""
    out = np.zeros((len(samples.X), *np.shape(values)[2:]), np.float32)
    out[batches.rows_of(batch, samples.offsets)] = np.asarray(values)[batch.mask]
    return out


def assert_close(got, expected, tolerance):
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        scale = max(0.1, float(np.abs(b).max(initial=0)))
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize("choice", CONFIGS, ids=lambda c: "-".join(map(str, c.values())))
def test_predictions_losses_and_gradients_are_those_of_events_alone(samples, choice):
    config = ModelConfig(**(SMALL | choice))
    weights = optimisation.hyper(TrainConfig()).weights
    quickly = {"xla_backend_optimization_level": 0}

    def results(batch):
        module = MLPF(config, batch.segments)

        def loss(params, constants):
            prediction = module.apply({"params": params, **constants}, batch.X, batch.segment)
            terms = losses.terms(prediction, batch, weights)
            return losses.total(terms, weights), (prediction, terms)

        return jax.jit(jax.grad(loss, has_aux=True), compiler_options=quickly)

    alone, packed = alone_and_packed(samples)
    shapes = jax.eval_shape(MLPF(config).init, jax.random.key(0), alone.X, alone.segment)
    rng = np.random.default_rng(0)
    # Of any values: a law does not need a good start, and that would have to be compiled.
    variables = jax.tree.map(
        lambda leaf: rng.normal(size=leaf.shape).astype("f4") / 4, dict(shapes)
    )
    variables["statistics"] = jax.tree.map(np.ones_like, variables["statistics"])
    params = variables.pop("params")
    found = []
    for batch in (alone, packed):
        gradient, (prediction, terms) = results(batch)(params, variables)
        rows = jax.tree.map(lambda leaf, batch=batch: by_element(leaf, batch, samples), prediction)
        found.append((rows, terms, gradient))
    assert_close(found[1], found[0], 1e-5)
    assert np.ptp(found[0][0].class_logits) > 1e-2


@pytest.mark.parametrize("size", [512, 64])
def test_neighbours_and_regions_end_where_the_event_does(samples, size, monkeypatch):
    """All of a row in one neighbourhood, and every event in its own."""
    rng = np.random.default_rng(0)
    values = [rng.normal(size=(len(samples.X), *n)).astype("f4") for n in ((6,), (3,), *[()] * 5)]
    alone, packed = alone_and_packed(samples)
    expected = surroundings(alone, samples, values)
    monkeypatch.setattr(neighbourhoods, "SIZE", size)
    wider = [np.pad(a, ((0, 0), (0, 70), (0, 0))[: a.ndim]) for a in packed[:3]]
    got = surroundings(Batch(*wider, packed.event), samples, values)
    assert all(np.abs(part).max() > 0.1 for part in expected)
    assert_close(got, expected, 1e-5)


def surroundings(batch, samples, values):
    """Neighbour features, region loss and its gradient, in the order of the samples."""
    rows = batches.rows_of(batch, samples.offsets)
    placed = [np.zeros((*batch.mask.shape, *v.shape[1:]), "f4") for v in values]
    for target, source in zip(placed, values, strict=True):
        target[batch.mask] = source[rows]

    @jax.jit
    def work(batch, prediction):
        direction = geometry.face_direction(batch.X)
        counts = segments.counts(batch.segment, batch.segments)
        gradient = jax.grad(lambda p: region.region(p, batch).sum())(prediction)
        return (
            geometry.neighbour_features(batch.X, batch.segment, direction, counts),
            region.region(prediction, batch),
            gradient.log_energy,
        )

    found = work(batch, Prediction(*placed))
    return [by_element(part, batch, samples) for part in found]


@pytest.mark.parametrize("kind", ["neighbour features", "region loss"])
def test_what_looks_at_pairs_is_linear_in_a_row(batch_of, kind, monkeypatch):
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
        program = jax.jit(work).lower(batch.X, batch.segment).compile()
        return program(batch.X, batch.segment), program.memory_analysis().temp_size_in_bytes

    (short, less), (long, more) = compiled(512), compiled(1024)
    assert more < 2.2 * less
    assert_close(long[:, :512], short, 1e-5)


def test_rows_for_other_bins_are_refused(samples):
    _, packed = alone_and_packed(samples)
    model = MLPF(ModelConfig(bin_size=24), packed.segments)
    with pytest.raises(ValueError, match="not made of bins of 24"):
        jax.eval_shape(model.init, jax.random.key(0), packed.X, packed.segment)
