import pickle
import shutil
from dataclasses import replace

import jax
import numpy as np
import pytest

from mlpf_jax.model import statistics
from mlpf_jax.model.config import ModelConfig, TrainConfig, from_mapping
from mlpf_jax.training import checkpoint, train
from mlpf_jax.training.train import Diverged

MODEL = ModelConfig(
    width=16, layers_id=1, layers_regression=1, bin_size=16, head_width=16, dropout=0.1,
    max_bins=16, neighbour_features=False,
)  # fmt: skip
# The region term falls slowly on targets that are random in space.
TRAIN = TrainConfig(learning_rate=2e-2, warmup_steps=2, total_steps=50, region_weight=0.0)


@pytest.fixture(scope="module")
def batches(batch_of):
    return [batch_of([(10, 20), (4, 9), (15, 17), (0, 3)], 32, seed=s) for s in range(4)]


@pytest.fixture(scope="module")
def start(batches):
    X = np.concatenate([b.X[b.mask] for b in batches])
    return train.create_state(jax.random.key(0), MODEL, TRAIN, statistics.measure(X))


def run(state, batches, epochs):
    return list(train.fit(state, lambda step: batches[step % 3], 3, batches[3:], epochs))


def same(a, b):
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all((np.asarray(x) == np.asarray(y)).all() for x, y in pairs)


def test_training_lowers_the_loss_of_both_parts(start, batches):
    history = run(start, batches, range(16))
    assert [record.epoch for record in history] == list(range(1, 17))
    assert history[-1].metrics["loss"] < 0.5 * history[0].metrics["loss"]
    assert int(history[-1].state.step) == 48


def test_resumed_training_equals_uninterrupted(start, batches, tmp_path):
    whole = run(start, batches, range(3))
    for record in run(start, batches, range(2)):
        checkpoint.save_state(tmp_path, record.epoch, record.state, keep=1)
    assert checkpoint.latest_epoch(tmp_path) == 2
    restored = checkpoint.restore_state(tmp_path, start)
    compiled = train.replacing_step._cache_size()
    (last,) = run(restored, batches, range(2, 3))
    assert train.replacing_step._cache_size() == compiled
    assert same(last.state, whole[-1].state)
    assert last.metrics == whole[-1].metrics


def test_a_state_is_replaced_and_others_are_forgotten(start, batches, tmp_path):
    (after,) = run(start, batches, range(1))
    for epoch, state in ((1, start), (2, start), (3, start), (2, after.state)):
        checkpoint.save_state(tmp_path, epoch, state, keep=9)
    assert same(checkpoint.restore_state(tmp_path, start, 2), after.state)
    checkpoint.forget_others(tmp_path, 2)
    assert checkpoint.latest_epoch(tmp_path) == 2
    assert same(checkpoint.restore_state(tmp_path, start), after.state)
    checkpoint.forget_others(tmp_path, 0)
    assert checkpoint.latest_epoch(tmp_path) is None
    checkpoint.forget_others(tmp_path / "nothing", 0)


def test_restoring_says_what_is_wrong(start, tmp_path):
    assert checkpoint.latest_epoch(tmp_path / "nothing") is None
    with pytest.raises(FileNotFoundError, match="no state"):
        checkpoint.restore_state(tmp_path / "nothing", start)
    checkpoint.save_state(tmp_path, 1, start)
    measured = train.Statistics(**start.constants["statistics"]["inputs"])
    other = train.create_state(jax.random.key(0), replace(MODEL, width=8), TRAIN, measured)
    with pytest.raises(ValueError, match="another model"):
        checkpoint.restore_state(tmp_path, other)


def halved(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def emptied(folder):
    for file in folder.rglob("d/*"):
        file.write_bytes(b"")


DAMAGE = {
    "half of what it says": lambda state: halved(state / "default" / "_METADATA"),
    "what it says is gone": lambda state: (state / "default" / "_METADATA").unlink(),
    "arrays cut short": lambda state: emptied(state),
    "no text": lambda state: (state / "default/array_metadatas/process_0").write_bytes(b"\x83"),
    "all of it gone": lambda state: shutil.rmtree(state / "default"),
}


# What other reads say of their failures would be a warning here, and thousands of lines elsewhere.
@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_state_is_named_and_the_last_that_is_whole_is_offered(start, tmp_path, what):
    for epoch in (1, 2, 3):
        checkpoint.save_state(tmp_path, epoch, start, keep=9)
    for epoch in (3, 2):
        DAMAGE[what](tmp_path / str(epoch))
    with pytest.raises(checkpoint.DamagedState) as caught:
        checkpoint.restore_state(tmp_path, start)
    said = str(caught.value)
    assert f"the state of epoch 3 in {tmp_path} is damaged" in said
    assert f"delete {tmp_path / '3'}; that of epoch 1 is whole" in said
    assert "\n" not in said
    assert checkpoint.saved_epochs(tmp_path) == {1, 2, 3}, "nothing is deleted"
    shutil.rmtree(tmp_path / "1")
    with pytest.raises(checkpoint.DamagedState, match="no other one can be read"):
        checkpoint.restore_state(tmp_path, start, 2)


def test_damaged_models_are_refused(start, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"config\.json is missing"):
        checkpoint.load_model(tmp_path)
    checkpoint.save_model(tmp_path, start.config, start.variables)
    (tmp_path / "arrays.npz").write_bytes(b"PK nothing")
    with pytest.raises(ValueError, match="damaged"):
        checkpoint.load_model(tmp_path)


def test_hyperparameters_share_one_compilation(start, batches):
    train.train_step(start, batches[0])
    compiled = train.train_step._cache_size()
    measured = train.Statistics(**start.constants["statistics"]["inputs"])
    other = TrainConfig(1e-3, weight_decay=0.3, schedule="linear", class_weight=3.0, total_steps=7)
    state = train.create_state(jax.random.key(1), MODEL, other, measured)
    train.train_step(state, batches[0])
    assert train.train_step._cache_size() == compiled


def test_divergence_is_named(start, batches):
    wild = start.hyper._replace(learning_rate=np.float32(np.inf))
    with pytest.raises(Diverged, match="epoch 1") as caught:
        run(start.replace(hyper=wild), batches, range(1))
    assert pickle.loads(pickle.dumps(caught.value)).epoch == 1


def test_evaluation_does_not_depend_on_how_events_are_batched(start, batches):
    cut = [jax.tree.map(lambda leaf, i=i: leaf[i : i + 1], b) for b in batches for i in range(4)]
    whole, parts = train.evaluate(start, batches), train.evaluate(start, cut)
    assert whole == pytest.approx(parts, rel=1e-5)


def test_config_from_mapping():
    config = from_mapping(ModelConfig, {"width": np.int64(32), "dropout": 0})
    assert config == ModelConfig(width=32, dropout=0.0)
    with pytest.raises(ValueError, match=r"key\(s\) widht; known: elements, backbone, form, width"):
        from_mapping(ModelConfig, {"widht": 3})
    with pytest.raises(ValueError, match=r"width = 2\.5 is not of type int"):
        from_mapping(ModelConfig, {"width": 2.5})
    with pytest.raises(ValueError, match=r"backbone = 'cnn' must be one of gnn_lsh"):
        from_mapping(ModelConfig, {"backbone": "cnn"})
    with pytest.raises(ValueError, match="clip"):
        from_mapping(TrainConfig, {"clip": 0})
