"""What a run reads of its datasets is of the events there are: told by content, not by place."""

import shutil

import numpy as np
import pytest

from configs import tiny
from datasets import samples as stored
from datasets.builders import building, recipes, write
from datasets.builders.content import content_of
from datasets.builders.records import DatasetError
from datasets.storage.files import write_json
from launch.shell import data
from launch.shell.runs import Run, RunError
from tests.launch.objectives.test_final_training import samples
from tests.places import read_only

NAME = "clic_edm_ttbar_pf"


def events(seed: int, split: str = "train"):
    """As many and as long whatever the seed: what a dataset says of itself tells nothing."""
    made = samples(np.random.default_rng(len(split)), 5)
    made.X[:, 5] += seed
    return made


def bring(root, seed: int, version: str = "3.2.0") -> None:
    """A dataset that was made elsewhere."""
    shards = {split: [root / f"{split}{seed}"] for split in data.SPLITS}
    for split, (folder,) in shards.items():
        stored.save(folder, events(seed, split))
    shutil.rmtree(root / NAME, ignore_errors=True)
    folder = write.build(root, NAME, shards)
    for (shard,) in shards.values():
        shutil.rmtree(shard)
    info = folder / "dataset_info.json"
    info.write_text(info.read_text().replace('"3.2.0"', f'"{version}"'))
    folder.rename(folder.with_name(version))


@pytest.fixture
def begin(tmp_path):
    def make(name: str, root) -> Run:
        config = tiny.get_config()
        config.data.root, config.data.processes = str(root), ("ttbar",)
        (tmp_path / name).mkdir(exist_ok=True)
        return Run(tmp_path / name, config)

    return make


@pytest.fixture
def root(tmp_path):
    bring(tmp_path / "root", seed=1)
    return tmp_path / "root"


@pytest.mark.parametrize("version", ["3.3.0", "3.2.0"])
def test_a_new_run_reads_the_dataset_that_is_there(begin, root, version):
    before = np.array(data.load(begin("one", root), "train").X)
    bring(root, 2, version)
    after = data.load(begin("two", root), "train").X
    expected = events(2).X
    np.testing.assert_allclose(after, expected, rtol=1e-6)
    assert (before != after).any()
    assert (root / "cache" / "ttbar" / "train" / "X.npy").exists()


def test_a_run_does_not_go_on_with_other_events(begin, root):
    run = begin("one", root)
    data.build(run)
    data.build(run)
    bring(root, 2)
    with pytest.raises(RunError, match=r"is not what .*one was begun with"):
        data.build(run)
    with pytest.raises(RunError, match=r"is not what .*one was begun with"):
        data.load(run, "test")


def test_arrays_whose_dataset_nobody_knows_are_read_again(begin, root):
    """Those of versions before, which said no more than their process."""
    stored.save(root / "cache" / "ttbar" / "test", samples(np.random.default_rng(9), 3))
    assert data.load(begin("one", root), "test").events == 5
    shutil.rmtree(root / NAME)
    assert data.load(begin("two", root), "test").events == 5, "of a dataset that is gone"


def test_content_is_the_same_wherever_a_dataset_lies(root, tmp_path):
    found = content_of(root / NAME)
    shutil.copytree(root / NAME, tmp_path / "elsewhere" / "renamed")
    assert content_of(tmp_path / "elsewhere" / "renamed") == found
    assert content_of(root / NAME / "3.2.0") == found
    for seed, version in ((1, "3.2.1"), (2, "3.2.0")):
        bring(root, seed, version)
        assert content_of(root / NAME) != found
    bring(root, seed=1)
    assert content_of(root / NAME) == found


def test_what_lies_in_a_read_only_place_can_be_trained_on(begin, root):
    run = begin("one", root)
    with read_only(root):
        data.build(run)
        assert data.load(run, "train").events == 5
    assert not (root / "cache").exists()
    assert (run.folder / "cache" / "ttbar" / "train" / "X.npy").exists()


def test_a_dataset_that_is_complete_is_found_before_anything_is_written(root):
    recipe = recipes.simulation(NAME, "zh", "clusters", {"all": 1}, 1, 1)
    write_json(root / NAME / "3.2.0" / building.RECIPE, recipes.plain(recipe))
    with read_only(root):
        assert building.build(recipe, root, 1) == root / NAME / "3.2.0"
        other = recipes.simulation("other", "zh", "clusters", {"all": 1}, 1, 1)
        with pytest.raises(DatasetError, match=r"other is not in .*root, and cannot be made there"):
            building.build(other, root, 1)
