"""The table of an accelerator, with one core in its place."""

from pathlib import Path

import pytest

from benchmarks.models import gpu
from benchmarks.models.processes import KINDS
from tests.benchmarks.models.tiny import TINY


@pytest.mark.soak
def test_the_table_of_an_accelerator(worker, capsys, monkeypatch):
    monkeypatch.setattr(gpu, "PRECISIONS", ("bfloat16",))
    case = gpu.Case(batch=2, elements=16)
    rows = gpu.table(worker, None, [case], TINY, rounds=1)
    assert [(row["kind"], row["precision"]) for row in rows] == [
        (kind, "bfloat16") for kind in KINDS
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
    row = gpu.table(ours, peer, [gpu.Case(4, 128)], TINY, rounds=3)[0]
    assert row["ours [ms an event]"] == 125
    assert (row["eager [ms an event]"], row["eager over ours"]) == (250, 2)
    assert row["compiled over ours"] == 1.5
    assert "eager 250.000 ms, ratio 2.00; compiled" in gpu.line(row)


def test_without_an_accelerator_one_line_says_what_to_do(capsys, tmp_path):
    if Path("/proc/driver/nvidia").exists():
        pytest.skip("there is one")
    assert gpu.run(with_peer=False, path=tmp_path / "figures.json") == 1
    (message,) = capsys.readouterr().err.splitlines()
    assert "jax finds no GPU" in message
    assert "install 'jax[cuda12]'" in message
    assert not list(tmp_path.iterdir())


def test_results_are_kept_by_card():
    assert gpu.results_file("NVIDIA H100 80GB HBM3").name == ("models_nvidia_h100_80gb_hbm3.json")
