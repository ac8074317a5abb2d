"""Several processes train what one trains: real ones, which meet over the loopback."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from launch.shell import group
from tests.launch.programs import ROOT, refused

CONFIG = [
    "--config=configs/tiny.py", "--config.data.workers=1", "--config.data.events.test=1",
    "--config.model.width=8", "--config.model.backbone=mlp", "--config.model.messages=1",
    "--config.fit.epochs=6", "--config.fit.batch_size=8", "--config.fit.select=loss",
    "--config.fit.calibrate=False", "--config.mesh.data=-1",
]  # fmt: skip


def started(devices: int, *arguments: object) -> subprocess.Popen:
    """launch.train on so many simulated devices."""
    return subprocess.Popen(
        [sys.executable, "-m", "launch.train", *CONFIG, *map(str, arguments)],
        cwd=ROOT, env={**os.environ, "JAX_NUM_CPU_DEVICES": str(devices)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def pair(folder: Path, data: Path) -> list[subprocess.Popen]:
    """Two processes of two devices each."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"localhost:{free.getsockname()[1]}"
    same = f"--run={folder}", f"--config.data.root={data}", f"--coordinator={address}"
    return [started(2, *same, "--processes=2", f"--process={i}") for i in range(2)]


def ended(process: subprocess.Popen) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=200)
    return process.returncode, out, err


def records(folder: Path) -> list[dict[str, float]]:
    path = folder / "metrics.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def alone(data, tmp_path_factory):
    """One process with four devices, undisturbed."""
    folder = tmp_path_factory.mktemp("alone") / "run"
    code, _, err = ended(started(4, f"--run={folder}", f"--config.data.root={data}"))
    assert code == 0, err
    return folder


def test_a_group_whose_member_dies_ends_and_goes_on_to_the_model_of_one_process(
    alone, data, tmp_path
):
    folder = tmp_path / "run"
    first, second = pair(folder, data)
    while not records(folder) and first.poll() is None:
        time.sleep(0.02)
    second.send_signal(signal.SIGKILL)
    code, _, err = ended(first)
    ended(second)
    assert code == 1
    assert "error: another process of the group is gone" in err
    assert 1 <= len(records(folder)) < 6
    assert not (folder / "model").exists()

    (code, out, err), (other, silent, _) = map(ended, pair(folder, data))
    assert (code, other) == (0, 0), err
    assert "model" in out
    assert all(line.startswith("[Gloo]") for line in silent.splitlines())
    found = {record["epoch"]: record for record in records(folder)}
    assert sorted(found) == [1, 2, 3, 4, 5, 6]
    for expected in records(alone):
        assert found[expected["epoch"]] == pytest.approx(expected, rel=1e-4, abs=1e-6)
    with np.load(folder / "model/arrays.npz") as a, np.load(alone / "model/arrays.npz") as b:
        assert a.keys() == b.keys()
        for name in a:
            np.testing.assert_allclose(a[name], b[name], rtol=1e-4, atol=1e-5)


def test_who_comes_alone_is_told_so(launch, tmp_path):
    for process in (0, 1):
        done = launch(
            "train", *CONFIG, f"--run={tmp_path / 'r'}", "--coordinator=localhost:9",
            "--processes=2", f"--process={process}", "--wait=2",
        )  # fmt: skip
        refused(done, "not all processes of the group met within 2 s", "localhost:9")
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--processes=2"], ["--processes", "--coordinator=HOST:PORT"]),
        (["--coordinator=node1"], ["--coordinator=node1", "HOST:PORT"]),
        (["--coordinator=a:1", "--processes=2", "--process=2"], ["--process=2", "from 0"]),
        (["--config.mesh.data=99"], ["99 x 1 devices are asked for"]),
    ],
)
def test_a_group_that_cannot_be_is_refused(launch, tmp_path, flags, words):
    refused(launch("train", *CONFIG, f"--run={tmp_path / 'r'}", *flags), *words)
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("environment", "starter"),
    [
        ({}, None),
        ({"SLURM_NTASKS": "4"}, None),  # an allocation, in which nothing was started by srun
        ({"SLURM_STEP_NUM_TASKS": "1"}, None),
        ({"SLURM_STEP_NUM_TASKS": "4"}, "slurm"),
        ({"OMPI_COMM_WORLD_SIZE": "2"}, "ompi"),
    ],
)
def test_who_started_several_processes(environment, starter):
    assert group.starter_of(environment) == starter
