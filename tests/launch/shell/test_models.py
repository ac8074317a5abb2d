"""Models as programs are given them: shapes of batches, and what a run's model has learned from."""

import numpy as np
import pytest

from configs import tiny
from datasets.storage.files import write_json
from launch.shell import data
from launch.shell.models import Model, _of_run
from launch.shell.reconstruct import ELEMENTS, SHORTEST, few_shapes
from launch.shell.runs import RunError


@pytest.mark.parametrize("bin_size", [16, 64, 100])
def test_portions_of_all_sizes_share_a_few_shapes(bin_size):
    plans = {few_shapes(np.array([1, longest]), bin_size, 4000) for longest in range(1, 4000, 7)}
    assert len(plans) == 4
    for longest in (1, SHORTEST, SHORTEST + 1, 5000, 70_000):
        plan = few_shapes(np.array([longest, 1]), bin_size, 10_000)
        assert plan.packed
        assert longest <= plan.lengths[0]
        assert plan.lengths[0] % bin_size == 0
        assert plan.batch_size * plan.lengths[0] <= max(1.2 * ELEMENTS, plan.lengths[0])


@pytest.mark.parametrize("longest", [8193, 9000, 12_800])
def test_rows_are_no_longer_than_a_model_can_see(longest):
    """A power of two beyond its bins would be refused, though every event fits."""
    assert few_shapes(np.array([longest, 1]), 64, 200).lengths == (12_800,)
    assert few_shapes(np.array([longest, 1]), 64, 1000).lengths == (16_384,)


def test_events_that_are_too_large_are_left_to_the_model():
    assert few_shapes(np.array([12_801]), 64, 200).lengths == (12_864,)


def test_a_run_has_learned_from_all_but_its_test_events(tmp_path):
    config = tiny.get_config()
    write_json(tmp_path / "config.json", config.to_dict())
    found = set(_of_run(tmp_path))
    recipe = data.recipe(config, config.data.processes[0])
    by_split = {split: {s.source.seed for s in shards} for split, shards in recipe.splits.items()}
    assert by_split["train"] | by_split["validation"] <= found
    assert not by_split["test"] & found
    assert _of_run(tmp_path / "none") == []


def test_seeds_that_are_known_are_refused(tmp_path):
    model = Model(tmp_path, None, {}, frozenset({5, 7}))
    model.check_unseen([1, 2], "--seed=1")
    with pytest.raises(RunError, match=r"^--seed=1: the model in .*\(seed 7 of a shard\)"):
        model.check_unseen([1, 7], "--seed=1")
