"""Datasets of simulated events, made by the real program: whole, or not there."""

import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from launch.build_dataset import parse_shares
from launch.shell.runs import RunError
from tests.datasets.same_samples import same
from tests.launch.programs import ROOT, refused


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
    assert set(event) == {"X", "ytarget", "ycand", "genmet", "genjets", "targetjets", "shares"}


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


@pytest.mark.soak
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


def test_splits_as_text():
    assert parse_shares("all") == {"all": 1.0}
    assert parse_shares("train:0.75, test:0.25") == {"train": 0.75, "test": 0.25}
    for wrong in ("train:0.5,test:0.6", "train:1,train", "a b", "train:-1,test:2", "", "1:1"):
        with pytest.raises(RunError, match="--splits="):
            parse_shares(wrong)
