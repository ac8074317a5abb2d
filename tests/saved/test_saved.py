"""What older versions wrote opens, goes on where it stopped, and comes to what it came to then."""

import importlib.util
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import hpo
from datasets.storage.files import FileError
from launch import evaluate, study
from launch.shell.compilation import keep_compilations
from launch.shell.runs import going_on_in, stage, working_in
from tests.places import read_only

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def unpacked(archive: str, folder: Path) -> Path:
    with tarfile.open(HERE / archive) as file:
        file.extractall(folder, filter="data")
    return folder


def module_of(path: Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


studies = module_of(HERE / "studies.py")


@pytest.fixture(scope="module")
def journals(tmp_path_factory):
    return unpacked("journals.tar.xz", tmp_path_factory.mktemp("journals"))


@pytest.fixture(scope="module")
def expected(journals):
    return json.loads((journals / "expected.json").read_text())


@pytest.mark.parametrize("name", studies.schedulers())
def test_a_finished_study_opens_and_is_what_it_was(name, journals, expected):
    with hpo.Journal(journals / f"{name}.db") as journal:
        before = len(list(journal.entries()))
        summary = studies.play(name, journal, journals)
        assert len(list(journal.entries())) == before
    assert studies.outcome(summary) == expected[name]


# Decide by what has come when a worker asks, which a restart changes.
ORDER_MATTERS = {"asha", "asha_bohb", "bayesian", "asynchronous"}


@pytest.mark.parametrize("name", studies.schedulers())
def test_an_unfinished_study_goes_on_to_the_same_end(name, journals, expected):
    with hpo.Journal(journals / f"{name}.half.db") as journal:
        before = [entry.item for entry in journal.entries()]
        summary = studies.play(name, journal, journals)
        assert [entry.item for entry in journal.entries()][: len(before)] == before
    for event in before:
        if isinstance(event, hpo.Reported):
            assert summary.trials[event.trial].curve[event.epoch - 1] == event.metrics["loss"]
    assert summary.best is not None
    if name not in ORDER_MATTERS:
        assert studies.outcome(summary) == expected[name]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of configs/tiny.py without its data, trials and model."""
    return unpacked("run.tar.xz", tmp_path_factory.mktemp("run")) / "run"


def test_the_study_of_a_saved_run_can_be_looked_at(run):
    command = [sys.executable, "-m", "launch.study", f"--run={run}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "10 trials" in done.stdout


def test_a_run_in_a_read_only_place_can_be_looked_at(run, capsys):
    with read_only(run):
        study.inspect(run / "study.db")
        with going_on_in(run) as opened:
            evaluate.evaluate(opened)
            keep_compilations(opened)
            with working_in(run, opened.config) as same:
                assert same.config == opened.config
            with pytest.raises(FileError, match="cannot write"), stage(opened, "more"):
                pass
    assert "trials" in capsys.readouterr().out
    assert not (run / "compiled").exists()
