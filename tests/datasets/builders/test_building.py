"""A dataset is made of its shards: whole, or not there, whatever is killed."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from datasets import samples as stored
from datasets.builders import building, recipes
from datasets.builders.read import read
from datasets.builders.records import DatasetError
from datasets.detectors import CLD
from datasets.simulation import simulate
from datasets.storage.files import write_json
from datasets.truth import target

ROOT = Path(__file__).parents[3]


def test_killed_before_its_recipe_is_written_it_is_written_again(tmp_path):
    """The shards are whole then, and are what the dataset is made of."""
    recipe = recipes.simulation("one", "zh", "clusters", {"all": 1}, 1, 1)
    folder = building.build(recipe, tmp_path, 1)
    account = json.loads((folder / "summary.json").read_text())["all"]
    (folder / "recipe.json").unlink()
    shards = tmp_path / ".shards" / "one" / recipe.digest
    stored.save(shards / "all-00000", target.to_samples(simulate("zh", 2, seed=8)))
    (shards / "all-00000.json").write_text(json.dumps(account))
    building.build(recipe, tmp_path, 1)
    assert building.is_made(recipe, tmp_path)
    assert not shards.exists()
    assert read(folder, "all").events == 2


def _killed(*_):
    os._exit(9)


def test_a_killed_worker_is_told_in_words_that_help(tmp_path, monkeypatch):
    monkeypatch.setattr(building, "_make_shard", _killed)
    recipe = recipes.simulation("one", "zh", "clusters", {"all": 1}, 1, 1)
    with pytest.raises(DatasetError, match="was killed, maybe for want of memory"):
        building.build(recipe, tmp_path, 1)
    assert not building.is_made(recipe, tmp_path)


BUILD = """
from datasets.builders import building, recipes
building.build(recipes.simulation("one", "zh", "clusters", {"all": 1}, 1, 1), Path("data"), 2)
"""
SIMULATE = """
from datasets.builders import fresh
with fresh.simulation(2) as simulated:
    print([*simulated(fresh.sources("zh", 1, 1))])
"""


@pytest.mark.parametrize("body", [BUILD, SIMULATE])
def test_a_script_that_its_processes_would_run_anew_is_told_what_to_do(tmp_path, body):
    script = tmp_path / "mine.py"
    script.write_text(f"from pathlib import Path\n{body}")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(script)]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1
    assert done.stderr.count("Traceback") == 1  # those of the processes would hide it
    last = done.stderr.splitlines()[-1]
    assert f"each runs {script} anew" in last
    assert last.endswith('below a line `if __name__ == "__main__":`')
    assert "memory" not in last


def test_who_asks_is_told_of_every_shard_that_is_made_and_written(tmp_path):
    told = []

    @contextmanager
    def progress(what, total, unit):
        told.append((what, total, unit, done := []))
        yield lambda number, note="": done.append(number)

    recipe = recipes.simulation("one", "zh", "clusters", {"train": 2, "test": 1}, 1, 1)
    folder = building.build(recipe, tmp_path, 1, progress)
    made, written = told
    assert made == ("make one", 3, "shards", [0, 1, 2, 3])
    assert written == (f"write {folder}", 3, "shards", [1, 2, 3])
    building.build(recipe, tmp_path, 1, progress)
    assert len(told) == 2, "what is there is not made again"


def test_what_a_recipe_made_is_told_from_what_was_brought(tmp_path):
    recipe = recipes.simulation("one", "zh", "clusters", {"all": 1}, 1, 1)
    assert not building.is_brought(tmp_path / "one")
    folder = building.build(recipe, tmp_path, 1)
    assert not building.is_brought(tmp_path / "one")
    source = recipes.Extracted("a.root", 1, "", 0, 1)
    of_files = replace(recipe, shards=(replace(recipe.shards[0], source=source),))
    write_json(folder / building.RECIPE, recipes.plain(of_files))
    assert building.is_brought(tmp_path / "one"), "one's own files are not simulated anew"
    (folder / building.RECIPE).unlink()
    assert building.is_brought(tmp_path / "one")


def test_events_are_simulated_in_the_detector_of_the_recipe(tmp_path):
    pytest.importorskip("pythia8mc", reason="the simulation needs the extra `physics`")
    recipe = recipes.simulation("mine", "zh", "clusters", {"all": 2}, 5, 2, "cld")
    folder = building.build(recipe, tmp_path, 1)
    samples = read(folder, "all")
    assert samples.face == CLD.face
    (shard,) = recipe.shards
    expected = target.to_samples(simulate("zh", 2, shard.source.seed, "cld"))
    assert len(samples.X) == len(expected.X)
