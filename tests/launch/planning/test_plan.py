"""--dry_run says what a run would do, counts it right, and writes nothing."""

import re

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from datasets.storage.files import write_json
from launch.planning import plan, work
from launch.shell import configs
from launch.shell.runs import Run, RunError, working_in
from mlpf_jax.model.config import ModelConfig, TrainConfig, from_mapping
from mlpf_jax.model.statistics import measure
from mlpf_jax.training import train


@pytest.fixture
def config():
    return configs.filled(configs.load("tiny"))


@pytest.mark.soak
def test_parameters_and_bytes_are_those_of_a_state(config):
    found = work.of_training(config, config.fit)
    kinds = np.zeros((2, 17), np.float32)
    kinds[:, 0] = 1, 2
    state = train.create_state(
        jax.random.key(0),
        from_mapping(ModelConfig, config.model.to_dict()),
        from_mapping(TrainConfig, config.train.to_dict()),
        measure(kinds),
    )
    assert found.parameters == sum(leaf.size for leaf in jax.tree.leaves(state.params))
    assert found.state_bytes == sum(leaf.nbytes for leaf in jax.tree.leaves(state))


@pytest.mark.soak
def test_an_event_costs_what_its_places_cost(config):
    """Next to nothing is padding in packed rows; one event a row is padded to a length."""
    events = {"batch_size": 8, "train_events": 0}
    packed, padded = (
        work.of_training(config, ConfigDict(events | more)).flops
        for more in ({"packed": True}, {"buckets": 1})
    )
    assert 1.5 * packed < padded < 3 * packed


def test_what_is_done_costs_nothing(config, tmp_path, monkeypatch):
    monkeypatch.setattr(work, "rate", lambda precision: 1e9)
    run = Run(tmp_path, config)
    (whole,) = plan.training(run)
    assert "2 epochs of 24 events;" in whole.text
    assert whole.seconds > 0
    (tmp_path / "metrics.jsonl").write_text('{"epoch": 1}\n')
    (half,) = plan.training(run)
    assert "1 of them done" in half.text
    assert half.seconds == pytest.approx(whole.seconds / 2)
    (tmp_path / "model").mkdir()
    write_json(tmp_path / "model" / "config.json", {})
    write_json(tmp_path / "best.json", {})
    assert plan.training(run) == [plan.Step(f"training: done, {tmp_path / 'model'}")]
    assert plan.tuning(run) == [plan.Step(f"tuning: done, {tmp_path / 'best.json'}")]


def test_datasets_that_are_there_are_not_made(config, tmp_path):
    (missing,) = plan.datasets(Run(tmp_path, config))
    assert "48 events (train 24, validation 12, test 12) in 4 shards" in missing.text
    assert missing.bytes > 0
    folder = tmp_path / "data" / "clic_edm_ttbar_pf" / "3.2.0"
    folder.mkdir(parents=True)
    (folder / "recipe.json").touch()
    (there,) = plan.datasets(Run(tmp_path, config))
    assert there == plan.Step(f"dataset {folder.parent}: there already")


def test_nothing_is_written_and_another_run_is_refused(config, tmp_path, capsys):
    plan.show(tmp_path / "none", config, (plan.datasets,))
    assert not list(tmp_path.iterdir())
    said = capsys.readouterr().out
    assert re.search(r"together about \d+ s, .* free there\n", said)
    with working_in(tmp_path / "run", config):
        pass
    changed = ConfigDict(config.to_dict())
    changed.seed = 99
    with pytest.raises(RunError, match="seed was 1, is 99"):
        plan.show(tmp_path / "run", changed, (plan.datasets,))


SIZES = {0: "0 kB", 5_200: "5 kB", 3.1e7: "31 MB", 2e9: "2 GB", 4e12: "4 TB"}


@pytest.mark.parametrize(("count", "said"), SIZES.items())
def test_sizes_as_a_person_says_them(count, said):
    assert plan.size(count) == said


def test_a_program_says_it(launch, tmp_path):
    options = ("--process=qq", "--events=1000", f"--data_dir={tmp_path}", "--dry_run")
    done = launch("build_dataset", *options)
    assert "1,000 events (train 800, validation 100, test 100) in 10 shards" in done.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.soak
def test_all_programs_that_work_long_say_it(launch, tmp_path):
    run = f"--run={tmp_path / 'run'}"
    said = {
        verb: launch(verb, "--config=tiny", "--dry_run", run).stdout
        for verb in ("demo", "build_dataset", "tune", "train")
    }
    for verb, words in {
        "demo": ("4 shards", "tuning by swift_hyperband: 10 configurations", "training: 2 epochs"),
        "build_dataset": ("4 shards",),
        "tune": ("4 shards", "tuning by swift_hyperband"),
        "train": ("4 shards", "training: 2 epochs"),
    }.items():
        for word in words:
            assert word in said[verb]
    assert "320 configurations" in launch("curves", "--dry_run", run).stdout
    assert not list(tmp_path.iterdir())
