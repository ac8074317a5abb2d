"""A whole Swift-Hyperband study whose predictor is Q-SVR on the mock annealer."""

import json

import numpy as np
import pytest

from launch import qsvr_hyperband

SETTINGS = {"sampler": "mock_qpu", "reads": 20, "sweeps": 10, "bits": 3}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    random = np.random.default_rng(0)
    end, rate = random.uniform(1, 3, 90), random.uniform(0.3, 1, 90)
    curves = end[:, None] + 2 * np.arange(1, 28) ** -rate[:, None]
    path = tmp_path_factory.mktemp("curves") / "toy.csv"
    lines = [",".join(["rate", *(f"loss_{i}" for i in range(27))])]
    lines += [",".join(map(str, [r, *c])) for r, c in zip(rate, curves, strict=True)]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_every_call_of_the_annealer_is_in_the_dispatch_log(table, tmp_path):
    study = qsvr_hyperband.play(table, tmp_path, SETTINGS, 27, 2, 1)
    assert study.predictions
    assert study.epochs < 27 * len(study.trials)
    calls = [json.loads(line) for line in (tmp_path / "dispatch.jsonl").read_text().splitlines()]
    fitted = {(p.rung, p.epoch) for p in study.predictions}
    assert len(calls) >= len(fitted) > 1
    for call in calls:
        assert call["variables"] == 6 * call["curves"] <= 180
        assert call["qubits"] > call["variables"]
        assert call["longest_chain"] > 1
        assert (call["reads"], call["reads_asked"], call["device"]) == (20, 20, "pegasus16")
        assert 0 <= call["chain_breaks"] <= 1
        assert call["seconds"] > 0
        assert {"embedding_seconds", "embedding_reused", "chain_strength"} <= set(call)
        assert call["best_energy"] <= call["best_energy_returned"]
    again = qsvr_hyperband.play(table, tmp_path, SETTINGS, 27, 2, 1)
    assert again == study
    assert len((tmp_path / "dispatch.jsonl").read_text().splitlines()) == len(calls)


def test_the_samplers_are_those_there_are():
    from qsvr import SAMPLERS

    assert sorted(qsvr_hyperband.SAMPLERS) == sorted(SAMPLERS)


def test_a_table_may_be_one_of_the_package(launch, tmp_path):
    wrong = launch("qsvr_hyperband", "--curves=cnn5", f"--output={tmp_path}", "--max_epochs=1000")
    assert wrong.returncode == 1
    assert "epochs, not 1000" in wrong.stderr, wrong.stderr
    wrong = launch("qsvr_hyperband", "--curves=cnn6", f"--output={tmp_path}")
    assert wrong.stderr.startswith("error: --curves: no file cnn6; tables of the package: ")


def test_r_is_the_length_of_the_curves_unless_it_is_given(table, tmp_path):
    settings = SETTINGS | {"sampler": "steepest_descent"}
    study = qsvr_hyperband.play(table, tmp_path, settings, None, 2, 1)
    assert max(len(trial.curve) for trial in study.trials) == 27


def test_a_table_that_is_too_short_is_refused(table, tmp_path):
    with pytest.raises(ValueError, match="has 27 epochs, not 81"):
        qsvr_hyperband.play(table, tmp_path, SETTINGS, 81, 2, 1)
