"""python -m launch.convert, as people run it."""

import json
import struct

from datasets.builders import read
from datasets.builders.records import encode
from datasets.storage.tfrecord import masked_crc32c
from tests.datasets.builders.published_examples import (
    VERSIONS,
    published_events,
    random_samples,
    write_published,
)


def framed(payload: bytes) -> bytes:
    length = struct.pack("<Q", len(payload))
    sums = (struct.pack("<I", masked_crc32c(part)) for part in (length, payload))
    return length + next(sums) + payload + next(sums)


def tfrecord(root, config):
    samples = random_samples([3, 1, 4, 2])
    folder = write_published(root, VERSIONS[0], {"test": samples}, config)
    (old,) = folder.glob("*.array_record*")
    payloads = [encode(example) for _, example in published_events(VERSIONS[0], samples)]
    content = b"".join(map(framed, payloads))
    old.with_name(old.name.replace("array_record", "tfrecord")).write_bytes(content)
    old.unlink()
    info = json.loads((folder / "dataset_info.json").read_text()) | {"fileFormat": "tfrecord"}
    (folder / "dataset_info.json").write_text(json.dumps(info))
    return folder


def test_convert_a_tree(launch, tmp_path):
    for config in ("1", "2"):
        tfrecord(tmp_path / "old", config)
    arguments = (f"--input={tmp_path / 'old'}", f"--output={tmp_path / 'new'}")
    done = launch("convert", *arguments)
    assert done.returncode == 0, done.stderr
    dataset = read.open_dataset(tmp_path / "new" / "clic_edm_ttbar_pf")
    assert dataset.events("test") == 8
    assert f"dataset {dataset.splits['test'][0].folder}: 4 events" in done.stdout
    again = launch("convert", *arguments)
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("is there already") == 2


def test_help_says_what_and_how(launch):
    text = launch("convert", "--help").stdout
    assert "python -m launch.convert --input=" in text


def test_errors_are_one_line(launch, tmp_path):
    folder = tfrecord(tmp_path / "old", None)
    (file,) = folder.glob("*.tfrecord*")
    file.write_bytes(file.read_bytes()[:-3])
    (tmp_path / "empty").mkdir()
    for source, output, words in (
        (folder, tmp_path / "new", "record 3 is cut short"),
        (tmp_path / "empty", tmp_path / "new", "no tfrecord dataset"),
        (folder, folder / "new", "choose another folder"),
    ):
        done = launch("convert", f"--input={source}", f"--output={output}")
        assert done.returncode == 1
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1, done.stderr
        assert words in done.stderr
        assert not output.exists()
