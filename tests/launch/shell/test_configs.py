"""Configurations by name or path, complete, so that every value can be changed by a flag."""

from dataclasses import fields
from pathlib import Path

import pytest
from ml_collections import ConfigDict

from launch.shell import configs, runs
from mlpf_jax.model.config import ModelConfig, TrainConfig, from_mapping

ROOT = Path(__file__).parents[3]
NAMES = sorted(path.stem for path in (ROOT / "configs").glob("[!_]*.py"))
OURS = [name for name in NAMES if "data" in configs.load(name)]
every = pytest.mark.parametrize("name", NAMES)


@every
def test_a_name_a_path_and_an_old_path_are_one(name):
    loaded = configs.load(name).to_dict()
    assert configs.load(f"configs/{name}.py").to_dict() == loaded
    assert configs.load(str(ROOT / "configs" / f"{name}.py")).to_dict() == loaded


@every
def test_what_is_filled_in_is_what_was_meant(name):
    """No training changes: what is added is what was taken where nothing was said."""
    config = configs.load(name)
    full = configs.filled(config)
    assert configs.filled(full) == full
    runs.check_same(runs.Run(Path("run"), config), full)  # one of older runs goes on
    if name in OURS:
        for section, kind in (("model", ModelConfig), ("train", TrainConfig)):
            assert set(full[section]) == {field.name for field in fields(kind)}
            assert from_mapping(kind, full[section]) == from_mapping(kind, config[section])
    else:
        assert full.get("model") == config.get("model")


def test_a_study_of_ones_own_can_go_to_a_cluster():
    full = configs.filled(configs.load("curves_cnn5"))
    assert (full.tune.executor, full.tune.gpus) == ("processes", 0.0)


def test_a_training_can_be_divided_among_devices_where_its_file_says_nothing_of_them():
    config = configs.load("tiny")
    del config.mesh
    assert configs.filled(config).mesh == ConfigDict({"data": 1, "model": 1})


def test_an_argument_goes_to_get_config():
    published, ours = (configs.load(f"untuned_favor{a}") for a in (":published", ""))
    assert len(published.tune.space) < len(ours.tune.space)


@pytest.mark.parametrize(
    ("arguments", "name", "rest"),
    [
        ([], "demo", []),
        (["--config=tiny"], "tiny", []),
        (["--run=r", "-config", "tiny", "--seed=1"], "tiny", ["--run=r", "--seed=1"]),
        (["--config=a", "--config=b"], "b", []),
        (["--config.model.width=3", "--configuration=x"], "demo", None),
    ],
)
def test_the_command_line_names_it(arguments, name, rest):
    assert configs.taken_from(arguments, "demo") == (name, arguments if rest is None else rest)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1", r"has no get_config\(\)"),
        ("get_config = 1", r"has no get_config\(\)"),
        ("def get_config(): return {}", "returns a dict, no ConfigDict"),
    ],
)
def test_files_that_are_no_configuration(tmp_path, text, message):
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(runs.RunError, match=message):
        configs.load(str(tmp_path / "mine.py"))
    (tmp_path / "mine.txt").write_text(text)
    with pytest.raises(runs.RunError, match="is a Python file"):
        configs.load(str(tmp_path / "mine.txt"))


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("tinny", "did you mean tiny"),
        ("there/nix.py", "or a path"),
        ("../configs/tiny", "or a path"),
    ],
)
def test_names_that_are_none(name, hint):
    with pytest.raises(runs.RunError, match=hint):
        configs.load(name)


def test_every_value_is_shown_as_it_is_written():
    config = ConfigDict({"seed": 1, "data": {"root": "", "events": {"train": 2}}})
    assert configs.described(config.to_dict()).splitlines() == [
        "--config.data.events.train=2",
        "--config.data.root=''",
        "--config.seed=1",
    ]


def test_values_that_no_file_lists_can_be_changed(launch):
    done = launch(
        "train", "--config=tiny", "--config.model.head_width=96", "--config.fit.patience=3",
        "--config.tune.gpus=0.5", "--print_config",
    )  # fmt: skip
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert {"--config.model.head_width=96", "--config.fit.patience=3"} < set(lines)
    assert {"--config.tune.gpus=0.5", "--config.model.width=16"} < set(lines)
