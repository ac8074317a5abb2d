"""A dataset gives back what was written, whole or not at all, to readers without our code."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from datasets import samples as stored
from datasets import schema
from datasets.builders import names, read, records, write
from datasets.builders.records import DatasetError
from tests.datasets.builders.published_examples import random_samples, with_shares

ROOT = Path(__file__).parents[3]
FORMS = tuple(schema.ELEMENTS)


@pytest.fixture
def shard(tmp_path):
    """Saves random samples in a folder; returns it and them."""

    def make(name="shard", counts=(3, 0, 7, 2), seed=0, elements="clusters", shares=True):
        samples = random_samples(counts, seed, elements)
        samples = with_shares(samples, seed) if shares and elements == "clusters" else samples
        stored.save(tmp_path / name, samples)
        return tmp_path / name, samples

    return make


@pytest.mark.parametrize("elements", FORMS)
def test_a_dataset_gives_back_what_was_written(tmp_path, shard, same_samples, elements):
    parts = {
        split: [shard(f"{split}-{i}", counts, seed, elements) for i, counts in enumerate(sizes)]
        for seed, (split, sizes) in enumerate(
            {
                "train": [(3, 0, 7, 2), (), (1,)],
                "validation": [(5, 5)],
                "test": [(0, 1)],
            }.items()
        )
    }
    folder = write.build(
        tmp_path / "data", "mine", {s: [f for f, _ in p] for s, p in parts.items()}, elements
    )
    assert folder == tmp_path / "data" / "mine" / "3.2.0"
    for split, shards in parts.items():
        back = read.read(folder, split)
        assert same_samples(back, stored.join([samples for _, samples in shards]))
        assert back.elements == elements
    assert read.open_dataset(folder).notes == ()


@pytest.mark.parametrize("rows", [1, 4, 1000])
def test_a_cache_does_not_depend_on_the_portions(tmp_path, shard, same_samples, rows, monkeypatch):
    monkeypatch.setattr(read, "portions", _in_portions(read.portions, rows))
    shards = [shard("a", (3, 0, 7, 2)), shard("b", (4, 1), seed=1)]
    folder = write.build(tmp_path, "mine", {"test": [f for f, _ in shards]})
    done = []
    read.read_into(folder, "test", tmp_path / "cache", done.append)
    cached, expected = stored.load(tmp_path / "cache"), stored.join([s for _, s in shards])
    assert same_samples(cached, expected)
    assert done[-1] == expected.events
    assert done == sorted(set(done))
    for name in stored.ARRAYS:
        assert isinstance(getattr(cached, name), np.memmap)
        assert getattr(cached, name).dtype == getattr(expected, name).dtype


def _in_portions(portions, rows):
    return lambda dataset, split: portions(dataset, split, rows)


def test_splits_go_on_in_further_files(tmp_path, shard, same_samples, monkeypatch):
    monkeypatch.setattr(records, "FILE_BYTES", 2000)
    folder, samples = shard(counts=[6] * 20)
    dataset = write.build(tmp_path, "mine", {"all": [folder]})
    files = sorted(dataset.glob("*.array_record*"))
    assert 2 < len(files) < 20
    assert files[0].name == f"mine-train.array_record-00000-of-{len(files):05d}"
    assert same_samples(read.read(dataset, "all"), samples)


def test_one_split_all_is_the_union(tmp_path, shard, same_samples):
    import tensorflow_datasets as tfds

    one, two = shard("one"), shard("two", (1, 2), seed=1)
    dataset = write.build(tmp_path, "single", {"all": [one[0], two[0]]})
    assert same_samples(read.read(dataset, "all"), stored.join([one[1], two[1]]))
    assert len(tfds.builder_from_directory(dataset).as_data_source("all")) == 6
    dataset = write.build(tmp_path, "several", {"test": [one[0]], "train": [two[0]]})
    assert same_samples(read.read(dataset, "all"), stored.join([one[1], two[1]]))
    with pytest.raises(DatasetError, match="split all has all events"):
        write.build(tmp_path, "mixed", {"all": [one[0]], "train": [two[0]]})


def test_tfds_opens_it_without_our_code(tmp_path, shard):
    folder, samples = shard(elements="hits")
    dataset = write.build(tmp_path, "mine", {"all": [folder]}, "hits")
    code = f"""
import sys, json, tensorflow_datasets as tfds
builder = tfds.builder_from_directory({str(dataset)!r})
source = builder.as_data_source("all")
event = source[2]
print(json.dumps([builder.info.full_name, len(source), event["X"].tolist(), float(event["genmet"]),
                  builder.info.metadata["x_features"],
                  [m for m in sys.modules if m.split(".")[0] in ("datasets", "tensorflow")]]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    name, count, X, genmet, features, ours = json.loads(done.stdout.splitlines()[-1])
    assert (name, count, genmet) == ("mine/3.2.0", 4, 2.0)
    assert np.array_equal(np.float32(X), samples.X[3:10])
    assert features == list(schema.HIT_FEATURES)
    assert ours == []


def test_examples_are_encoded_as_tfds_does(tmp_path, shard):
    import tensorflow_datasets as tfds

    folder, samples = shard()
    dataset = write.build(tmp_path, "mine", {"all": [folder]})
    features = tfds.builder_from_directory(dataset).info.features
    example = {
        "X": samples.X[:3],
        "ytarget": samples.ytarget[:0],
        "ycand": np.repeat(samples.ycand, 2000, axis=0),  # lengths of several bytes
        "genmet": np.float32(3.5),
        "genjets": np.zeros((1, 4), np.float32),
        "targetjets": np.zeros((0, 4), np.float32),
        "shares": np.ones((2, 3), np.float32),
    }
    ours = features.deserialize_example_np(records.encode(example))
    theirs = features.deserialize_example_np(features.serialize_example(example))
    assert ours.keys() == theirs.keys() == example.keys()
    for name in example:
        assert np.array_equal(ours[name], theirs[name])
        assert np.shape(ours[name]) == np.shape(theirs[name])
    assert len(records.encode(example)) == len(features.serialize_example(example))


def test_published_names():
    assert names.dataset_name("ttbar") == "clic_edm_ttbar_pf"
    assert names.dataset_name("qq", "tracks_hits") == "clic_edm_qq_hits_pf"
    assert names.dataset_name("ww_fullhad", "hits") == "clic_edm_ww_fullhad_hits"
    every = {names.dataset_name(p, e) for p in names.PROCESSES for e in FORMS}
    assert len(every) == len(names.PROCESSES) * len(FORMS)


def test_every_process_can_be_simulated():
    from datasets.simulation import PROCESSES

    assert set(names.PROCESSES) == set(PROCESSES)


def test_nothing_is_left_of_a_dataset_that_fails(tmp_path, shard):
    folder, _ = shard()
    other, _ = shard("hits", elements="hits")
    root = tmp_path / "data"
    for wrong, words in (
        ({"train": [folder], "test": []}, "split 'test' of mine has no events"),
        ({"train": [folder, other]}, "holds hits"),
        ({"train": [folder, tmp_path / "none"]}, "no complete samples"),
    ):
        with pytest.raises(ValueError, match=words):
            write.build(root, "mine", wrong)
        assert not list((root / "mine").iterdir())


@pytest.mark.parametrize("name", ["../escape", "a/b", "Upper", "", "1st"])
def test_names_stay_in_the_folder(tmp_path, shard, name):
    with pytest.raises(DatasetError, match="no name of a dataset"):
        write.build(tmp_path / "data", name, {"train": [shard()[0]]})
    assert not (tmp_path / "data").exists()


def test_a_lost_record_is_noticed(tmp_path, shard, monkeypatch):
    monkeypatch.setattr(records, "count_records", lambda path: 3)
    with pytest.raises(DatasetError, match="has 3 of the 4 records"):
        write.build(tmp_path, "mine", {"train": [shard()[0]]})


def test_a_full_disk_leaves_nothing(tmp_path, shard):
    """Files that cannot grow stand for a disk without room."""
    folder, _ = shard(counts=[200] * 40)
    code = f"""
import resource
from pathlib import Path
from datasets.builders import write
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    write.build(Path({str(tmp_path)!r}) / "data", "mine", {{"train": [Path({str(folder)!r})]}})
except RuntimeError as error:
    print("refused", error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("refused"), done.stdout
    assert "File too large" in done.stdout
    assert not list((tmp_path / "data" / "mine").iterdir())


def test_what_is_no_dataset_is_named(tmp_path, shard):
    with pytest.raises(DatasetError, match="is no TFDS dataset"):
        read.read(tmp_path, "train")
    folder, _ = shard()
    dataset = write.build(tmp_path / "data", "mine", {"test": [folder]})
    with pytest.raises(DatasetError, match="no split 'train', only all, test"):
        read.read(dataset, "train")
    (dataset / "dataset_info.json").write_text("{")
    with pytest.raises(DatasetError, match="is no TFDS dataset"):
        read.read(dataset, "test")


def test_a_damaged_file_is_named(tmp_path, shard):
    folder, _ = shard(counts=[50] * 20)
    dataset = write.build(tmp_path / "data", "mine", {"test": [folder]})
    file = next(dataset.glob("*.array_record*"))
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DatasetError, match="split test: event 0 cannot be read"):
        read.read(dataset, "test")


def test_all_shards_know_shares_or_none_does(tmp_path, shard, same_samples):
    known, unknown = shard("known"), shard("unknown", shares=False)
    folder = write.build(
        tmp_path / "data", "without", {"train": [unknown[0]], "test": [unknown[0]]}
    )
    assert same_samples(read.read(folder, "test"), unknown[1])
    with pytest.raises(DatasetError, match="know the shares of tracks in clusters, not all"):
        write.build(tmp_path / "data", "mixed", {"train": [known[0]], "test": [unknown[0]]})


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("track", 99, "a track that is none"), ("track", -1, "a track that is none"),
        ("cluster", 0.5, "a cluster that is none"), ("energy", np.nan, "no positive energy"),
        ("energy", 0, "no positive energy"),
    ],
)  # fmt: skip
def test_shares_that_name_nothing_are_refused(tmp_path, shard, column, value, message):
    folder, samples = shard("wrong", (9, 9))
    samples.shares[column][-1] = value
    stored.save(folder, samples)
    dataset = write.build(tmp_path / "data", "wrong", {"test": [folder]})
    with pytest.raises(DatasetError, match=f"event [01]: shares .*{message}"):
        read.read(dataset, "test")


def test_a_share_of_a_cluster_is_none_of_a_track(tmp_path, shard):
    folder, samples = shard("swapped", (9, 9))
    columns = samples.shares.columns
    columns["track"], columns["cluster"] = columns["cluster"], columns["track"]
    stored.save(folder, samples)
    dataset = write.build(tmp_path / "data", "swapped", {"test": [folder]})
    with pytest.raises(DatasetError, match="a track that is none"):
        read.read(dataset, "test")
