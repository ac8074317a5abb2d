"""Energy accounting: shares against loops, and what is taken and left of every cluster."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from datasets import schema
from mlpf_jax.layers import neighbourhoods, segments
from mlpf_jax.model import sharing
from mlpf_jax.model.backbones import Scene
from mlpf_jax.model.config import ModelConfig
from mlpf_jax.model.geometry import face_direction
from mlpf_jax.model.mlpf import MLPF

PAIRS = 3  # hidden values of a track and a cluster
SIZES = [(20, 37), (5, 9), (12, 40), (0, 3), (4, 0), (1, 1)]


def account_of(quick, batch, segments_in_row=1, seed=0):
    """The account of a layer of any values, and what it was given."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(*batch.X.shape[:2], 5)).astype(np.float32)
    segment = jnp.asarray(batch.segment)
    counts = segments.counts(segment, segments_in_row)
    scene = Scene(face_direction(batch.X), segment, counts, None)
    module = sharing.EnergySharing(PAIRS)
    variables = quick(module.init)(jax.random.key(seed), batch.X, x, scene)
    variables = jax.tree.map(lambda v: v + 0.5 * rng.normal(size=v.shape), variables)
    return quick(module.apply)(variables, batch.X, x, scene), variables


@pytest.fixture(scope="module")
def case(batch_of, quick):
    batch = batch_of(SIZES, 64)
    return batch, *account_of(quick, batch)


def share_matrix(found: sharing.Sharing, batch):
    """All shares of each row by their definition, in double precision; and those of nowhere."""
    query, key, point, nowhere = (np.asarray(a, float) for a in found[:4])
    rows, elements = batch.segment.shape
    share, lost = np.zeros((rows, elements, elements)), np.zeros((rows, elements))
    kind = batch.X[..., 0]
    for row, track in np.argwhere((kind == schema.TRACK) & batch.mask):
        weights = {}
        for cluster in np.flatnonzero((kind[row] == schema.CLUSTER) & batch.mask[row]):
            if batch.segment[row, cluster] != batch.segment[row, track]:
                continue
            squared = ((point[row, track] - point[row, cluster]) ** 2).sum()
            far = np.log1p(squared)
            (q, u, s, v), (k, w) = (
                np.split(query[row, track], [16, 16 + PAIRS, 16 + 2 * PAIRS]),
                np.split(key[row, cluster], [16]),
            )
            hidden = np.maximum(u + w - (s + 0.5) * far, 0)
            logit = q @ k / 4 + v @ hidden + 4 - 3 * far
            weights[cluster] = np.exp(logit)
        total = np.exp(nowhere[row, track]) + sum(weights.values())
        lost[row, track] = np.exp(nowhere[row, track]) / total
        for cluster, weight in weights.items():
            share[row, track, cluster] = weight / total
    return share, lost


def test_shares_are_as_defined_and_sum_to_one(case, quick):
    batch, account, _ = case
    found = account.sharing
    expected, lost = share_matrix(found, batch)
    given = (found.query, found.key, found.point, found.nowhere, batch.segment, batch.X[..., 0])
    share, log_total = quick(sharing.shares)(*given)
    np.testing.assert_allclose(share, expected, atol=2e-6)
    is_track = (batch.X[..., 0] == schema.TRACK) & batch.mask
    nowhere = np.exp(np.asarray(found.nowhere - log_total))[is_track]
    np.testing.assert_allclose(nowhere, lost[is_track], rtol=1e-4)
    np.testing.assert_allclose(np.asarray(share).sum(-1)[is_track] + nowhere, 1, rtol=1e-5)
    np.testing.assert_allclose(found.log_total, log_total, atol=1e-5)


def test_hidden_values_of_pairs_decide(case):
    """Of many pairs some are on and some are off."""
    _, account, _ = case
    query, key = (np.asarray(a[0]) for a in account.sharing[:2])
    hidden = query[:20, None, 16 : 16 + PAIRS] + key[None, 20:57, 16:]
    assert 0.2 < (hidden > 0).mean() < 0.8


def test_what_is_taken_and_left_closes(case):
    batch, account, _ = case
    share, _ = share_matrix(account.sharing, batch)
    energy = np.where(batch.mask, batch.X[..., 5], 0).astype(float)
    is_cluster = batch.mask & (batch.X[..., 0] == schema.CLUSTER)
    taken, left = np.asarray(account.taken, float), np.asarray(account.left, float)
    np.testing.assert_array_equal(taken[~is_cluster], 0)
    np.testing.assert_array_equal(left[~is_cluster], 0)
    # A track gives at most its momentum, and none of it twice.
    given = np.where(batch.X[..., 0] == schema.TRACK, energy, 0)
    assert (taken.sum(-1) <= given.sum(-1) * (1 + 1e-6)).all()
    assert (taken <= np.einsum("rtc,rt->rc", share, given) + 1e-5).all()
    assert taken[is_cluster].max() > 0.1
    rest = (energy - taken)[is_cluster]
    assert (left[is_cluster] >= 0).all()
    assert (left[is_cluster] >= rest - 1e-4).all()
    scale = 0.15 * np.sqrt(energy + 0.05) + 0.02
    clear = rest > 5 * scale[is_cluster]
    assert clear.any()
    np.testing.assert_allclose(left[is_cluster][clear], rest[clear], rtol=2e-3)
    logs = np.log(np.maximum(left / np.where(energy > 0, energy, 1), sharing.LEAST))
    np.testing.assert_allclose(account.log_left[is_cluster], logs[is_cluster], atol=1e-3)
    assert not np.asarray(account.log_left)[~is_cluster].any()


@pytest.mark.parametrize("factor", [1.0, 1e2, 1e4])
def test_what_heads_see_of_a_cluster_is_a_matter_of_its_energy_and_what_is_taken(
    batch_of, quick, factor
):
    """However many times over tracks explain it: `left` is then 0 where numbers below 1e-38 are,
    as on CPUs, and is not elsewhere."""
    batch = batch_of(SIZES, 64)
    tracks = batch.X[..., 0] == schema.TRACK
    batch.X[..., 5] *= np.where(tracks, factor, 1.0)
    account, _ = account_of(quick, batch)
    energy = np.where(batch.mask, batch.X[..., 5], 0)
    usable = batch.mask & (batch.X[..., 0] == schema.CLUSTER) & (energy > 0)
    assert (np.asarray(account.left)[usable] < 1e-30).any() == (factor > 1)
    log_left, excess, log_taken = np.moveaxis(np.asarray(account.values(batch.X[..., 5])), -1, 0)
    expected = np.clip((energy - account.taken) / np.sqrt(energy + 0.1), -5, 20)
    np.testing.assert_allclose(excess, np.where(usable, expected, 0), rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(log_left, account.log_left)
    np.testing.assert_allclose(log_taken, np.log1p(account.taken), rtol=1e-5)


def test_log_shares_of_pairs_are_those_of_the_matrix(case):
    batch, account, _ = case
    share, _ = share_matrix(account.sharing, batch)
    row, track, cluster = np.nonzero(share > 1e-12)
    for r in np.unique(row):
        here = row == r
        pairs = track[here][None], cluster[here][None]
        of_row = jax.tree.map(lambda a, r=r: a[r : r + 1], account.sharing)
        found = sharing.log_share(of_row, *pairs)[0]
        np.testing.assert_allclose(found, np.log(share[r][pairs])[0], atol=1e-3)


def test_nothing_leaves_an_event(case, quick):
    """Events of one row: what each takes and leaves is what it would alone."""
    batch, _, _ = case
    flat = batch._replace(
        X=batch.X.reshape(1, -1, batch.X.shape[-1]),
        segment=(batch.segment * np.arange(1, len(SIZES) + 1)[:, None]).reshape(1, -1),
    )
    together, _ = account_of(quick, flat, len(SIZES))
    alone, _ = account_of(quick, batch)
    for name in ("taken", "left", "log_left"):
        joined = np.asarray(getattr(together, name)).reshape(len(SIZES), -1)
        np.testing.assert_allclose(joined, getattr(alone, name), rtol=1e-4, atol=1e-5)


@pytest.mark.soak
def test_a_long_row_is_shared_in_neighbourhoods(batch_of, quick):
    """1,200 elements: shares are within tiles, and none is lost or given twice."""
    batch = batch_of([(500, 700)], 1216)
    account, _ = account_of(quick, batch)
    found = account.sharing
    scene = (face_direction(batch.X), batch.segment, np.array([[1200]]))
    near = neighbourhoods.find(*scene)
    given = (found.query, found.key, found.point, found.nowhere, batch.segment, batch.X[..., 0])
    inside = [neighbourhoods.into(near, a) for a in given]
    assert inside[0].shape[:2] == (3, neighbourhoods.SIZE)
    share, log_total = quick(sharing.shares)(*inside)
    is_track = inside[5] == schema.TRACK
    nowhere = np.exp(np.asarray(inside[3] - log_total))
    np.testing.assert_allclose((share.sum(-1) + nowhere)[is_track], 1, rtol=1e-5)
    assert is_track.sum() == 500
    is_cluster = batch.X[..., 0] == schema.CLUSTER
    assert np.asarray(account.taken)[is_cluster].max() > 0.1


@pytest.fixture(scope="module")
def gradient_of(batch_of, quick):
    """The gradient of an untrained model's energies, compiled once for all events of one size."""
    batch = batch_of([(20, 30)], 64)
    config = ModelConfig(width=8, layers_id=1, layers_regression=1)
    model = MLPF(config)
    variables = quick(model.init)(jax.random.key(0), batch.X, batch.segment)
    fixed = {name: v for name, v in variables.items() if name != "params"}

    def loss(params, X):
        prediction = model.apply({"params": params, **fixed}, X, batch.segment)
        return jnp.minimum(prediction.log_energy, 5.0).sum()

    gradient = quick(jax.grad(loss))
    return batch, lambda X: gradient(variables["params"], X)


@pytest.mark.parametrize("energy", [0.0, 1e-6, 1.0, 1e6])
def test_gradients_of_extreme_energies_are_finite(gradient_of, energy):
    """Clusters with nothing in them, and tracks that take all there is and more."""
    batch, gradient = gradient_of
    X = batch.X.copy()
    X[0, 20:50, 5] = energy
    found = gradient(X)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(found))
    if energy == 1.0:
        assert np.abs(found["sharing"]["log_reach"]) > 0


def test_heads_correct_what_is_left(batch_of, quick):
    """An untrained model: a cluster whose energy its track explains has little left."""
    batch = batch_of([(1, 1)], 64)
    X = batch.X.copy()
    X[0, 0, schema.track("omega")] = 1e-9
    X[0, 1, [2, 3, 4]] = X[0, 0, [2, 3, 4]]
    X[0, :2, 5] = 10.0, 8.0
    X[0, 1, 6:9] = 1500 * np.asarray(face_direction(X))[0, 0]
    config = ModelConfig(width=8, layers_id=1, layers_regression=1, neighbour_features=False)

    def energy(config):
        found, _ = quick(MLPF(config).init_with_output)(jax.random.key(0), X, batch.segment)
        return 8 * np.exp(found.log_energy[0, 1])

    assert energy(config) < 2
    assert energy(replace(config, sharing=False)) > 5
