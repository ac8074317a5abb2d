"""A saved model is used as it was saved, or refused with what was expected and what was found. A
state that is said to be saved is on the disk; one that cannot be written costs no other."""

import errno
import json
import os
import shutil
import subprocess
import sys

import jax
import numpy as np
import pytest
from flax import traverse_util

from datasets import schema
from mlpf_jax.model import statistics
from mlpf_jax.model.config import ModelConfig, from_mapping
from mlpf_jax.model.mlpf import MLPF
from mlpf_jax.training import checkpoint
from tests.mlpf_jax.conftest import MODEL, make_batch, make_state


@pytest.fixture
def saved(variables, tmp_path):
    checkpoint.save_model(tmp_path, MODEL, variables)
    return tmp_path


def rewrite(folder, change):
    path = folder / "config.json"
    description = json.loads(path.read_text())
    change(description)
    path.write_text(json.dumps(description))


def rewrite_arrays(folder, change):
    with np.load(folder / "arrays.npz") as file:
        arrays = dict(file)
    change(arrays)
    np.savez(folder / "arrays.npz", **arrays)


def test_what_was_saved_is_what_is_loaded(saved, variables):
    config, loaded = checkpoint.load_model(saved)
    assert config == MODEL
    expected, got = (traverse_util.flatten_dict(tree, sep="/") for tree in (variables, loaded))
    assert expected.keys() == got.keys()
    assert all((np.asarray(expected[name]) == got[name]).all() for name in expected)


def swap(description, kind):
    names = description["schema"][kind]
    names[2], names[3] = names[3], names[2]


CHANGES = {
    "another format": (
        lambda d: d.update(format=7), ["format is 7", "expected 1"]),
    "another order of track features": (
        lambda d: swap(d, "track"), ["track name 2 is 'sin_phi'", "expected 'eta'"]),
    "another order of cluster features": (
        lambda d: swap(d, "cluster"), ["cluster name 2 is 'sin_phi'", "expected 'eta'"]),
    "another order of classes": (
        lambda d: swap(d, "classes"), ["classes name 2 is 'photon'", "expected 'neutral hadron'"]),
    "fewer features": (
        lambda d: d["schema"]["track"].pop(), ["15 track names", "expected 16"]),
    "a schema of hits": (
        lambda d: d["schema"].update(hit=["elemtype"]), ["1 hit names", "expected 0"]),
    "no schema of targets": (
        lambda d: d["schema"].pop("target"), ["0 target names", "expected 14"]),
    "from before there was binning": (
        lambda d: d["model"].pop("binning"), ["has no binning", "train it again"]),
    "from a later version": (
        lambda d: d["model"].update(rotations=3), ["rotations", "known: elements, backbone"]),
    "heads that do not divide the width": (
        lambda d: d["model"].update(heads=5), ["heads = 5", "divisor of width = 16"]),
    "a model that is no mapping": (
        lambda d: d.update(model=[3]), ["model is [3]"]),
    "another width than the arrays": (
        lambda d: d["model"].update(width=32), ["params/", "has shape", "expects"]),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_model_of_another_version_is_refused(saved, change):
    apply, words = CHANGES[change]
    rewrite(saved, apply)
    with pytest.raises(ValueError, match="not one of this version") as caught:
        checkpoint.load_model(saved)
    assert "\n" not in str(caught.value)
    for word in [str(saved), *words]:
        assert word in str(caught.value)


def test_arrays_of_another_model_are_refused(saved):
    name = "statistics/inputs/mean"

    def narrow(arrays):
        arrays[name] = arrays[name][:, :12]

    rewrite_arrays(saved, narrow)
    with pytest.raises(ValueError, match=rf"{name} has shape \(3, 12\).* expects \(3, 17\)"):
        checkpoint.load_model(saved)
    rewrite_arrays(saved, lambda arrays: arrays.pop(name))
    with pytest.raises(ValueError, match=rf"{name} has shape none"):
        checkpoint.load_model(saved)


@pytest.mark.parametrize("key", ["format", "schema", "model"])
def test_a_damaged_description_is_refused(saved, key):
    rewrite(saved, lambda d: d.pop(key))
    with pytest.raises(ValueError, match=rf"damaged: '{key}'"):
        checkpoint.load_model(saved)


@pytest.mark.parametrize("text", ["{", "[1, 2]", '"words"', ""])
def test_a_description_that_is_none_is_refused(saved, text):
    (saved / "config.json").write_text(text)
    with pytest.raises(ValueError, match="damaged"):
        checkpoint.load_model(saved)


def test_pickled_arrays_are_not_read(saved):
    np.savez(saved / "arrays.npz", anything=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match="damaged"):
        checkpoint.load_model(saved)


@pytest.mark.parametrize("features", [12, 16, 18])
def test_elements_with_other_features_are_refused(saved, features):
    config, variables = checkpoint.load_model(saved)
    X = np.zeros((1, 32, features), np.float32)
    with pytest.raises(ValueError, match=rf"X has {features} features, expected 17"):
        jax.eval_shape(MLPF(config).apply, variables, X, np.ones((1, 32), bool))
    X[..., 0] = 3
    word = "has 18 features: no form" if features == 18 else "must hold element types"
    with pytest.raises(ValueError, match=word):
        statistics.check_elements(X[0])


def test_values_that_are_not_finite_are_named(batch_of):
    X = batch_of([(3, 4)], 7).X[0].copy()
    statistics.check_elements(X)
    statistics.check_elements(X[:0])
    X[5, schema.cluster("num_hits")] = np.nan
    X[6, 2] = np.inf
    with pytest.raises(ValueError, match=r"2 input .* nan at element 5, column 13 \(num_hits\)"):
        statistics.check_elements(X)


def test_events_beyond_the_largest_hash_are_refused(saved):
    config, variables = checkpoint.load_model(saved)
    elements = config.bin_size * (config.max_bins + 2)
    X = jax.ShapeDtypeStruct((1, elements, schema.ELEMENT_WIDTH), np.float32)
    mask = jax.ShapeDtypeStruct((1, elements), bool)
    with pytest.raises(ValueError, match=r"160 elements in bins of 16 need 5 .* raise max_bins"):
        jax.eval_shape(MLPF(config).apply, variables, X, mask)


@pytest.mark.parametrize("backbone", ["gnn_lsh", "attention", "favor"])
def test_heads_divide_the_width(backbone):
    with pytest.raises(ValueError, match="heads = 5 must be a divisor of width = 64"):
        from_mapping(ModelConfig, {"backbone": backbone, "width": 64, "heads": 5})


def test_heads_with_dimensions_of_their_own_need_not():
    assert ModelConfig(backbone="favor", width=64, heads=5, head_dims=8).heads == 5
    with pytest.raises(ValueError, match="heads = 5"):  # kernels share the channels of a message
        ModelConfig(backbone="gnn_lsh", width=64, heads=5, head_dims=8)


@pytest.mark.parametrize(
    ("other", "expected"),
    [({"heads": 2}, "1"), ({"face_kernel": True}, "False"), ({"backbone": "favor"}, "'gnn_lsh'")],
)
def test_the_published_form_is_one(other, expected):
    plain = {"form": "published", "face_kernel": False}
    assert ModelConfig(**plain).form == "published"
    with pytest.raises(ValueError, match=rf"must be {expected} where form is 'published'"):
        ModelConfig(**plain | other)


@pytest.fixture(scope="module")
def state():
    return make_state(MODEL, make_batch([(3, 5)], 16))


FULL = """
import os, resource, sys
from mlpf_jax.training import checkpoint
from tests.mlpf_jax.conftest import MODEL, make_batch, make_state

state = make_state(MODEL, make_batch([(3, 5)], 16))
checkpoint.save_state(sys.argv[1], 1, state)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
try:
    checkpoint.save_state(sys.argv[1], 2, state.replace(step=state.step + 7))
except OSError as error:
    print(error, flush=True)
os._exit(0)
"""


def test_a_state_that_cannot_be_written_ends_in_one_line_and_leaves_the_last(state, tmp_path):
    """In a process that the system lets write no large file, as a full disk would."""
    paths = os.pathsep.join(path or "." for path in sys.path)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FULL, tmp_path], text=True, check=True,
        env={**os.environ, "PYTHONPATH": paths}, capture_output=True,
    )  # fmt: skip
    assert done.stdout == (
        f"[Errno {errno.EFBIG}] the state of epoch 2 cannot be written in {tmp_path}: File too "
        "large; that of epoch 1 is whole: make room, and start the same again\n"
    )
    assert "ERROR:absl" not in done.stderr
    assert checkpoint.saved_epochs(tmp_path) == {1}
    restored = checkpoint.restore_state(tmp_path, state)
    np.testing.assert_array_equal(restored.average, state.average)
    checkpoint.save_state(tmp_path, 2, state.replace(step=state.step + 7))  # there is room again
    assert checkpoint.restore_state(tmp_path, state).step == 7


def test_nothing_is_begun_where_there_is_no_room(state, tmp_path, monkeypatch):
    checkpoint.save_state(tmp_path, 4, state)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(OSError, match="No space left on device; that of epoch 4 is whole"):
        checkpoint.save_state(tmp_path, 5, state)
    assert checkpoint.saved_epochs(tmp_path) == {4}


def test_all_of_a_state_is_on_the_disk_when_it_counts_as_saved(state, tmp_path, monkeypatch):
    """Files, and the folders that name them."""
    brought, sync = set(), os.fsync

    def watched(descriptor):
        sync(descriptor)
        brought.add(os.fstat(descriptor).st_ino)

    monkeypatch.setattr(os, "fsync", watched)
    checkpoint.save_state(tmp_path, 1, state)
    everything = [tmp_path, tmp_path / "1", *(tmp_path / "1").rglob("*")]
    assert len(everything) > 5
    assert {path.stat().st_ino for path in everything} <= brought
