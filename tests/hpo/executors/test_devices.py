import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.executors.devices import accelerators, environments

THREADS = {"NPROC": "1", "OMP_NUM_THREADS": "1"}


@pytest.mark.parametrize(
    ("visible", "found"), [("", []), ("-1", []), ("2", ["2"]), ("0, 3", ["0", "3"])]
)
def test_what_a_process_may_use_is_what_it_was_given(visible, found):
    assert accelerators({"CUDA_VISIBLE_DEVICES": visible}) == found


@pytest.mark.parametrize(
    ("script", "found"), [("echo 'GPU 0: A'; echo 'GPU 1: B'", ["0", "1"]), ("exit 9", [])]
)
def test_otherwise_the_driver_is_asked(tmp_path, monkeypatch, script, found):
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert accelerators({}) == found
    program.unlink()
    assert accelerators({}) == []


def test_without_accelerators_nothing_is_said_of_them():
    assert environments(3, []) == [THREADS] * 3


@given(st.integers(1, 20), st.integers(1, 9))
def test_accelerators_are_divided_evenly(workers, count):
    """None is left without one, none belongs to one worker while another has two more, and the
    workers of one device do not ask for more memory than it has."""
    devices = [str(n) for n in range(count)]
    made = environments(workers, devices)
    own = [each["CUDA_VISIBLE_DEVICES"].split(",") for each in made]
    assert len(made) == workers
    if workers <= count:
        assert {len(each) for each in own} == {count // workers}
        assert len({name for each in own for name in each}) == sum(map(len, own))
        assert not any("XLA_PYTHON_CLIENT_MEM_FRACTION" in each for each in made)
        return
    users = [sum(name in each for each in own) for name in devices]
    assert max(users) - min(users) <= 1
    for name in devices:
        shares = [
            float(each["XLA_PYTHON_CLIENT_MEM_FRACTION"])
            for each in made
            if each["CUDA_VISIBLE_DEVICES"] == name
        ]
        assert 0 < sum(shares) <= 0.91
