"""What older versions wrote opens, goes on where it stopped, and comes to what it came to then."""

import importlib.util
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

import hpo

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
    """A run of configs/tiny.py without its dataset and trials; `outputs.npz` beside its model."""
    return unpacked("run.tar.xz", tmp_path_factory.mktemp("run")) / "run"


def test_a_saved_model_reconstructs_as_it_did(run):
    from mlpf_jax.model.mlpf import MLPF, particles
    from mlpf_jax.training import checkpoint

    config, variables = checkpoint.load_model(run / "model")
    with np.load(run / "outputs.npz") as file:
        X, segment, then = (file[name] for name in ("X", "segment", "particles"))
    now = particles(MLPF(config, 1).apply(variables, X, segment), X, segment > 0)
    np.testing.assert_allclose(np.asarray(now), then, rtol=1e-4, atol=1e-5)


def test_a_saved_training_goes_on(run):
    """Its last state is restored, and holds the parameters of the model saved after it."""
    import jax

    from mlpf_jax.model.config import TrainConfig
    from mlpf_jax.model.statistics import Statistics
    from mlpf_jax.training import checkpoint, train

    config, variables = checkpoint.load_model(run / "model")
    statistics = Statistics(**variables["statistics"]["inputs"])
    state = train.create_state(jax.random.key(0), config, TrainConfig(), statistics)
    restored = checkpoint.restore_state(run / "checkpoints", state)
    for then, now in zip(
        jax.tree.leaves(variables["params"]), jax.tree.leaves(restored.params), strict=True
    ):
        np.testing.assert_array_equal(now, then)


def test_the_study_of_a_saved_run_can_be_looked_at(run):
    command = [sys.executable, "-m", "launch.study", f"--run={run}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "10 trials" in done.stdout
