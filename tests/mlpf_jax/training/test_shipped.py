"""Models by folder, by run and by name."""

import json

import jax
import numpy as np
import pytest

import mlpf_jax
from datasets import schema
from launch.shell import models
from launch.shell.reconstruct import of_model
from mlpf_jax.training import checkpoint, shipped
from tests.mlpf_jax.conftest import MODEL


@pytest.fixture
def package(variables, tmp_path, monkeypatch):
    """A package that ships two models."""
    for name in ("small", "large"):
        checkpoint.save_model(tmp_path / "shipped" / name, MODEL, variables)
    (tmp_path / "shipped" / "unfinished").mkdir()
    monkeypatch.setattr(shipped, "SHIPPED", tmp_path / "shipped")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def same(found, variables):
    config, loaded = found
    assert config == MODEL
    for a, b in zip(jax.tree.leaves(loaded), jax.tree.leaves(variables), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_model_by_its_folder_its_run_or_its_name(package, variables):
    checkpoint.save_model(package / "mine", MODEL, variables)
    checkpoint.save_model(package / "run" / "model", MODEL, variables)
    (package / "run" / "config.json").write_text("{}")
    for name in ("mine", package / "mine", "run", package / "run", "small"):
        same(mlpf_jax.load(name), variables)
    assert shipped.find("run") == shipped.Path("run/model")
    assert shipped.find("small") == package / "shipped" / "small"


def test_a_folder_goes_before_a_name(package, variables):
    checkpoint.save_model(package / "small", MODEL, variables)
    assert shipped.find("small") == shipped.Path("small")


def test_unknown_names_and_folders_without_a_model(package, monkeypatch):
    with pytest.raises(ValueError, match=r"no model 'smal': .*are: large, small$"):
        mlpf_jax.load("smal")
    (package / "run").mkdir()
    (package / "run" / "config.json").write_text("{}")
    with pytest.raises(ValueError, match=r"no model in run: neither it nor its model/"):
        mlpf_jax.load("run")
    monkeypatch.setattr(shipped, "SHIPPED", package / "none")
    with pytest.raises(ValueError, match=r"are: none$"):
        mlpf_jax.load("small")


def test_seeds_of_the_training(tmp_path):
    assert shipped.training_seeds(tmp_path) == {}
    file = tmp_path / "training.json"
    file.write_text(json.dumps({"ttbar": [1, 2], "zh": []}))
    assert shipped.training_seeds(tmp_path) == {"ttbar": [1, 2], "zh": []}
    for text in ('{"ttbar": ', "[1, 2]", '{"ttbar": 3}', '{"ttbar": ["a"]}'):
        file.write_text(text)
        with pytest.raises(ValueError, match=r"training\.json is no"):
            shipped.training_seeds(tmp_path)


@pytest.mark.parametrize("name", shipped.names())
def test_what_ships_is_whole(name):
    """Small, with its card and the seeds of its training; and it reconstructs new events."""
    folder = shipped.find(name)
    assert sum(file.stat().st_size for file in folder.iterdir()) < 5e6
    card = (folder / "CARD.md").read_text()
    for word in ("Data", "Training", "Figures", "Limits"):
        assert f"## {word}" in card
    seeds = shipped.training_seeds(folder)
    assert seeds
    assert min(map(len, seeds.values())) > 0
    pytest.importorskip("pythia8mc", reason="the simulation needs the extra `physics`")
    from datasets.simulation import simulate
    from datasets.truth.target import to_samples

    samples = to_samples(simulate("ttbar", 6, 123))
    rows = of_model(*mlpf_jax.load(name))(samples, lambda done: None)
    kind, energy = (schema.target(column) for column in ("PDG", "energy"))
    true = np.asarray(samples.ytarget)
    assert rows[:, energy].sum() == pytest.approx(true[:, energy].sum(), rel=0.1)
    assert (rows[:, kind] == true[:, kind]).mean() > 0.7


def test_the_model_that_is_taken_by_default_ships():
    assert models.SHIPPED in shipped.names()
