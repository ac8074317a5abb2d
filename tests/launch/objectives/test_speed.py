"""How fast a training is, on a clock of one's own."""

import numpy as np
import pytest

from launch.objectives import speed
from mlpf_jax.model.config import ModelConfig
from mlpf_jax.training import pieces
from tests.mlpf_jax.conftest import make_batch, make_state

MODEL = ModelConfig(
    backbone="mlp", width=8, layers_id=1, layers_regression=1, bin_size=8, hidden=8, head_width=8,
    max_bins=4, neighbour_features=False, sharing=False, binning="none",
)  # fmt: skip


def test_figures_are_of_the_last_updates():
    """A second each, 3 events and 50 FLOPs a batch, 2 batches an update, of 100 FLOP/s and 400."""
    now = iter([0.0, 90.0, *np.arange(91.0, 500.0)])
    counted = []

    def flops(batch):
        counted.append(batch)
        return 50.0

    meter = speed.Meter(400, 1000.0, flops, lambda: next(now))
    batch = make_batch([(1, 2), (2, 1), (1, 1)], 8)
    assert meter.note() == ""
    for update in range(100):
        meter(update, [batch, batch])
        assert (meter.note() == "") == (update == 0)
    assert meter.done == 100
    assert len(counted) == 1
    assert meter.note() == "6 events/s, 0.1 of a matrix product's FLOP/s, 5 min left"
    meter.rest()
    assert meter.note() == ""
    silent = speed.Meter(3, 0.0, flops, iter([0.0, 1.0]).__next__)
    for update in range(2):
        silent(update, [batch])
    assert silent.note() == "3 events/s, 1 s left"


def test_a_batch_in_pieces_costs_as_often_as_it_has_pieces(monkeypatch):
    batch = make_batch([(3, 4)] * 8, 8)
    state = make_state(MODEL, batch)
    whole = speed.step_flops(state, batch)
    assert pieces.number(pieces.split(batch.X)) == 1
    monkeypatch.setattr(pieces, "CPU_ELEMENTS", 16)
    if pieces.number(pieces.split(batch.X)) == 1:
        pytest.skip("an accelerator takes the whole batch")
    assert pieces.number(pieces.split(batch.X)) == 4
    import jax

    jax.clear_caches()
    assert speed.step_flops(state, batch) == pytest.approx(whole, rel=0.3)


def test_a_matrix_product_takes_time():
    assert 1e8 < speed.matmul_rate(seconds=0.01) < 1e16


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (100, "100 s"), (150, "2 min"), (7300, "2 h"), (200000, "2 d")],
)
def test_durations_are_said_roughly(seconds, words):
    assert speed.duration(seconds) == words
