"""The script that plays a study on the nodes of a Slurm allocation, with stand-ins for Slurm's own
programs: two nodes that are this machine twice, real Ray, real trainings."""

import contextlib
import os
import signal
import socket
import sys

import pytest

from tests.launch.kills.killing import ROOT, Study, psutil, wait_for_epochs
from tests.launch.kills.test_kills import check_same, undisturbed

ray = pytest.importorskip("ray", reason="needs the extra [ray]")

pytestmark = pytest.mark.soak

# As srun: what comes after the options, once, for a step of one node.
SRUN = """#!/usr/bin/env bash
while [[ $1 == --* ]]; do shift; done
exec "$@"
"""
# As scontrol: who the nodes are, in its own time; and for requeue, all that the job runs is over.
SCONTROL = """#!/usr/bin/env bash
if [[ $1 == show ]]; then echo "$SLURM_JOB_NODELIST"; sleep 0.3; echo other; exit; fi
echo "$@" >> "$SAID"
kill -KILL -- -$PPID
"""


@pytest.fixture
def study(tmp_path):
    """The study's script as it runs in an allocation of two nodes."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (("srun", SRUN), ("scontrol", SCONTROL)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    with socket.socket() as free:
        free.bind(("", 0))
        port = str(free.getsockname()[1])
    here = ray.util.get_node_ip_address()  # a name that leads to 127.0.0.1 is none for Ray
    environment = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "PYTHON": sys.executable,
        "SAID": str(tmp_path / "said"), "RAY_PORT": port, "SLURM_JOB_ID": "7",
        "SLURM_JOB_NODELIST": here, "SLURM_JOB_NUM_NODES": "2",
    }  # fmt: skip
    program = (ROOT / "launch/slurm/study.sbatch",)
    made = Study(tmp_path / "run", program=program, **environment)
    yield made
    with contextlib.suppress(ProcessLookupError):
        os.killpg(made.driver.pid, signal.SIGKILL)
    for process in psutil.process_iter(["cmdline"]):  # what is left of its cluster
        if any(f"{here}:{port}" in word for word in process.info["cmdline"] or ()):
            with contextlib.suppress(psutil.Error):
                process.kill()


def test_a_study_goes_on_in_the_next_job_when_its_time_is_over(tmp_path, study):
    calm = undisturbed(tmp_path / "calm")
    study.start()
    wait_for_epochs(study, 5)
    study.driver.send_signal(signal.SIGUSR1)
    study.driver.wait(60)
    assert (tmp_path / "said").read_text() == "requeue 7\n"
    assert 0 < sum(map(len, study.curves().values())) < sum(map(len, calm.curves().values()))
    study.start()
    study.end()
    check_same(study, calm)
