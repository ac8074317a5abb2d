"""Several processes train what one trains: real ones, which meet over the loopback."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest
from absl import flags as absl_flags

from launch.shell import group
from launch.shell.runs import RunError
from tests.launch.programs import ROOT, refused

EPOCHS = 8
CONFIG = [
    "--config=configs/tiny.py", "--config.data.workers=1", "--config.data.events.test=1",
    "--config.model.width=8", "--config.model.backbone=mlp", "--config.model.sharing=False",
    "--config.train.share_weight=0.0", "--config.train.region_weight=0.0",
    f"--config.fit.epochs={EPOCHS}", "--config.fit.batch_size=8", "--config.fit.select=loss",
    "--config.fit.calibrate=False", "--config.mesh.data=-1",
]  # fmt: skip


# As srun: two tasks of a step, each told which one it is; where one fails the step does.
SRUN = """#!/usr/bin/env bash
while [[ $1 == --* ]]; do shift; done
export SLURM_STEP_NUM_TASKS=2 SLURM_NTASKS=2 SLURM_STEP_NODELIST=localhost
for task in 0 1; do SLURM_PROCID=$task SLURM_LOCALID=0 "$@" & done
wait -n && wait -n
"""
# As scontrol requeue: all that the job runs is over.
SCONTROL = """#!/usr/bin/env bash
echo "$@" >> "$SAID"
kill -KILL -- -$PPID
"""


def started(devices: int, *command: object, **environment: str) -> subprocess.Popen:
    """A program on so many simulated devices."""
    return subprocess.Popen(
        [*map(str, command)], cwd=ROOT, text=True, start_new_session=True,
        env={**os.environ, "JAX_NUM_CPU_DEVICES": str(devices), **environment},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def training(devices: int, *flags: object) -> subprocess.Popen:
    return started(devices, sys.executable, "-m", "launch.train", *CONFIG, *flags)


def pair(*flags: object) -> list[subprocess.Popen]:
    """Two processes of two devices each, which are told by flags who they are."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"--coordinator=localhost:{free.getsockname()[1]}"
    return [training(2, *flags, address, "--processes=2", f"--process={i}") for i in range(2)]


@pytest.fixture
def job(tmp_path):
    """Starts the script for Slurm as it runs in an allocation of two nodes of two devices each."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (("srun", SRUN), ("scontrol", SCONTROL)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    environment = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHON": sys.executable,
        "SAID": str(tmp_path / "said"),
        "SLURM_JOB_ID": str(20_000 + os.getpid() % 4000),  # its last digits are the port
    }
    script = ROOT / "launch/slurm/train.sbatch"
    return lambda *flags: started(2, script, *CONFIG, *flags, **environment)


def ended(process: subprocess.Popen) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=200)
    return process.returncode, out, err


def records(folder: Path) -> list[dict[str, float]]:
    path = folder / "metrics.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def wait_for_more(folder: Path, process: subprocess.Popen) -> None:
    """Until an epoch more is on record."""
    before = len(records(folder))
    while len(records(folder)) == before and process.poll() is None:
        time.sleep(0.01)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return f"--config.data.root={tmp_path_factory.mktemp('data')}"


@pytest.fixture(scope="module")
def alone(data, tmp_path_factory):
    """One process with four devices, undisturbed."""
    folder = tmp_path_factory.mktemp("alone") / "run"
    code, _, err = ended(training(4, f"--run={folder}", data))
    assert code == 0, err
    return folder


def like(folder: Path, alone: Path) -> bool:
    """Whether a run has the epochs and the model of another, but for rounding."""
    found = {record["epoch"]: record for record in records(folder)}
    assert sorted(found) == list(range(1, EPOCHS + 1))
    for expected in records(alone):
        assert found[expected["epoch"]] == pytest.approx(expected, rel=1e-4, abs=1e-6)
    with np.load(folder / "model/arrays.npz") as a, np.load(alone / "model/arrays.npz") as b:
        assert a.keys() == b.keys()
        return all(np.allclose(a[name], b[name], rtol=1e-4, atol=1e-5) for name in a)


@pytest.mark.soak
def test_a_group_survives_a_lost_member(alone, data, tmp_path):
    """It is killed, and the other ends with a line; one process goes on, and ends with the model
    of one undisturbed."""
    folder = tmp_path / "run"
    first, second = pair(f"--run={folder}", data)
    wait_for_more(folder, first)
    second.send_signal(signal.SIGKILL)
    code, _, err = ended(first)
    ended(second)
    assert code == 1
    assert "error: another process of the group is gone" in err
    assert 1 <= len(records(folder)) < EPOCHS
    assert not (folder / "model").exists()
    code, out, err = ended(training(4, f"--run={folder}", data))
    assert code == 0, err
    assert out.count(f"model {folder}") == 1
    assert like(folder, alone)


@pytest.mark.soak
def test_a_job_goes_on_in_the_next_one_when_its_time_is_over(alone, data, job, tmp_path):
    folder = tmp_path / "run"
    first = job(f"--run={folder}", data)
    wait_for_more(folder, first)
    first.send_signal(signal.SIGUSR1)
    _, out, err = ended(first)
    assert "back in the queue" in out, err
    assert (tmp_path / "said").read_text().startswith("requeue 2")
    assert 1 <= len(records(folder)) < EPOCHS
    code, out, err = ended(job(f"--run={folder}", data))
    assert code == 0, err
    assert out.count(f"model {folder}") == 1  # only the first process speaks
    assert like(folder, alone)


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
    ("processes", "error", "ends"),
    [
        (2, "UNKNOWN: Gloo context initialization failed: DEADLINE_EXCEEDED", SystemExit),
        (2, "RESOURCE_EXHAUSTED: out of memory", jax.errors.JaxRuntimeError),
        (1, "UNKNOWN: something", jax.errors.JaxRuntimeError),
    ],
)
def test_a_trial_has_not_failed_where_a_process_does_not_reach_the_others(
    monkeypatch, processes, error, ends
):
    monkeypatch.setattr(os, "_exit", sys.exit)
    monkeypatch.setattr(jax, "process_count", lambda: processes)
    with pytest.raises(ends), group.lost_together():
        raise jax.errors.JaxRuntimeError(error)


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


@pytest.fixture
def mesh_of():
    """What `--devices` is read with, given its value."""
    made = group.define_devices()
    absl_flags.FLAGS.mark_as_parsed()

    def mesh(value, *configured):
        absl_flags.FLAGS.devices = value
        return made(*configured)

    yield mesh
    delattr(absl_flags.FLAGS, "devices")


def test_a_program_of_one_process_takes_the_devices_that_there_are(mesh_of):
    assert mesh_of(0) is mesh_of(1) is mesh_of(1, {"data": 8}) is None
    few = jax.device_count()
    for value, configured in ((few + 1, {}), (0, {"data": few + 1})):
        with pytest.raises(RunError, match=r"devices are asked for, there are .*--devices=1"):
            mesh_of(value, configured)


@pytest.mark.parametrize("script", ["train", "study"])
def test_a_script_for_slurm_says_that_there_is_none(script, tmp_path):
    path = ROOT / f"launch/slurm/{script}.sbatch"
    bash = shutil.which("bash")
    done = subprocess.run([bash, path], env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: no srun here: ")
    assert len(done.stderr.splitlines()) == 1
