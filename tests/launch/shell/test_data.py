"""The datasets of a run: what its configuration says, where it says."""

from pathlib import Path

import numpy as np
import pytest

from configs import tiny
from datasets.builders.names import PROCESSES, dataset_name
from launch.shell import data
from launch.shell.runs import Run, RunError


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path, tiny.get_config())


def test_the_shards_of_a_run_make_up_its_datasets(run):
    run.config.data.events.train = 30
    shards = [s for p in PROCESSES for s in data.recipe(run.config, p).shards]
    for split in data.SPLITS:
        events = [s.source.events for s in shards if s.split == split]
        assert sum(events) == run.config.data.events[split] * len(PROCESSES)
        assert max(events) <= run.config.data.shard_events
    assert len({s.source.seed for s in shards}) == len(shards)


def test_another_seed_makes_other_events(run, tmp_path):
    other = Run(tmp_path, tiny.get_config())
    other.config.seed = 2
    ours, theirs = (data.recipe(r.config, "ttbar").shards for r in (run, other))
    assert not {s.source.seed for s in ours} & {s.source.seed for s in theirs}


def test_detectors_do_not_share_datasets(run):
    clic = data.recipe(run.config, "zh")
    run.config.data.detector = "cld"
    cld = data.recipe(run.config, "zh")
    assert (clic.name, cld.name) == ("clic_edm_zh_pf", "cld_edm_zh_pf")
    assert [s.source.seed for s in clic.shards] == [s.source.seed for s in cld.shards]


def test_data_may_lie_elsewhere(run):
    assert run.data == run.folder / "data"
    run.config.data.root = "elsewhere"
    assert run.data == Path("elsewhere")


def test_a_run_learns_from_all_but_the_test_events_that_are_made_for_it(run):
    run.config.data.processes = ("ttbar", "zh")
    learned = data.seeds_learned_from(run)
    assert learned.keys() == {"ttbar", "zh"}
    for process, seeds in learned.items():
        shards = data.recipe(run.config, process).shards
        assert seeds == [s.source.seed for s in shards if s.split in ("train", "validation")]
        assert not set(seeds) & {s.source.seed for s in shards if s.split == "test"}
    brought = run.data / dataset_name("zh") / "1.0.0"
    brought.mkdir(parents=True)
    (brought / "dataset_info.json").write_text("{}")
    assert data.seeds_learned_from(run).keys() == {"ttbar"}


def test_a_batch_that_devices_do_not_divide_is_refused(run):
    sizes, run.config.fit.packed = np.array([3, 4, 5, 6, 7]), False
    assert data.make_batch_plan(sizes, run.config.fit, 1, devices=4).batch_size == 4
    with pytest.raises(RunError, match=r"fit.batch_size = 4 cannot be split over 3 devices .*take"):
        data.make_batch_plan(sizes, run.config.fit, 1, devices=3)
    run.config.fit.packed = True  # rows are as many as it takes
    assert data.make_batch_plan(sizes, run.config.fit, 1, devices=3).batch_size % 3 == 0
