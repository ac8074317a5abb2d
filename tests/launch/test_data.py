"""Which events are made depends on the configuration alone, and recipes do not mix."""

from pathlib import Path

import pytest

from configs import tiny
from launch import data
from launch.runs import Run


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path, tiny.get_config())


def test_shards_make_up_the_dataset(run):
    run.config.data.events.train = 30
    shards = data.shards(run, "ttbar")
    for split in data.SPLITS:
        events = [s.events for s in shards if s.split == split]
        assert sum(events) == run.config.data.events[split]
        assert max(events) <= run.config.data.shard_events
    assert shards == data.shards(run, "ttbar")


def test_no_two_shards_share_seed_or_folder(run):
    run.config.data.events.train = 240
    shards = [shard for process in data.PROCESSES for shard in data.shards(run, process)]
    assert len({s.seed for s in shards}) == len(shards)
    assert len({s.folder for s in shards}) == len(shards)


def test_another_recipe_has_other_shards(run, tmp_path):
    other = Run(tmp_path, tiny.get_config())
    other.config.seed = 2
    ours, theirs = data.shards(run, "ttbar"), data.shards(other, "ttbar")
    assert not {s.folder for s in ours} & {s.folder for s in theirs}
    assert not {s.seed for s in ours} & {s.seed for s in theirs}


def test_data_may_lie_elsewhere(run):
    assert run.data == run.folder / "data"
    run.config.data.root = "elsewhere"
    assert run.data == Path("elsewhere")
