"""A card says what is in the folder: to people, and to programs that know the standard."""

import fnmatch
import hashlib
import json
import shutil

import pytest

from datasets import samples as stored
from datasets import schema
from datasets.builders import records, write
from datasets.builders.directory import open_directory
from datasets.cards import catalogue, writing
from launch.__main__ import KNOWN
from tests.datasets.builders.published_examples import random_samples, with_shares


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A dataset of two splits, one of them in several files."""
    root = tmp_path_factory.mktemp("cards")
    stored.save(root / "a", with_shares(random_samples([6] * 20, 1, "clusters"), 1))
    stored.save(root / "b", with_shares(random_samples((3, 0, 2), 2, "clusters"), 2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "FILE_BYTES", 20_000)
        return write.build(root, "mine", {"train": [root / "a"], "test": [root / "b"]})


@pytest.fixture
def folder(made, tmp_path):
    return shutil.copytree(made, tmp_path / "mine" / "3.2.0")


def written(folder):
    writing.write(folder, open_directory(folder).info)
    document = json.loads((folder / writing.DOCUMENT).read_text())
    return (folder / writing.TEXT).read_text(), document


def of_type(document, kind):
    return [each for each in document["distribution"] if each["@type"] == kind]


def test_files_are_named_with_their_checksums(folder):
    _, document = written(folder)
    named = {file["name"]: file for file in of_type(document, "cr:FileObject")}
    there = {path.name: path.read_bytes() for path in folder.glob("*.array_record-*")}
    assert set(named) == set(there)
    assert len(there) > 2
    for name, content in there.items():
        assert named[name]["sha256"] == hashlib.sha256(content).hexdigest()
        assert named[name]["contentSize"] == f"{len(content)} B"


def test_the_files_of_a_split_are_told_by_their_names(folder):
    _, document = written(folder)
    there = [path.name for path in folder.iterdir()]
    for files in of_type(document, "cr:FileSet"):
        split = files["@id"].removesuffix("-files")
        assert sorted(fnmatch.filter(there, files["includes"])) == sorted(
            name for name in there if name.startswith(f"mine-{split}.")
        )


def test_both_say_all_columns_and_the_number_of_events(folder):
    text, document = written(folder)
    splits, train, test = document["recordSet"]
    assert [row["splits/events"] for row in splits["data"]] == [20, 3]
    assert "| train | 20 |" in text
    assert "| test | 3 | 1 |" in text
    fields = {field["name"]: field["description"] for field in train["field"]}
    assert set(fields) == {field["name"] for field in test["field"]}
    assert set(fields) == set(open_directory(folder).info.features)
    tracks, clusters = (", ".join(part.features) for part in schema.ELEMENTS["clusters"].parts)
    assert f"track: {tracks}; cluster: {clusters}" in fields["X"]
    for columns in (tracks, clusters, ", ".join(schema.TARGET_FEATURES), "pt, eta, phi, energy"):
        assert f"| {columns} |" in text
    assert "radius 1500 mm, half length 2307 mm" in text


def test_what_a_description_refers_to_is_in_it(folder):
    _, document = written(folder)
    ids, references, keys = set(), set(), set()

    def walk(node, key=""):
        if isinstance(node, list):
            for each in node:
                walk(each, key)
        elif isinstance(node, dict):
            (references if set(node) == {"@id"} else ids).add(node.get("@id"))
            keys.update(node)
            for name, value in node.items():
                if name not in ("@context", "data"):
                    walk(value, name)

    walk({key: value for key, value in document.items() if key != "@context"})
    assert references <= ids
    assert not [each for each in ids if each and " " in each]
    of_schema = {
        "name", "version", "description", "distribution", "contentUrl", "contentSize",
        "encodingFormat", "sha256",
    }  # fmt: skip
    assert {key for key in keys if key[0] != "@"} <= of_schema | set(document["@context"])


def test_the_standard_takes_it(folder):
    croissant = pytest.importorskip("mlcroissant", reason="mlcroissant is not installed")
    written(folder)
    assert not croissant.Dataset(jsonld=folder / writing.DOCUMENT).metadata.issues.errors


def test_what_is_there_stays(folder):
    (folder / writing.TEXT).write_text("of somebody else")
    text, document = written(folder)
    assert text == "of somebody else"
    assert document["name"] == "mine"
    assert writing.write(folder, open_directory(folder).info) == []


def test_where_events_come_from_and_what_became_of_them(folder):
    """As building writes it beside the events."""
    source = {"process": "zh", "events": 20, "seed": 7}
    recipe = {"shards": [{"source": source}, {"source": source | {"seed": 3}}]}
    account = {"events": 21, "events_unsound": 1, "events_empty": 0, "visible": 8.0}
    account |= {"assigned": 6.0, "merged": 1.5, "dropped": 0.5}
    (folder / "recipe.json").write_text(json.dumps(recipe))
    (folder / "summary.json").write_text(json.dumps({"train": account}))
    text, _ = written(folder)
    assert "2 shards of seeds 3 to 7" in text
    assert "| train | 21 | 1 | 0 | 75.00% | 18.75% | 6.25% |" in text
    (folder / writing.TEXT).unlink()
    of_files = [{"source": {"path": f"/data/{name}.root"}} for name in "aab"]
    (folder / "recipe.json").write_text(json.dumps({"shards": of_files}))
    assert "2 files: a.root, b.root." in written(folder)[0]


def test_published_datasets_are_told_with_commands_that_are_there():
    dois = {published.doi for published in catalogue.PUBLISHED}
    assert len(dois) == len(catalogue.PUBLISHED) == 5
    for published in catalogue.PUBLISHED:
        said = "\n".join(catalogue.lines(published))
        assert published.doi in said
        assert f"https://zenodo.org/records/{published.record}" in said
        assert published.steps
        for step in published.steps:
            assert step in said
            program, verb, *_ = step.split()
            assert program == "mlpf"
            assert verb in KNOWN
