"""A training that breaks is stopped at the step that broke it, with its batch."""

import pickle

import numpy as np
import pytest

from datasets import schema
from datasets.schema import Shares
from mlpf_jax.model.config import ModelConfig, TrainConfig
from mlpf_jax.training import divergence, train
from mlpf_jax.training.divergence import Behind, Diverged, first_not_finite

MODEL = ModelConfig(
    backbone="mlp", width=8, layers_id=1, layers_regression=1, bin_size=8, hidden=8, head_width=8,
    max_bins=4, neighbour_features=False, sharing=False, binning="none",
)  # fmt: skip


@pytest.fixture(scope="module")
def quick_step(quick):
    return quick(train.train_step)


@pytest.fixture
def step(quick_step, monkeypatch):
    monkeypatch.setattr(train, "replacing_step", quick_step)


@pytest.mark.parametrize("bad", [3, 9, 11])
def test_the_step_of_the_bad_batch_is_named(batch_of, state_of, step, bad):
    """Wherever in the epoch, and no step further than so many is taken."""
    good = batch_of([(3, 6), (2, 5)], 16)
    ytarget = good.ytarget.copy()
    ytarget[0, :9, schema.target("sin_phi")] = np.nan  # of angles, and then of missing momentum
    broken, asked, seen = good._replace(ytarget=ytarget), [], []

    def batch_at(number):
        asked.append(number)
        return broken if number == bad else good

    state = state_of(MODEL, good, TrainConfig(learning_rate=1e-4))
    epochs = train.fit(
        state, batch_at, 6, [], range(2), watch=lambda number, _: seen.append(number)
    )
    with pytest.raises(Diverged) as caught:
        list(epochs)
    assert (caught.value.epoch, caught.value.step) == (bad // 6 + 1, bad)
    assert caught.value.term == "angle loss"
    assert f"step {bad + 1}: the angle loss is not finite" in str(caught.value)
    assert seen == list(range(bad))
    assert len(asked) <= bad + 1 + divergence.BEHIND


def test_what_breaks_first_is_named():
    fine = {"class": 1.0, "share": 0.0, "loss": 1.0, "gradient_norm": 3.0}
    assert first_not_finite(fine) is None
    assert first_not_finite(fine | {"gradient_norm": np.inf}) == "gradient_norm"
    assert first_not_finite(fine | {"gradient_norm": np.nan, "loss": np.inf}) == "loss"
    assert first_not_finite(dict.fromkeys(fine, np.nan)) == "class loss"


def test_nothing_is_read_before_it_is_behind():
    class Unfinished:
        def __array__(self, *_, **__):
            raise AssertionError("read too early")

    behind = Behind(1)
    for number in range(divergence.BEHIND):
        behind.add(number, {"loss": Unfinished()}, [])
    with pytest.raises(AssertionError, match="too early"):
        behind.add(divergence.BEHIND, {"loss": Unfinished()}, [])


def test_an_error_survives_its_way_between_processes():
    error = Diverged(3, 17, "angle loss", "runs/a/diverged.npz")
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.epoch, copy.step, copy.term, copy.saved) == (3, 17, error.term, error.saved)
    assert str(copy) == str(error)
    assert "runs/a/diverged.npz" in str(error)
    assert "\n" not in str(error)
    assert "step" not in str(Diverged(3, None, "validation class loss"))


def test_batches_are_found_again(batch_of, tmp_path):
    plain = batch_of([(3, 6)], 16)
    rng = np.random.default_rng(0)
    shares = Shares(*(rng.integers(0, 9, (1, 32)) for _ in "tc"), rng.normal(size=(1, 32)))
    batches = [plain, plain._replace(shares=shares), batch_of([(1, 2), (2, 3)], 8)]
    divergence.save_batches(tmp_path / "new" / "bad.npz", batches)
    found = divergence.load_batches(tmp_path / "new" / "bad.npz")
    assert len(found) == 3
    assert [b.shares is None for b in found] == [True, False, True]
    for before, after in zip(batches, found, strict=True):
        np.testing.assert_equal(before._asdict(), after._asdict())
