"""Names that come from outside lead to no place outside their folder."""

import json
import sqlite3

import pytest

import hpo
from datasets.builders import building, read, recipes, write
from datasets.builders.convert import convert
from datasets.builders.records import DatasetError
from hpo.executors.folders import discard
from hpo.study.errors import JournalCorrupt
from launch.shell import configs
from launch.shell.runs import RunError
from mlpf_jax.training import shipped
from tests.fuzz.readers import records, studies

OUTSIDE = ("../evil", "/tmp/evil", "..", "a/../../b", "a\0b", "~/evil", "")


@pytest.mark.parametrize("name", OUTSIDE)
def test_no_dataset_has_such_a_name(tmp_path, name):
    root = tmp_path / "data"
    recipe = recipes.simulation(
        name=name, process="ttbar", elements="clusters", events={"train": 1}, seed=0,
        shard_events=1,
    )  # fmt: skip
    with pytest.raises(DatasetError, match="no name of a dataset"):
        building.build(recipe, root, 1)
    with pytest.raises(DatasetError, match="no names of splits"):
        write.check("fine", ["train", name])
    assert list(tmp_path.iterdir()) == []


def test_no_model_and_no_configuration_of_the_package_has_such_a_name(tmp_path, monkeypatch):
    """Though these would lead to some."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="no model"):
        shipped.find("../shipped/clic_small")
    with pytest.raises(RunError, match="there is no such configuration"):
        configs.load("../configs/tiny")


def laid_out(folder, **info):
    folder.mkdir(parents=True)
    for name, data in records.dataset().items():
        (folder / name).write_bytes(data)
    described = json.loads((folder / "dataset_info.json").read_text())
    described["splits"][0] |= {k: v for k, v in info.items() if k == "filepathTemplate"}
    described |= {k: v for k, v in info.items() if k != "filepathTemplate"}
    (folder / "dataset_info.json").write_text(json.dumps(described))
    return folder


def test_a_dataset_reads_no_records_of_others(tmp_path):
    laid_out(tmp_path / "other")
    template = "../other/{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
    mine = laid_out(tmp_path / "mine", filepathTemplate=template)
    with pytest.raises(DatasetError, match="which is not in it"):
        read.open_dataset(mine)


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "a/b"])
def test_what_is_converted_goes_where_it_was_asked_to(tmp_path, name):
    source = laid_out(tmp_path / "in", name=name, fileFormat="tfrecord")
    with pytest.raises(DatasetError, match="names that are not fit"):
        convert(source, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize("trial", ['"../../evil"', "-1.5", "null", "true"])
def test_a_journal_begins_no_trial_elsewhere(tmp_path, trial):
    path = tmp_path / "study.db"
    path.write_bytes(studies.study()[0])
    with sqlite3.connect(path) as database:
        (payload,) = database.execute("SELECT payload FROM log WHERE number = 1").fetchone()
        row = payload.replace('"trial": 0', f'"trial": {trial}')
        assert row != payload
        database.execute("UPDATE log SET payload = ? WHERE number = 1", (row,))
    database.close()
    with pytest.raises(JournalCorrupt, match=r"row 1 cannot be read: .*no whole number"):
        hpo.read_journal(path)


def test_what_a_link_leads_to_is_not_deleted(tmp_path):
    kept = tmp_path / "elsewhere"
    kept.mkdir()
    (kept / "result").write_text("precious")
    trial = tmp_path / "trial-0000"
    trial.mkdir()
    (trial / "3").symlink_to(kept)
    discard(trial)
    assert (kept / "result").read_text() == "precious"
    assert list(trial.iterdir()) == []
