"""Trainings on several devices are those of one device: `tests.mlpf_jax.devices`, in a process
that has eight simulated ones."""

import json
import os
import socket
import subprocess
import sys

import jax
import numpy as np
import pytest

from mlpf_jax.training import parallel

QUICK = "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"


def started(module, *arguments):
    paths = os.pathsep.join(path or "." for path in sys.path)
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)], text=True,
        env={**os.environ, "XLA_FLAGS": QUICK, "PYTHONPATH": paths},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    process = started("tests.mlpf_jax.devices", tmp_path_factory.mktemp("states"))
    out, err = process.communicate()
    assert process.returncode == 0, err[-3000:]
    return json.loads(out)


@pytest.mark.parametrize("mesh", ["2", "8", "2x2"])
def test_the_gradient_is_that_of_one_device(found, mesh):
    assert 0 < found["gradients"][mesh] < 1e-6


@pytest.mark.parametrize("mesh", ["8", "2x2"])
def test_twenty_steps_end_in_the_parameters_of_one_device(found, mesh):
    assert 0 < found["stepped"][mesh]["parameters"] < 1e-5


@pytest.mark.parametrize("mesh", ["8", "2x2"])
def test_a_step_adds_gradients_once_and_nothing_else_that_is_large(found, mesh):
    """One all-reduce holds all parameters; the other, what sums are divided by."""
    sizes = [size for kind, size in found["stepped"][mesh]["collectives"] if kind == "all-reduce"]
    assert len(sizes) == len(found["stepped"][mesh]["collectives"]) == 2
    assert sizes[0] <= 10
    assert found["parameters"] <= sizes[1] <= found["parameters"] + 20


def test_along_the_model_axis_large_arrays_are_cut_and_stay_so(found):
    assert found["stepped"]["8"]["cut"] == 0
    assert found["stepped"]["2x2"]["cut"] > 0


def test_losses_and_particles_of_rows_that_devices_do_not_divide(found):
    assert abs(found["judged"]["loss"]) < 1e-6
    assert found["judged"]["particles"] < 1e-5


def test_a_model_applied_by_eight_devices_makes_the_particles_of_one(found):
    assert found["reconstructed"] < 1e-6


def test_a_state_of_four_devices_goes_on_on_others_and_from_there_on_others_again(found):
    going_on = found["going_on"]
    loss = going_on.pop("unstopped")["loss"]
    assert set(going_on) == {"2x2", "8", "2", "1", "1, from 2"}
    assert going_on["2x2"] == {"loss": loss, "parameters": 0}  # bit for bit
    for after in going_on.values():
        assert after["loss"] == pytest.approx(loss, rel=1e-5)
        assert after["parameters"] < 1e-5


@pytest.mark.soak
@pytest.mark.parametrize("late", [0, 40])
def test_the_gradient_of_two_processes_is_that_of_one_device(late):
    """Real processes of a device each, which meet over the loopback; one may compile for longer
    than the half a minute in which Gloo connects."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"localhost:{free.getsockname()[1]}"
    pair = [started("tests.mlpf_jax.pair", address, number, late) for number in range(2)]
    for process in pair:
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err[-3000:]
        assert 0 < float(out.splitlines()[-1]) < 1e-6  # Gloo may have said something before


def test_processes_compile_then_wait_for_each_other_then_connect(monkeypatch):
    """Along each axis and all of them together, or a step would connect where it first adds."""
    happened = []

    class Sum:
        def __init__(self, axes, mesh):
            self.axes = axes

        def lower(self, ones):
            assert ones.shape == (1, 1)
            return self

        def compile(self):
            happened.append(("compile", self.axes))
            return lambda ones: happened.append(("add", self.axes))

    monkeypatch.setattr(parallel, "_sum_along", Sum)
    monkeypatch.setattr(parallel, "meet", lambda name: happened.append((name, ())))
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:1]).reshape(1, 1), parallel.AXES)
    for alone in (None, mesh):
        parallel.connect(alone)
    assert not happened
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    parallel.connect(None)
    parallel.connect(mesh)
    axes = [("data",), ("model",), ("data", "model")]
    met = [("connect", ())]
    assert happened == [("compile", a) for a in axes] + met + [("add", a) for a in axes]


def test_fit_replaces_its_own_states_only(found):
    assert found["fitted"] == {"given": True, "yielded": True}


class Device:
    """As much of a device as a mesh looks at before there is one."""


@pytest.mark.parametrize(
    ("sizes", "complaint"),
    [
        ({"data": 5}, "5 x 1 devices are asked for, there are 4"),
        ({"data": 2, "model": 3}, "2 x 3 devices are asked for, there are 4"),
        ({"data": -1, "model": 8}, "1 x 8 devices are asked for, there are 4"),
        ({"data": 0}, "mesh.data = 0: give a number"),
        ({"model": -1}, "mesh.model = -1: give a number"),
        ({"rows": 2}, "mesh.rows: a mesh has the axes data and model"),
    ],
)
def test_a_mesh_that_cannot_be_is_refused(sizes, complaint):
    with pytest.raises(ValueError, match=complaint):
        parallel.mesh_of(sizes, [Device()] * 4)


def test_one_device_needs_no_mesh():
    for sizes in ({}, {"data": 1}, {"data": 1, "model": 1}, {"data": -1}):
        assert parallel.mesh_of(sizes, jax.devices()[:1]) is None


def test_a_group_uses_all_of_its_devices(monkeypatch):
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    with pytest.raises(ValueError, match="a group of processes uses all that it has"):
        parallel.mesh_of({"data": 2}, [Device()] * 4)


def test_a_group_does_not_train_each_for_itself(monkeypatch):
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    monkeypatch.setattr(jax.distributed, "is_initialized", lambda: True)
    with pytest.raises(ValueError, match="a group of processes uses all that it has"):
        parallel.mesh_of({"data": 1, "model": 1}, [Device()] * 2)


def test_batches_that_cannot_be_split_are_refused(batch_of):
    class Three:
        size = 3

    with pytest.raises(ValueError, match="4 rows cannot be split over 3 devices"):
        parallel.place(batch_of([(2, 2)] * 4, 8), Three())


def test_without_a_mesh_a_batch_is_as_it_is(batch_of):
    batch = batch_of([(2, 2)] * 4, 8)
    assert parallel.place(batch, None) is parallel.share(batch, None) is batch
    assert np.array_equal(parallel.fetched({"a": jax.numpy.arange(3)})["a"], [0, 1, 2])
