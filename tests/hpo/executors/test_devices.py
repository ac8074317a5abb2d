import os
import stat
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.executors.devices import Machine, accelerators, environments, machine
from hpo.executors.resources import Resources

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


def there(devices=0, cores=64, memory_gb=256.0):
    return Machine([str(n) for n in range(devices)], cores, memory_gb)


def users(made):
    """The processes of each device."""
    found = defaultdict(list)
    for process, each in enumerate(made):
        for name in each["CUDA_VISIBLE_DEVICES"].split(","):
            found[name].append(process)
    return found


def test_without_accelerators_nothing_is_said_of_them():
    assert environments(3, there()) == [THREADS] * 3


def test_this_machine_has_something():
    found = machine()
    assert found.cores >= 1
    assert found.memory_gb > 0.1


@given(st.integers(1, 20), st.integers(1, 9))
def test_accelerators_are_divided_evenly(workers, count):
    """None is left without one, none belongs to one worker while another has two more, and the
    workers of one device do not ask for more memory than it has."""
    made = environments(workers, there(count))
    own = [each["CUDA_VISIBLE_DEVICES"].split(",") for each in made]
    assert len(made) == workers
    if workers <= count:
        assert {len(each) for each in own} == {count // workers}
        assert len(users(made)) == sum(map(len, own))
        assert not any("XLA_PYTHON_CLIENT_MEM_FRACTION" in each for each in made)
        return
    shares = [len(found) for found in users(made).values()]
    assert max(shares) - min(shares) <= 1
    assert_memory_is_enough(made)


def assert_memory_is_enough(made):
    for found in users(made).values():
        wanted = [made[n].get("XLA_PYTHON_CLIENT_MEM_FRACTION", "0.75") for n in found]
        assert 0 < sum(map(float, wanted)) <= 0.91


@given(
    st.integers(1, 6),
    st.integers(1, 4),
    st.sampled_from([1, 2, 3, 0.5, 0.4, 0.25, 1 / 3, 1 / 49]),
    st.integers(1, 9),
)
def test_what_is_asked_for_is_given_or_refused(workers, processes, asked, count):
    """Every process has as many devices as it asks for, and nobody else has them; of fractions no
    more share one than it has, and their memory fits."""
    if asked < 1:
        processes = 1
    resources = Resources(processes, asked)
    needed = workers * processes * asked if asked >= 1 else -(-workers // int(1 / asked + 1e-9))
    if needed > count:
        with pytest.raises(ValueError, match=r"resources\.devices = .* take fewer workers"):
            environments(workers, there(count), resources)
        return
    made = environments(workers, there(count), resources)
    assert len(made) == workers * processes
    assert {len(each["CUDA_VISIBLE_DEVICES"].split(",")) for each in made} == {max(1, int(asked))}
    assert max(map(len, users(made).values())) <= max(1, round(1 / asked, 6))
    if asked < 1:
        assert_memory_is_enough(made)


@pytest.mark.parametrize(
    ("resources", "words"),
    [
        (Resources(cores=3), r"2 workers with resources.cores = 3 need 6, and this machine has 4"),
        (Resources(2, cores=2), r"2 workers x 2 processes with resources.cores = 2 need 8"),
        (Resources(memory_gb=5), r"memory_gb = 5 need 10, and this machine has 8"),
        (Resources(2), r"2 workers x 2 processes need a device each, and this machine has 3"),
    ],
)
def test_more_than_there_is_is_refused_in_a_line(resources, words):
    with pytest.raises(ValueError, match=words) as error:
        environments(2, there(3, 4, 8.0), resources)
    assert "\n" not in str(error.value)


def test_cores_are_threads():
    (made,) = environments(1, there(), Resources(cores=3))
    assert made == {"NPROC": "3", "OMP_NUM_THREADS": "3"}


@pytest.mark.parametrize(
    "wrong", [{"processes": 0}, {"devices": -1}, {"devices": 1.5}, {"processes": 2, "devices": 0.5}]
)
def test_resources_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match=f"resources.{list(wrong)[-1]} = "):
        Resources(**wrong)
