"""Datasets of files and of simulated events, made by the real program: whole, or not there."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from datasets import edm4hep
from datasets import samples as stored
from datasets.simulation import CLICLike, simulate
from datasets.truth import target
from datasets.truth.truth import VISIBILITIES
from launch.shell.runs import RunError

ROOT = Path(__file__).parents[2]
CLD = ROOT.parent / "shared" / "edm4hep" / "cld_zh_nunubb_240gev.root"
has_cld = pytest.mark.skipif(not CLD.is_file(), reason=f"the real CLD event is not at {CLD}")
ARRAYS = ("offsets", "X", "ytarget", "ycand", "genmet")


def refused(done, *words):
    """The run ended with one line of error that has all the words."""
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1, done.stderr
    for word in words:
        assert word in done.stderr


def same(ours, theirs):
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), err_msg=name)
    for name in stored.JETS:
        ours_, theirs_ = getattr(ours, name), getattr(theirs, name)
        np.testing.assert_array_equal(stored.jet_rows(ours_), stored.jet_rows(theirs_))
        np.testing.assert_array_equal(ours_.offsets, theirs_.offsets)


@pytest.fixture(scope="module")
def simulated(launch, tmp_path_factory):
    """The same small dataset made by one process and by two."""
    roots = []
    for workers in (1, 2):
        roots.append(tmp_path_factory.mktemp(f"workers{workers}"))
        done = launch(
            "build_dataset", "--process=zh", "--events=24", "--seed=3", f"--workers={workers}",
            f"--data_dir={roots[-1]}", "--splits=train:0.5,test:0.5",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "train: events" in done.stdout
    return roots


def test_the_same_seed_gives_the_same_events_for_any_number_of_workers(simulated):
    from datasets.builders.read import read

    for split in ("train", "test"):
        one, two = (read(root / "clic_edm_zh_pf", split) for root in simulated)
        assert one.events > 0
        same(one, two)


def test_tensorflow_datasets_opens_it(simulated):
    import tensorflow_datasets as tfds

    builder = tfds.builder_from_directory(simulated[0] / "clic_edm_zh_pf" / "3.2.0")
    source = builder.as_data_source("train")
    assert len(source) == builder.info.splits["train"].num_examples > 0
    event = source[0]
    assert event["X"].shape[1] == 17
    assert event["ytarget"].shape[1] == event["ycand"].shape[1] == 14
    assert set(event) == {"X", "ytarget", "ycand", "genmet", "genjets", "targetjets"}


def test_it_is_made_once(launch, simulated):
    folder = simulated[0] / "clic_edm_zh_pf" / "3.2.0"
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    arguments = ["--process=zh", f"--data_dir={simulated[0]}", "--splits=train:0.5,test:0.5"]
    assert launch("build_dataset", *arguments, "--events=24", "--seed=3").returncode == 0
    assert before == {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    refused(launch("build_dataset", *arguments, "--events=24", "--seed=4"), "another recipe")


def test_shards_that_lie_around_cost_no_dataset(launch, simulated, tmp_path):
    """Neither one that is complete, nor one that the user brought, which has no recipe."""
    root = tmp_path / "data"
    shutil.copytree(simulated[0], root)
    folder = root / "clic_edm_zh_pf" / "3.2.0"
    left = root / ".shards" / "clic_edm_zh_pf" / "0123"
    before = {path: path.read_bytes() for path in folder.iterdir()}
    arguments = ["--process=zh", "--events=24", "--seed=3", f"--data_dir={root}"]
    for made_here in (True, False):
        left.mkdir(parents=True)
        if not made_here:
            (folder / "recipe.json").unlink()
            del before[folder / "recipe.json"]
        done = launch("build_dataset", *arguments, "--splits=train:0.5,test:0.5")
        if made_here:
            assert done.returncode == 0, done.stderr
            assert not left.exists()
        else:
            refused(done, str(folder), "no recipe of ours")
        assert before == {path: path.read_bytes() for path in folder.iterdir()}


def test_killed_before_its_recipe_is_written_it_is_written_again(tmp_path):
    """The shards are whole then, and are what the dataset is made of."""
    from datasets.builders import building, recipes
    from datasets.builders.read import read

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


def test_killed_and_started_again_it_ends_with_the_same(simulated, launch, tmp_path):
    from datasets.builders.read import read

    arguments = [
        "--process=zh", "--events=24", "--seed=3", "--workers=1", f"--data_dir={tmp_path}",
        "--splits=train:0.5,test:0.5",
    ]  # fmt: skip
    command = [sys.executable, "-m", "launch.build_dataset", *arguments]
    build = subprocess.Popen(command, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL)
    shards = tmp_path / ".shards" / "clic_edm_zh_pf"
    while not list(shards.glob("*/train-00000")):
        assert build.poll() is None
        time.sleep(0.02)
    os.killpg(build.pid, signal.SIGKILL)
    build.wait()
    assert not (tmp_path / "clic_edm_zh_pf" / "3.2.0").exists()
    # A shard that was ready is kept: a mark in it comes out at the end.
    (first,) = shards.glob("*/train-00000")
    marked = np.load(first / "genmet.npy") + np.float32(1000)
    np.save(first / "genmet.npy", marked)
    done = launch("build_dataset", *arguments)
    assert done.returncode == 0, done.stderr
    made, there = ((root / "clic_edm_zh_pf") for root in (tmp_path, simulated[0]))
    same(read(made, "test"), read(there, "test"))
    # Without a split of its own, validation is the end of train.
    again = [read(made, split).genmet for split in ("train", "validation")]
    np.testing.assert_array_equal(np.concatenate(again), marked)
    assert not shards.exists()


def _killed(*_):
    os._exit(9)


def test_a_killed_worker_is_told_in_words_that_help(tmp_path, monkeypatch):
    from datasets.builders import building, recipes

    monkeypatch.setattr(building, "_make_shard", _killed)
    recipe = recipes.simulation("one", "zh", "clusters", {"all": 1}, 1, 1)
    with pytest.raises(RunError, match="was killed, maybe for want of memory"):
        building.build(recipe, tmp_path, 1)
    assert not building.is_made(recipe, tmp_path)


def test_two_builders_on_one_place(launch, tmp_path):
    # So many that the first is still at it when the second begins, however slow the machine.
    arguments = ["--process=zh", "--events=5000", f"--data_dir={tmp_path}"]
    command = [sys.executable, "-m", "launch.build_dataset", *arguments]
    first = subprocess.Popen(command, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL)
    while not (tmp_path / ".shards").exists():
        assert first.poll() is None
        time.sleep(0.02)
    refused(launch("build_dataset", *arguments), "another program is making")
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()


def test_a_full_disk_leaves_nothing_under_the_final_name(tmp_path):
    """Files may have 40 kB here, which is less than a shard needs."""
    command = [
        "sh", "-c", 'ulimit -f 40; exec "$@"', "sh", sys.executable, "-m", "launch.build_dataset",
        "--process=ww", "--events=30", f"--data_dir={tmp_path}", "--splits=all",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    refused(done, "cannot write to", "are kept")
    assert not (tmp_path / "clic_edm_ww_pf").exists()
    assert not list(tmp_path.glob(".shards/*/*/train-00000"))


@has_cld
@pytest.mark.parametrize("elements", ["clusters", "hits"])
def test_a_real_file_becomes_a_dataset(launch, tmp_path, elements):
    from datasets.builders.read import read

    arguments = [f"--input={CLD}", "--detector=cld", "--dataset=real", f"--data_dir={tmp_path}"]
    done = launch("build_dataset", *arguments, "--splits=all", f"--elements={elements}")
    assert done.returncode == 0, done.stderr
    (event,) = edm4hep.read(CLD)
    samples = read(tmp_path / "real" / "3.2.0", "all")
    assert samples.elements == elements
    same(samples, target.to_samples(event, target.Settings(elements)))
    account = json.loads((tmp_path / "real" / "3.2.0" / "summary.json").read_text())["all"]
    assert account["events"] == 1
    assert account["visible"] == pytest.approx(
        account["assigned"] + account["merged"] + account["dropped"]
    )


def test_a_folder_of_files(launch, tmp_path):
    """Three files in the layout of 2023: one for each split, however long they are."""
    from datasets.builders.read import read

    # A muon without a track is asked for by the one rule and not by the other.
    blind = CLICLike(track_efficiency=0.3)
    wrote = [simulate("zh", 3, 20), simulate("zh", 1, 21), simulate("zh_tautau", 2, 19, blind)]
    for i, events in enumerate(wrote):
        edm4hep.write(tmp_path / f"{i}.root", events, "clic", layout="2023")
    done = launch(
        "build_dataset", f"--input={tmp_path}/*.root", "--detector=clic", "--dataset=mine",
        f"--data_dir={tmp_path / 'data'}", "--splits=train:0.4,validation:0.3,test:0.3",
        "--visibility=paper_2024",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    splits = [read(tmp_path / "data" / "mine", s) for s in ("train", "validation", "test")]
    rule = target.Settings(visibility=VISIBILITIES["paper_2024"])
    expected = {events.events: target.to_samples(events, rule) for events in wrote}
    assert sorted(samples.events for samples in splits) == [1, 2, 3]
    for samples in splits:
        made = expected[samples.events]
        np.testing.assert_array_equal(samples.offsets, made.offsets)
        np.testing.assert_allclose(samples.X, made.X, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(samples.ytarget, made.ytarget, rtol=1e-4, atol=1e-5)
    assert (target.to_samples(wrote[2]).ytarget != expected[2].ytarget).any()  # rules do differ


def test_bad_input(launch, tmp_path):
    place = f"--data_dir={tmp_path / 'data'}"
    refused(launch("build_dataset", "--input=no/*.root", "--dataset=x", place), "no such file")
    refused(launch("build_dataset", f"--input={tmp_path}", "--dataset=x", place), "/*.root")
    refused(launch("build_dataset", "--process=tbar", place), "tbar", "ttbar")
    refused(launch("build_dataset", "--process=zh", "--events=2", place), "split empty")
    refused(launch("build_dataset", "--process=zh", "--input=a.root", place), "exclude")
    cut = tmp_path / "cut.root"
    cut.write_bytes(b"root" + bytes(30))
    refused(launch("build_dataset", f"--input={cut}", place), "--dataset=NAME")
    arguments = [f"--input={cut}", "--dataset=x", "--splits=all", place]
    refused(launch("build_dataset", *arguments), str(cut))
    assert not (tmp_path / "data" / "x").exists()


def test_names_are_looked_at_before_anything_is_made(launch, tmp_path):
    place, few = f"--data_dir={tmp_path / 'data'}", "--events=4"
    simulate_few = ("build_dataset", "--process=zh", few, place)
    for name in ("My-Data", "../x", "a/b"):
        refused(launch(*simulate_few, f"--dataset={name}", "--splits=all"), "no name of a dataset")
    refused(launch(*simulate_few, "--splits=all:0.5,train:0.5"), "split all has all events")
    refused(launch(*simulate_few, "--seed=-1"), "--seed")
    refused(launch("build_dataset", few, place), "--events, --data_dir", "--process=NAME")
    assert not list(tmp_path.rglob("*.lock"))


def test_a_file_with_two_names_is_one_file(tmp_path, monkeypatch):
    from launch.build_dataset import recipe_of_files

    edm4hep.write(tmp_path / "a.root", simulate("zh", 1, seed=1), "clic")
    (tmp_path / "link[1].root").symlink_to("a.root")
    monkeypatch.chdir(tmp_path)
    ways = ["a.root", "./*.root", f"{tmp_path}/a.root", "link[1].root"]
    once = recipe_of_files(ways[:1], "clic", "x", "clusters", "all", 1)
    assert len(once.shards) == 1
    for detector in ("clic", "CLIC"):
        assert recipe_of_files(ways, detector, "x", "clusters", "all", 1) == once
    edm4hep.write(tmp_path / "a.root", simulate("zh", 1, seed=2), "clic")
    assert recipe_of_files(ways[:1], "clic", "x", "clusters", "all", 1) != once  # another file
    with pytest.raises(ValueError, match="1 file cannot fill 2 splits"):
        recipe_of_files(ways, "clic", "x", "clusters", "train:0.5,test:0.5", 1)


def test_layouts_do_not_mix(launch, tmp_path):
    data = simulate("zh", 1, seed=1)
    for layout in ("2023", "2025"):
        edm4hep.write(tmp_path / f"{layout}.root", data, "clic", layout=layout)
    done = launch(
        "build_dataset", f"--input={tmp_path}/*.root", "--dataset=x", "--splits=all",
        f"--data_dir={tmp_path / 'data'}",
    )  # fmt: skip
    refused(done, "different kinds", "2023.root", "2025.root")
