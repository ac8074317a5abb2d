"""What a step keeps, and that it does not matter how a batch is cut."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from datasets import schema
from mlpf_jax.model import initial, statistics
from mlpf_jax.model.config import ModelConfig, TrainConfig
from mlpf_jax.physics import calibration
from mlpf_jax.training import pieces, train

MODEL = ModelConfig(
    width=16, layers_id=1, layers_regression=1, bin_size=16, head_width=16, dropout=0.0,
    max_bins=16, neighbour_features=False,
)  # fmt: skip


TRAIN_STEP = train.train_step


@pytest.fixture(scope="module")
def batch(batch_of):
    return batch_of([(10, 20), (4, 9), (15, 17), (2, 3)], 32)


@pytest.fixture(scope="module")
def start(batch):
    measured = statistics.measure(batch.X[batch.mask])
    return train.create_state(jax.random.key(0), MODEL, TrainConfig(warmup_steps=0), measured)


def quick(step):
    """The step as a program that is compiled quickly, and anew."""
    return jax.jit(lambda *values: step.__wrapped__(*values), compiler_options=initial.UNOPTIMISED)


@pytest.fixture(scope="module")
def quick_steps():
    return {
        name: quick(getattr(train, name))
        for name in ("train_step", "replacing_step", "evaluate_step")
    }


@pytest.fixture(autouse=True)
def steps(quick_steps, monkeypatch):
    for name, step in quick_steps.items():
        monkeypatch.setattr(train, name, step)


def leaves(tree):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


def test_a_step_knows_the_calorimeter_face(start, batch):
    """Before CLIC's face all is as with none; before another the model sees something else, and so
    do the terms that ask nothing of places."""
    faces = (None, np.float32(schema.CLIC_FACE), np.float32([2150.0, 2307.0]))
    plain, clic, other = (
        train.train_step(
            start, batch._replace(face=None if face is None else np.tile(face, (4, 1)))
        )
        for face in faces
    )
    for name in ("class", "energy", "angle"):
        values = [float(metrics[name]) for _, metrics in (plain, clic, other)]
        assert values[1] == pytest.approx(values[0], rel=1e-5)
        assert abs(values[2] / values[0] - 1) > 1e-4, name


def test_candidates_are_what_is_decided_of(start, batch):
    """With no bias their particles are the model's; as candidates, all elements are some."""
    rows = np.asarray(train.reconstruct_step(start, batch))[batch.mask]
    found = [np.asarray(x)[batch.mask] for x in train.candidates_step(start, batch)]
    candidates = calibration.Candidates(*found)
    np.testing.assert_allclose(calibration.decided(candidates, 0.0, 0.0), rows, rtol=1e-5)
    kind = schema.target("PDG")
    assert (candidates.rows[:, kind] > 0).all()
    assert (rows[:, kind] > 0).sum() > 0


def test_a_step_moves_parameters_and_moments_and_counts(start, batch):
    state = start
    for step in range(1, 3):
        before, (state, _) = state, train.train_step(state, batch)
        assert int(state.step) == step
        for old, new in ((before.params, state.params), (before.adam, state.adam)):
            assert any((a != b).any() for a, b in zip(leaves(old), leaves(new), strict=True))
        assert state.config == start.config
        for kept in ("constants", "hyper", "seed"):
            pairs = zip(*(leaves(getattr(s, kept)) for s in (start, state)), strict=True)
            assert all((a == b).all() for a, b in pairs)
    assert int(leaves(state.adam)[0]) == 2


def test_the_gradient_does_not_depend_on_the_pieces(start, batch, monkeypatch):
    """Nor do the metrics: sums over pieces are divided by the counts of the whole batch."""
    _, whole = train.train_step(start, batch)
    assert pieces.number(pieces.split(batch.X)) == 1
    monkeypatch.setattr(pieces, "CPU_ELEMENTS", 32)
    if pieces.number(pieces.split(batch.X)) == 1:
        pytest.skip("an accelerator takes the whole batch")
    _, cut = quick(TRAIN_STEP)(start, batch)
    for name, value in whole.items():
        assert float(cut[name]) == pytest.approx(float(value), rel=2e-3), name


def test_an_epoch_tells_of_held_out_batches_where_there_are_any(start, batch):
    numbers = []

    def batch_at(step):
        numbers.append(step)
        return batch

    (with_some,) = train.fit(start, batch_at, 2, [batch], range(3, 4))
    (without,) = train.fit(start, batch_at, 2, [], range(3, 4))
    assert numbers == [6, 7, 6, 7]
    assert not [name for name in without.metrics if name.startswith("validation_")]
    held_out = train.evaluate(with_some.state, [batch, batch])
    assert with_some.metrics == pytest.approx(
        without.metrics | {f"validation_{name}": value for name, value in held_out.items()}
    )
    with pytest.raises(ValueError, match="no batches"):
        train.evaluate(start, [])


def test_a_rate_of_nothing_keeps_the_parameters(start, batch):
    hyper = start.hyper._replace(learning_rate=0 * start.hyper.learning_rate)
    state, _ = train.train_step(replace(start, hyper=hyper), batch)
    for old, new in zip(leaves(start.params), leaves(state.params), strict=True):
        np.testing.assert_array_equal(old, new)
