"""The benchmark of the models runs, at a size that shows nothing but that."""

import math
import sys
from pathlib import Path

import pytest

from benchmarks.models import __main__ as models
from benchmarks.models import gpu as models_gpu
from benchmarks.models.protocol import Size

TINY = Size(
    layers=1, width=16, bin_size=16, distance=8, distance_hidden=8, distance_layers=1,
    messages=1, max_bins=16,
)  # fmt: skip


@pytest.fixture(scope="module")
def worker():
    with models.ours() as process:
        yield process


@pytest.mark.parametrize("kind", models.KINDS)
def test_a_worker_times_forward_and_step(worker, kind):
    row = models.compare(
        worker, worker, ("gnn_lsh", "favor"), {"kind": kind, "elements": 32}, TINY, rounds=1
    )
    assert row["gnn_lsh"] > 0
    assert row["ratio"] == pytest.approx(row["favor"] / row["gnn_lsh"])


def test_without_peer_there_is_no_ratio(worker):
    row = models.compare(
        worker, None, ("gnn_lsh", ""), {"kind": "forward", "elements": 32}, TINY, rounds=1
    )
    assert set(row) == {"gnn_lsh"}


def test_an_error_in_a_worker_is_told_and_the_worker_goes_on(worker):
    with pytest.raises(RuntimeError, match="max_bins"):
        worker.seconds(TINY, kind="forward", model="gnn_lsh", elements=16 * 64)
    assert worker.request(ask="peak memory") > 0


def test_a_worker_that_ends_is_told():
    ending = models.Worker(sys.executable, "benchmarks.machine")
    with ending, pytest.raises(RuntimeError, match=r"benchmarks\.machine ended"):
        ending.request(ask="peak memory")


def test_parameters_of_the_benchmark_model(worker):
    count = worker.request(
        ask="parameters", values={"model": "gnn_lsh", "elements": 32}, sized=True,
        size=TINY._asdict(),
    )  # fmt: skip
    layer = 2 * 16 + (16 * 8 + 8) + (8 * 8 + 8) + 3 * 16 * 16 + 16
    assert count == 2 * layer


def test_operations_are_those_of_each_product():
    elements, products = 32, []
    for _ in range(2 * TINY.layers):
        products += [(32, 16, 8), (32, 8, 8)]  # distance network
        products += [(32, 8, 1)]  # hash: two bins are one direction with its negative
        products += [(16, 8, 16)] * 2  # scalar products of each bin
        products += [(32, 16, 48)] + [(16, 16, 16)] * 2  # a message, and its sums
    assert models.flops(elements, TINY) == 2 * sum(m * k * n for m, k, n in products)


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_slope_of_a_power_is_the_power(power):
    assert models.slope({n: 3 * n**power for n in (1, 8, 32, 100)}) == pytest.approx(power)
    assert math.isclose(models.slope({2: 5.0, 4: 5.0}), 0, abs_tol=1e-12)


def test_the_table_of_an_accelerator(worker, capsys, monkeypatch):
    """With one core in its place."""
    monkeypatch.setattr(models_gpu, "PRECISIONS", ("bfloat16",))
    case = models_gpu.Case(batch=2, elements=16)
    rows = models_gpu.table(worker, None, [case], TINY, rounds=1)
    assert [(row["kind"], row["precision"]) for row in rows] == [
        (kind, "bfloat16") for kind in models.KINDS
    ]
    assert all(row["ours [ms an event]"] > 0 for row in rows)
    assert capsys.readouterr().out.count("N =    16, B =  2") == len(rows)


def test_a_row_of_an_accelerator_is_by_event_with_ratios():
    class Side:
        def __init__(self, seconds):
            self.seconds = lambda size, **what: seconds[what["model"]]

        def request(self, **what):
            assert what == {"forget": True}

    ours, peer = Side({"gnn_lsh": 0.5}), Side({"eager": 1.0, "compiled": 0.75})
    row = models_gpu.table(ours, peer, [models_gpu.Case(4, 128)], TINY, rounds=3)[0]
    assert row["ours [ms an event]"] == 125
    assert (row["eager [ms an event]"], row["eager over ours"]) == (250, 2)
    assert row["compiled over ours"] == 1.5
    assert "eager 250.000 ms, ratio 2.00; compiled" in models_gpu.line(row)


def test_without_an_accelerator_one_line_says_what_to_do(capsys, tmp_path):
    if Path("/proc/driver/nvidia").exists():
        pytest.skip("there is one")
    assert models_gpu.run(with_peer=False, path=tmp_path / "figures.json") == 1
    (message,) = capsys.readouterr().err.splitlines()
    assert "jax finds no GPU" in message
    assert "install 'jax[cuda12]'" in message
    assert not list(tmp_path.iterdir())


def test_results_are_kept_by_card():
    assert models_gpu.results_file("NVIDIA H100 80GB HBM3").name == (
        "models_nvidia_h100_80gb_hbm3.json"
    )
