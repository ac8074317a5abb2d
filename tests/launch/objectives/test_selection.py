"""Which epoch is taken, and when a training ends."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets import jets
from datasets import samples as stored
from datasets.batches import make_plan, sequential
from datasets.events import Samples, offsets_of
from launch.objectives import selection
from launch.shell.runs import RunError
from mlpf_jax.physics import evaluation
from tests.mlpf_jax.conftest import make_event

values = st.lists(st.floats(0, 1) | st.just(math.inf), min_size=1, max_size=12)


@given(values)
def test_the_best_is_the_first_of_the_lowest(losses):
    scores = dict(enumerate(losses, start=1))
    found = selection.best(scores)
    if all(map(math.isinf, losses)):
        assert found == len(losses)
    else:
        assert found == int(np.argmin(losses)) + 1


@given(values, st.integers(0, 5))
def test_patience_counts_from_the_best(losses, patience):
    """As a naive loop would: it ends at the first epoch that many after one not beaten since."""
    scores, lowest, since, over = {}, math.inf, 0, False
    for epoch, loss in enumerate(losses, start=1):
        scores[epoch] = loss
        since = 0 if loss < lowest or math.isinf(lowest) else since + 1
        lowest = min(lowest, loss)
        over = patience > 0 and since >= patience
        assert selection.ended(scores, patience) == over
    assert not selection.ended({}, patience)


def test_an_epoch_is_judged_by_what_was_chosen():
    record = {"epoch": 3, "loss": 9.0, "validation_loss": 0.5, "jets": 0.9}
    assert selection.score(record, "loss") == 0.5
    assert selection.score(record, "jets") == 0.9
    assert selection.score(record | {"jets": None}, "jets") == math.inf
    assert selection.score(record | {"validation_loss": math.nan}, "loss") == math.inf
    scores = {e: selection.score(record | {"epoch": e}, "last") for e in (1, 2, 3)}
    assert selection.best(scores) == 3
    assert not selection.ended(scores, 1)


def samples(rng, events=6):
    parts = [make_event(rng, 12, 12) for _ in range(events)]
    X, y = (np.concatenate(each) for each in zip(*parts, strict=True))
    offsets = offsets_of(np.full(events, 24))
    true = evaluation.row_momenta(y)
    found = jets.cluster(true.pt, true.eta, true.phi, true.energy, offsets, 0.4, 5.0)[0]
    met = np.zeros(events, np.float32)
    candidate = y.copy()
    for name in ("pt", "energy"):
        candidate[:, evaluation.schema.target(name)] *= rng.uniform(0.8, 1.2, len(y))
    return Samples(offsets, X, y, candidate, met, found, found)


def test_a_state_is_judged_by_its_jets(monkeypatch):
    """The baseline's particles have a ratio of 1, the truth's a better one, nothing has none."""
    from mlpf_jax.training import train

    held_out = samples(np.random.default_rng(0))
    batches = sequential(held_out, make_plan(np.diff(held_out.offsets), 4, 1, 8))
    measure = selection.jets_measure(held_out, batches)

    def reconstruct(rows, batch, mesh):
        out = np.zeros(batch.ytarget.shape, np.float32)
        out[batch.mask] = rows[selection.rows_of(batch, held_out.offsets)]
        return out

    monkeypatch.setattr(train, "reconstruct_step", reconstruct)
    assert measure(held_out.ycand) == pytest.approx(1.0)
    assert measure(held_out.ytarget) < 0.9
    assert measure(np.zeros_like(held_out.ycand)) is None
    nothing = stored.take(held_out, np.arange(6))
    nothing.ycand[:] = 0
    with pytest.raises(RunError, match="too few jets"):
        selection.jets_measure(nothing, batches)
