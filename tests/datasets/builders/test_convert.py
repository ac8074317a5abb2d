"""tfrecord directories become array_record whole or not at all; no name leads out of them."""

import json

import pytest

from datasets.builders import convert, read
from datasets.builders.records import DatasetError, encode
from datasets.storage.folders import FolderError
from datasets.storage.tfrecord import TFRecordError
from tests.datasets.builders.published_examples import (
    PF_1_5,
    published_events,
    random_samples,
    write_published,
)
from tests.datasets.storage.framing import framed


@pytest.fixture
def tfrecord(tmp_path):
    """A dataset of several files as the old TFDS wrote it; returns its folder and its events."""

    def make(root="old", version="1.4.0", config=None, old_info=True):
        samples = random_samples([3, 1, 0, 4, 2, 5, 1])
        published = PF_1_5._replace(version=version)
        folder = write_published(tmp_path / root, published, {"train": samples}, config)
        for path in folder.glob("*.array_record*"):
            path.unlink()
        payloads = [encode(example) for _, example in published_events(published, samples)]
        lengths, files = [3, 3, 1], iter([payloads[:3], payloads[3:6], payloads[6:]])
        for number, content in enumerate(files):
            name = f"{published.name}-train.tfrecord-{number:05d}-of-00003"
            (folder / name).write_bytes(b"".join(map(framed, content)))
        path = folder / "dataset_info.json"
        info = json.loads(path.read_text()) | {"fileFormat": "tfrecord"}
        info["splits"][0]["shardLengths"] = [str(length) for length in lengths]
        if old_info:
            del info["fileFormat"], info["splits"][0]["filepathTemplate"]
        path.write_text(json.dumps(info))
        return folder, payloads

    return make


@pytest.mark.parametrize("old_info", [True, False])
def test_a_directory_is_converted(tmp_path, tfrecord, old_info):
    import tensorflow_datasets as tfds
    from array_record.python.array_record_data_source import ArrayRecordDataSource

    source, payloads = tfrecord(old_info=old_info)
    target = tmp_path / "new" / "1.4.0"
    done = []
    convert.convert(source, target, done.append)
    files = sorted(target.glob("*.array_record*"))
    assert [p.name[-14:] for p in files] == [f"00{i:03d}-of-00003" for i in range(3)]
    with ArrayRecordDataSource([str(path) for path in files]) as source_of_bytes:
        assert [source_of_bytes[i] for i in range(len(source_of_bytes))] == payloads
    builder = tfds.builder_from_directory(target)
    before = json.loads((source / "dataset_info.json").read_text())
    after = json.loads((target / "dataset_info.json").read_text())
    assert after["fileFormat"] == "array_record"
    assert before["splits"][0]["shardLengths"] == after["splits"][0]["shardLengths"]
    assert before["splits"][0]["numBytes"] == after["splits"][0]["numBytes"]
    for name in ("features.json", "metadata.json"):
        assert (source / name).read_text() == (target / name).read_text()
    assert len(builder.as_data_source("train")) == len(payloads)
    assert done == list(range(1, 8))
    dataset = read.open_dataset(target)
    assert dataset.events("train") + dataset.events("validation") == 7
    assert not [p for p in target.iterdir() if "tfrecord" in p.name or "unfinished" in p.name]


def test_what_was_converted_is_kept_until_the_rest_is(tmp_path, tfrecord):
    source, payloads = tfrecord()
    target = tmp_path / "new"
    last = sorted(source.glob("*.tfrecord*"))[-1]
    whole = last.read_bytes()
    last.write_bytes(whole[:-1])
    with pytest.raises(TFRecordError, match="00002-of-00003, record 0 is cut short"):
        convert.convert(source, target)
    assert not target.exists()
    first = sorted(source.glob("*.tfrecord*"))[0]
    first.write_bytes(b"not read again")
    last.write_bytes(whole)
    convert.convert(source, target)
    assert read.open_dataset(target).events("train") + 1 == len(payloads)
    with pytest.raises(FolderError, match="there already"):
        convert.convert(source, target)


def test_what_another_dataset_left_is_not_used(tmp_path, tfrecord):
    source, _ = tfrecord()
    left = tmp_path / ".new.partial"
    left.mkdir()
    (left / "clic_edm_ttbar_pf-train.array_record-00000-of-00003").write_bytes(b"something")
    (left / "converted_from.json").write_text("another")
    convert.convert(source, tmp_path / "new")
    assert read.open_dataset(tmp_path / "new").events("train") == 6


@pytest.mark.parametrize("count", ["2", "4"])
def test_counts_must_agree(tmp_path, tfrecord, count):
    source, _ = tfrecord()
    path = source / "dataset_info.json"
    info = json.loads(path.read_text())
    info["splits"][0]["shardLengths"][0] = count
    path.write_text(json.dumps(info))
    with pytest.raises(DatasetError, match=f"has 3 records; dataset_info.json says {count}"):
        convert.convert(source, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_missing_files_are_named(tmp_path, tfrecord):
    source, _ = tfrecord()
    sorted(source.glob("*.tfrecord*"))[1].unlink()
    with pytest.raises(DatasetError, match="00001-of-00003 is missing"):
        convert.convert(source, tmp_path / "new")


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../../escape"},
        {"splits": [{"name": "../escape", "shardLengths": ["1"]}]},
        {"splits": [{"name": "train", "shardLengths": ["x"]}]},
        {"splits": []},
        {"splits": 3},
        {"splits": [{"name": "train", "shardLengths": ["1"], "filepathTemplate": "/etc/{SPLIT}"}]},
    ],
)
def test_names_lead_nowhere_else(tmp_path, tfrecord, change):
    source, _ = tfrecord()
    path = source / "dataset_info.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(DatasetError, match=r"dataset_info\.json"):
        convert.convert(source, tmp_path / "new" / "deep" / "target")
    assert not [p for p in (tmp_path / "new").rglob("*") if p.is_file() and "escape" in p.name]
    assert not (tmp_path / "new" / "deep" / "target").exists()


@pytest.mark.parametrize("key", ["pythonClassName", "python_class_name", "type"])
def test_features_of_unknown_modules_are_not_imported(tmp_path, tfrecord, monkeypatch, key):
    source, _ = tfrecord()
    (tmp_path / "trap.py").write_text(f"open({str(tmp_path / 'marker')!r}, 'w')")
    monkeypatch.syspath_prepend(tmp_path)
    path = source / "features.json"
    features = json.loads(path.read_text())
    features["featuresDict"]["features"]["X"][key] = "trap.Feature"
    path.write_text(json.dumps(features))
    with pytest.raises(DatasetError, match=r"trap\.Feature, which is no feature of TFDS"):
        convert.convert(source, tmp_path / "new")
    assert not (tmp_path / "marker").exists()


def test_datasets_are_found_below(tmp_path, tfrecord):
    one, _ = tfrecord("root/a")
    two, _ = tfrecord("root/b", config="2")
    write_published(tmp_path / "root", PF_1_5, {"train": random_samples([1])})  # array_record
    assert convert.find(tmp_path / "root") == {one: 7, two: 7}
    assert convert.find(one) == {one: 7}
    with pytest.raises(DatasetError, match="no tfrecord dataset"):
        convert.find(tmp_path / "root" / PF_1_5.name)
