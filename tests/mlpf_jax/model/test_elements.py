"""Models of every form of elements: clusters or hits, with tracks or without."""

import jax
import numpy as np
import pytest

from datasets import schema
from datasets.schema import Batch
from mlpf_jax.model import geometry, heads, statistics
from mlpf_jax.model.config import ELEMENTS, ModelConfig
from mlpf_jax.model.mlpf import MLPF
from mlpf_jax.training import checkpoint, train
from tests.soaked import soaked

HITS = ("hits", "tracks_hits")
SMALL = {"width": 16, "layers_id": 1, "layers_regression": 1, "bin_size": 16, "max_bins": 8}


def of_hits(batch: Batch, elements: str) -> Batch:
    """The same events, every cluster a hit of its energy and place, tracks left out or not."""
    form = schema.ELEMENTS[elements]
    X = np.zeros((*batch.X.shape[:2], form.width), np.float32)
    is_track = batch.X[..., 0] == schema.TRACK
    X[..., :9] = batch.X[..., :9]
    if form.has_tracks:
        X[is_track] = batch.X[is_track][:, : form.width]
    rng = np.random.default_rng(0)
    hit = batch.mask & (~is_track | (not form.has_tracks))
    X[hit, 0] = schema.HIT
    X[hit, schema.hit("time")] = rng.exponential(1.0, hit.sum())
    X[hit, schema.hit("subdetector")] = rng.integers(0, 4, hit.sum())
    return batch._replace(X=X)


def config_of(elements):
    return ModelConfig(**SMALL, elements=elements, sharing=elements != "hits")


@pytest.fixture(scope="module", params=[*soaked("hits"), "tracks_hits"])
def case(request, batch_of, state_of, quick):
    batch = of_hits(batch_of([(12, 20), (5, 9)], 40), request.param)
    config = config_of(request.param)
    state = state_of(config, batch)
    apply = quick(MLPF(config).apply)
    return config, batch, state, apply, apply(state.variables, batch.X, batch.segment)


def test_forms_are_told_by_their_width():
    assert set(ELEMENTS) == set(schema.ELEMENTS)
    for form in schema.ELEMENTS.values():
        assert schema.form_of_width(form.width) is form
        assert statistics.scales(form).shape == (statistics.TYPES, form.width)
    with pytest.raises(ValueError, match=r"X has 5 features: .*17 \(clusters\), 12 \(hits\)"):
        schema.form_of_width(5)


def test_what_an_element_can_be(case):
    """A hit is charged only where no track could be; a track is never neutral."""
    config, batch, _, _, found = case
    likely = np.asarray(found.class_logits) > heads.IMPOSSIBLE_LOGIT
    charged = [schema.CLASSES.index(name) for name in heads.CHARGED]
    neutral = [schema.CLASSES.index(name) for name in heads.NEUTRAL]
    hit = batch.X[..., 0] == schema.HIT
    assert likely[hit][:, neutral].all()
    assert likely[hit][:, charged].any() == (config.elements == "hits")
    is_track = batch.X[..., 0] == schema.TRACK
    assert is_track.any() == (config.elements == "tracks_hits")
    assert not likely[is_track][:, neutral].any()


def test_padding_and_order_change_nothing(case):
    _, batch, state, apply, found = case
    order = np.random.default_rng(1).permutation(32)
    X, segment = batch.X.copy(), batch.segment.copy()
    X[0, :32], segment[0, :32] = batch.X[0, order], batch.segment[0, order]
    mixed = apply(state.variables, X, segment)
    for name in ("class_logits", "log_pt", "log_energy", "eta"):
        a, b = np.asarray(getattr(found, name))[0, order], np.asarray(getattr(mixed, name))[0, :32]
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4, err_msg=name)
    assert not np.asarray(found.log_energy)[~batch.mask].any()


def test_subdetectors_are_seen(case):
    _, batch, state, apply, found = case
    X = batch.X.copy()
    hit = X[..., 0] == schema.HIT
    X[hit, schema.hit("subdetector")] = (X[hit, schema.hit("subdetector")] + 1) % 4
    other = apply(state.variables, X, batch.segment)
    assert np.abs(np.asarray(other.class_logits) - found.class_logits)[batch.mask].max() > 1e-3


def test_hits_of_the_ecal_are_known(case):
    """What the nearest elements hold of it, as of clusters: 1 for its hits, 0 for others."""
    _, batch, *_ = case
    is_hit = batch.X[..., 0] == schema.HIT
    found = np.asarray(geometry._ecal_share(batch.X, is_hit, batch.X[..., 5]))
    ecal = is_hit & (batch.X[..., schema.hit("subdetector")] == schema.ECAL)
    assert 0 < ecal.sum() < is_hit.sum()
    np.testing.assert_array_equal(found, ecal)


def test_a_training_step_changes_all_parts(case, quick):
    _, batch, state, *_ = case
    after, metrics = quick(train.train_step)(state, batch)
    assert np.isfinite(float(metrics["loss"]))
    changed = jax.tree.map(lambda a, b: bool(np.any(a != b)), state.params, after.params)
    assert {"embedding", "heads", "identification", "regression"} <= changed.keys()
    assert all(any(jax.tree.leaves(part)) for part in changed.values())


def test_it_is_saved_and_takes_nothing_else(case, batch_of, tmp_path):
    config, _, state, *_ = case
    checkpoint.save_model(tmp_path, config, state.variables)
    found, variables = checkpoint.load_model(tmp_path)
    assert found == config
    jax.tree.map(np.testing.assert_array_equal, variables, state.variables)
    clusters = batch_of([(3, 4)], 8)
    with pytest.raises(ValueError, match=f"17 features, expected .* model of '{config.elements}'"):
        jax.eval_shape(MLPF(found).apply, variables, clusters.X, clusters.mask)


def test_hits_alone_have_nothing_to_share():
    with pytest.raises(ValueError, match="sharing = True must be False where elements are hits"):
        ModelConfig(elements="hits")
    with pytest.raises(ValueError, match="elements = 'cells' must be one of clusters, hits"):
        ModelConfig(elements="cells")
