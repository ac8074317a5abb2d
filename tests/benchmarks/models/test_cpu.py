"""The benchmark of the models runs, at a size that shows nothing but that."""

import math
import sys

import pytest

from benchmarks.models import cpu
from benchmarks.models.processes import KINDS, Worker, compare
from tests.benchmarks.models.tiny import TINY


@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_times_forward_and_step(worker, kind):
    row = compare(
        worker, worker, ("gnn_lsh", "favor"), {"kind": kind, "elements": 32}, TINY, rounds=1
    )
    assert row["gnn_lsh"] > 0
    assert row["ratio"] == pytest.approx(row["favor"] / row["gnn_lsh"])


def test_without_peer_there_is_no_ratio(worker):
    row = compare(
        worker, None, ("gnn_lsh", ""), {"kind": "forward", "elements": 32}, TINY, rounds=1
    )
    assert set(row) == {"gnn_lsh"}


def test_the_table_has_a_line_for_each_figure_with_a_peer_and_without(worker, capsys):
    for peer in (None, worker):
        table = cpu.against_peer(worker, peer, "favor" if peer else "", (32,), TINY, rounds=1)
        lines = capsys.readouterr().out.splitlines()
        assert [line.split()[0] for line in lines] == list(KINDS)
        assert all(("ratio" in line) == bool(peer) for line in lines)
        assert all(("ratio" in table[kind][32]) == bool(peer) for kind in KINDS)


def test_an_error_in_a_worker_is_told_and_the_worker_goes_on(worker):
    with pytest.raises(RuntimeError, match="max_bins"):
        worker.seconds(TINY, kind="forward", model="gnn_lsh", elements=16 * 64)
    assert worker.request(ask="peak memory") > 0


def test_a_worker_that_ends_is_told():
    ending = Worker(sys.executable, "benchmarks.machine")
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
    assert cpu.flops(elements, TINY) == 2 * sum(m * k * n for m, k, n in products)


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_slope_of_a_power_is_the_power(power):
    assert cpu.slope({n: 3 * n**power for n in (1, 8, 32, 100)}) == pytest.approx(power)
    assert math.isclose(cpu.slope({2: 5.0, 4: 5.0}), 0, abs_tol=1e-12)
