"""Several batches in one update are one batch of all their rows."""

import jax
import numpy as np
import pytest

from mlpf_jax.model.config import ModelConfig, TrainConfig
from mlpf_jax.training import train

MODEL = ModelConfig(
    backbone="mlp", width=8, layers_id=1, layers_regression=1, bin_size=8, hidden=8, head_width=8,
    max_bins=4, neighbour_features=False, sharing=False, binning="none",
)  # fmt: skip
TRAIN = TrainConfig(learning_rate=0.1, warmup_steps=0, missing_weight=0.3, clip=1e9)
STEPS = ("train_step", "count_step", "add_gradient_step", "update_step", "evaluate_step")


@pytest.fixture(autouse=True)
def steps(quick_steps, monkeypatch):
    for name, step in quick_steps.items():
        monkeypatch.setattr(train, name, step)


@pytest.fixture(scope="module")
def quick_steps(quick):
    return {name: quick(getattr(train, name)) for name in STEPS}


@pytest.fixture(scope="module")
def whole(batch_of):
    """Events of very different sizes, so that a mean of means would be another number."""
    return batch_of([(7, 9), (1, 0), (0, 2), (5, 8), (1, 1), (2, 0)], 16)


def rows(batch, *chosen):
    return jax.tree.map(lambda leaf: leaf[list(chosen)], batch)


def test_the_update_is_that_of_the_large_batch(whole, state_of):
    state = state_of(MODEL, whole, TRAIN)
    large, of_large = train.train_on(state, [whole])
    small, of_small = train.train_on(
        state, [rows(whole, 0, 1), rows(whole, 2, 3), rows(whole, 4, 5)]
    )
    for name, value in of_large.items():
        assert float(of_small[name]) == pytest.approx(float(value), rel=1e-6), name
    # The first moment is a tenth of the gradient.
    ours, theirs = (np.asarray(s.adam.mu, float) for s in (small, large))
    assert np.linalg.norm(ours - theirs) < 1e-6 * np.linalg.norm(theirs)
    assert int(small.step) == 1


@pytest.mark.soak
def test_lengths_may_differ(whole, state_of):
    """Padding is nothing."""
    state = state_of(MODEL, whole, TRAIN)
    short = rows(whole, 1, 2)
    short = short._replace(**{k: getattr(short, k)[:, :8] for k in ("X", "ytarget", "segment")})
    _, cut = train.train_on(state, [short, rows(whole, 0, 3, 4, 5)])
    _, large = train.train_on(state, [whole])
    for name, value in large.items():
        assert float(cut[name]) == pytest.approx(float(value), rel=1e-5), name


@pytest.mark.parametrize(("batches", "accumulate", "updates"), [(6, 2, 3), (7, 3, 3), (2, 5, 1)])
def test_an_epoch_takes_every_batch_once(whole, state_of, batches, accumulate, updates):
    taken = []

    def batch_at(number):
        taken.append(number)
        return rows(whole, 0, 1)

    state = state_of(MODEL, whole, TRAIN)
    epochs = list(train.fit(state, batch_at, batches, [], range(2), accumulate=accumulate))
    assert taken == list(range(2 * batches))
    assert [int(epoch.state.step) for epoch in epochs] == [updates, 2 * updates]
    assert train.updates_per_epoch(batches, accumulate) == updates
