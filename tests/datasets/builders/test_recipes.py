"""What a dataset is made of: which events there are depends on the recipe alone."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.builders import recipes
from datasets.builders.recipes import RecipeError

THREE = {"train": 0.8, "validation": 0.1, "test": 0.1}
names = st.text("abcdefgh", min_size=1, max_size=6)
files = st.dictionaries(names, st.integers(1, 400), min_size=3, max_size=30)


def from_files(found, seed=1, shares=THREE):
    files = {name: recipes.File(events, 1000) for name, events in found.items()}
    return recipes.of_files("mine", "clusters", files, "cld", shares, seed)


@given(files, st.integers(0, 50))
def test_every_event_of_every_file_is_in_one_shard_and_no_file_in_two_splits(found, seed):
    recipe = from_files(found, seed)
    splits: dict[str, set] = {}
    ranges: dict[str, list] = {}
    for shard in recipe.shards:
        source = shard.source
        splits.setdefault(source.path, set()).add(shard.split)
        ranges.setdefault(source.path, []).append((source.first, source.last))
    assert set(ranges) == set(found)
    assert all(len(where) == 1 for where in splits.values())
    assert set().union(*splits.values()) == set(THREE)
    for path, events in found.items():
        parts = sorted(ranges[path])
        assert (parts[0][0], parts[-1][1]) == (0, events)
        assert all(a[1] == b[0] for a, b in pairwise(parts))
    assert len({shard.name for shard in recipe.shards}) == len(recipe.shards)


@given(files, st.integers(0, 50), st.randoms())
def test_the_order_in_which_files_are_named_changes_nothing(found, seed, random):
    shuffled = list(found.items())
    random.shuffle(shuffled)
    assert from_files(found, seed) == from_files(dict(shuffled), seed)


def test_shares_are_met_as_far_as_whole_files_can():
    recipe = from_files({f"f{i}": 10 for i in range(100)})
    assert [len(members) for members in recipe.splits.values()] == [80, 10, 10]


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_files_for_the_splits(count):
    with pytest.raises(RecipeError, match="--splits=all"):
        from_files({f"f{i}": 10 for i in range(count)})
    assert len(from_files({"one": 3}, shares={"all": 1.0}).shards) == 1


@given(st.integers(0, 20), st.integers(1, 4))
def test_files_without_events_are_set_aside_before_files_are_dealt(seed, empty):
    events = {f"f{i}": 10 for i in range(3)}
    none = {f"{'ag'[i % 2]}{i}": 0 for i in range(empty)}
    assert from_files(none | events, seed=seed) == from_files(events, seed=seed)


def test_where_no_file_has_events_it_is_said():
    with pytest.raises(RecipeError, match="none of the 2 files holds an event"):
        from_files({"a": 0, "b": 0}, shares={"all": 1.0})
    with pytest.raises(RecipeError, match=r"2 files .* share no file \(1 without events set aside"):
        from_files({"a": 0, "b": 1, "c": 2})


@given(st.integers(10, 10_000))
def test_events_are_divided_by_the_shares(events):
    found = recipes.counts(events, THREE)
    assert sum(found.values()) == events
    assert abs(found["train"] - 0.8 * events) <= 1


def test_a_split_without_events_is_refused():
    with pytest.raises(RecipeError, match="leaves a split empty"):
        recipes.counts(3, THREE)


def test_a_digest_is_the_same_in_every_process():
    code = (
        "from datasets.builders import recipes\n"
        "r = recipes.simulation('d', 'zh', 'hits', {'train': 9, 'test': 4}, 5, 4)\n"
        "print(r.digest)"
    )
    here = recipes.simulation("d", "zh", "hits", {"train": 9, "test": 4}, 5, 4)
    root = Path(__file__).parents[3]
    there = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert there.stdout.strip() == here.digest
    other = recipes.simulation("d", "zh", "hits", {"train": 9, "test": 4}, 6, 4)
    assert other.digest != here.digest


def test_a_dataset_made_before_is_still_of_its_recipe():
    """Seeds were drawn without looking at each other at first; these were different anyway. The
    digest, which half-made datasets lie under, changes with what shards hold."""
    recipe = recipes.simulation("d", "zh", "hits", {"train": 9, "test": 4}, 5, 4)
    found = [shard.source.seed for shard in recipe.shards]
    assert found == [403265470, 313638907, 218029285, 133825874]
    assert recipe.digest == "d412e2c3193a"


def test_another_detector_sees_the_same_collisions():
    clic, cld = (
        recipes.simulation("d", "zh", "hits", {"train": 9, "test": 4}, 5, 4, detector)
        for detector in ("clic", "cld")
    )
    assert cld.digest != clic.digest
    assert [s.source.seed for s in cld.shards] == [s.source.seed for s in clic.shards]
    assert {s.source.detector for s in cld.shards} == {"cld"}
    assert "CLD" in cld.description
    with pytest.raises(RecipeError, match="other description, shards"):
        recipes.same(Path("here"), recipes.plain(clic), cld)


def test_a_changed_recipe_is_told_by_what_changed(tmp_path):
    ours, theirs = from_files({"a": 1, "b": 1, "c": 1}), from_files({"a": 2, "b": 1, "c": 1})
    recipes.same(tmp_path, recipes.plain(ours), ours)
    with pytest.raises(RecipeError, match=r"another recipe \(other shards\)"):
        recipes.same(tmp_path, recipes.plain(ours), theirs)
