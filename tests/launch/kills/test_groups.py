"""Trials that several processes train together, over jax.distributed, on two simulated devices each:
the losses of one process with the same batches, and the same study whoever is killed."""

import contextlib
import os
import signal

import pytest

import hpo
from tests.launch.kills.killing import Study, psutil, wait_for_epochs

pytestmark = [
    pytest.mark.soak,
    pytest.mark.filterwarnings(r"ignore:os\.fork:RuntimeWarning"),
]

TINY = (
    "--config=configs/tiny.py", "--config.data.workers=1", "--config.data.events.test=1",
    "--config.model.width=8", "--config.model.backbone=mlp", "--config.model.sharing=False",
    "--config.train.share_weight=0.0", "--config.train.region_weight=0.0",
    "--config.tune.scheduler=hyperband", "--config.tune.batch_size=8", "--config.tune.workers=1",
)  # fmt: skip
PAIR = ("--config.tune.resources.processes=2",)
KINDS = {"processes": (), "ray": ("--config.tune.executor=ray",)}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return f"--config.data.root={tmp_path_factory.mktemp('data')}"


@pytest.fixture(scope="module")
def alone(data, tmp_path_factory):
    """One process with four devices, undisturbed."""
    folder = tmp_path_factory.mktemp("alone") / "run"
    study = Study(folder, *TINY, "--config.tune.resources.devices=0", data)
    study.start()
    study.end()
    return study


def losses(study):
    return {trial: list(curve.items()) for trial, curve in study.curves().items()}


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
        wait_for_epochs(study, 2)
        victims = sorted(study.workers(), key=lambda p: os.readlink(f"/proc/{p.pid}/fd/1"))
        with contextlib.suppress(psutil.Error):
            victims[member - 1].send_signal(signal.SIGKILL)
    study.end()
    check_same(study, alone)
    assert [event for event in study.events() if isinstance(event, hpo.WorkerLost)]
