"""Trials that two processes train together, over jax.distributed, on two simulated devices each:
the losses of one process with the same batches, and the same study whoever is killed."""

import os

import pytest

import hpo
from tests.launch.kills.killing import Study, wait_for_epochs

pytestmark = [
    pytest.mark.soak,
    pytest.mark.filterwarnings(r"ignore:os\.fork:RuntimeWarning"),
]

TINY = (
    "--config=configs/tiny.py", "--config.data.workers=1", "--config.data.events.test=1",
    "--config.model.width=8", "--config.model.backbone=mlp", "--config.model.sharing=False",
    "--config.train.share_weight=0.0", "--config.train.region_weight=0.0",
    "--config.tune.scheduler=hyperband", "--config.tune.max_epochs=2",
    "--config.tune.batch_size=8", "--config.tune.workers=1",
)  # fmt: skip
PAIR = ("--config.tune.resources.processes=2",)
KINDS = {"processes": (), "ray": ("--config.tune.executor=ray",)}


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """Pairs start and compile for a minute before their first epoch, again after each kill."""
    monkeypatch.setattr("tests.launch.kills.killing.LIMIT_S", 500)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return f"--config.data.root={tmp_path_factory.mktemp('data')}"


@pytest.fixture(scope="module")
def alone(data, tmp_path_factory):
    """One process with one device, undisturbed."""
    folder = tmp_path_factory.mktemp("alone") / "run"
    study = Study(folder, *TINY, data)
    study.start()
    study.end()
    return study


def members_of(study, end):
    """The processes of a group whose output goes to a file of that name."""
    return [p for p in study.workers() if os.readlink(f"/proc/{p.pid}/fd/1").endswith(end)]


def check_same(study, alone):
    found, expected = study.curves(), alone.curves()
    assert found.keys() == expected.keys()
    for trial, curve in expected.items():
        assert found[trial] == pytest.approx(curve, rel=1e-5)
    assert not [event for event in study.events() if isinstance(event, hpo.Failed)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_pair_trains_what_one_does_whoever_is_killed(alone, data, tmp_path, kind):
    if kind == "ray":
        pytest.importorskip("ray", reason="needs the extra [ray]")
    options = (*TINY, *PAIR, *KINDS[kind], data)
    study = Study(tmp_path / "run", *options, JAX_NUM_CPU_DEVICES="2")
    study.start()
    for member in (1, 0):
        wait_for_epochs(study, 1)
        assert study.driver.poll() is None, study.said()
        (process,) = members_of(study, ".1.log" if member else "/0.log")
        process.kill()
    study.end()
    check_same(study, alone)
    assert [event for event in study.events() if isinstance(event, hpo.WorkerLost)]
