"""The loss of shares: a divergence against loops, for tracks whose particle is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from datasets import schema
from datasets.schema import Shares
from mlpf_jax.model.heads import Prediction
from mlpf_jax.model.sharing import Sharing, log_share
from mlpf_jax.training import share_loss

POWER = jnp.asarray(0.5)


@pytest.fixture(scope="module")
def case(batch_of):
    """Tracks 0 to 3 with clusters from 4 on; in the second row track 2 left nothing anywhere."""
    batch = batch_of([(4, 6), (3, 2)], 12)
    y = batch.ytarget.copy()
    y[:, :4, schema.target("PDG")] = 1
    y[:, :4, schema.target("pt")] = y[:, :4, schema.target("energy")] = 2.0
    y[0, 3] = 0  # a track of nobody
    links = [
        [(0, 4, 1.0), (0, 5, 3.0), (1, 5, 2.0), (2, 9, 0.5)],
        [(0, 3, 1.0), (1, 3, 4.0), (1, 4, 0.1)],
    ]
    padded = np.array([(row + [(0, 0, 0.0)] * 8)[:8] for row in links])
    shares = Shares(*(padded[..., i].astype(t) for i, t in enumerate(("i4", "i4", "f4"))))
    rng = np.random.default_rng(0)
    sharing = Sharing(*(rng.normal(size=(2, 12, n)).astype("f4") for n in (16, 16, 3)),
                      *(rng.normal(size=(2, 12)).astype("f4") + n for n in (0, 5)))  # fmt: skip
    nothing = np.zeros((2, 12), np.float32)
    prediction = Prediction(*[nothing] * 7, sharing=sharing)
    return prediction, batch._replace(ytarget=y, shares=shares), links


def test_the_divergence_against_loops(case):
    prediction, batch, links = case
    found = jax.jit(share_loss.share)(prediction, batch)
    expected = np.zeros((2, 12))
    for row, of_row in enumerate(links):
        for track in range(12):
            known = batch.X[row, track, 0] == schema.TRACK and batch.ytarget[row, track, 0] > 0
            if not known:
                continue
            own = [(c, e) for t, c, e in of_row if t == track]
            total = sum(e for _, e in own)
            nowhere = prediction.sharing.nowhere - prediction.sharing.log_total
            expected[row, track] = 0 if own else -nowhere[row, track]
            for cluster, energy in own:
                pair = np.full((2, 1), track), np.full((2, 1), cluster)
                log_predicted = float(log_share(prediction.sharing, *pair)[row, 0])
                part = energy / total
                expected[row, track] += part * (np.log(part) - log_predicted)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert expected[1, 2] != 0  # in no cluster
    assert expected[0, 3] == 0  # nobody's


def test_true_shares_cost_nothing(case):
    """And others do: the least of a divergence is where both agree."""
    prediction, batch, _ = case
    alone = batch._replace(shares=Shares(*(x[:, 2:3] for x in batch.shares)))
    zero = jax.tree.map(np.zeros_like, prediction.sharing)
    # Logit NEAR of the one cluster, and a total that is hardly more.
    sure = zero._replace(log_total=np.full((2, 12), 4.0), nowhere=np.full((2, 12), -30.0))
    cost = share_loss.share(prediction._replace(sharing=sure), alone)
    assert float(cost[0, 1]) == pytest.approx(0, abs=1e-6)
    unsure = sure._replace(log_total=np.full((2, 12), 5.0))
    assert float(share_loss.share(prediction._replace(sharing=unsure), alone)[0, 1]) > 0.9


def test_importance_is_of_known_tracks(case):
    _, batch, _ = case
    found = np.asarray(share_loss.importance(batch, POWER))
    known = (batch.X[..., 0] == schema.TRACK) & (batch.ytarget[..., 0] > 0)
    np.testing.assert_allclose(found[known], np.sqrt(batch.X[known, 5]), rtol=1e-6)
    assert not found[~known].any()
    assert known.sum() == 6


def test_unknown_or_unpredicted_shares_cost_nothing(case):
    prediction, batch, _ = case
    unknown = batch._replace(shares=None)
    assert not share_loss.share(prediction, unknown).any()
    assert not share_loss.importance(unknown, POWER).any()
    assert not share_loss.share(prediction._replace(sharing=None), batch).any()


def test_gradients_are_finite_without_any_link(case):
    prediction, batch, _ = case
    empty = batch._replace(shares=Shares(*(np.zeros_like(x) for x in batch.shares)))
    for given in (batch, empty):

        def loss(sharing, given=given):
            return share_loss.share(prediction._replace(sharing=sharing), given).sum()

        gradient = jax.jit(jax.grad(loss))(jax.tree.map(jnp.asarray, prediction.sharing))
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))
        assert np.abs(gradient.log_total).max() > 0
