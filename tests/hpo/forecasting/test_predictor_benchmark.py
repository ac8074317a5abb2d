"""What the benchmark of predictors rests on: splits by configuration, and its figures."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import predictors as benchmark
from benchmarks import predictors_in_swift, searchers
from hpo.searchers.base import quasi_random_search, random_search
from hpo.simulation.tables import Table


def table(rows=60, epochs=12, repeats=3, seed=0):
    """Configurations that occur several times, with curves of their own."""
    generator = np.random.default_rng(seed)
    x = np.repeat(generator.random(rows // repeats), repeats)
    curves = 1 + x[:, None] + 1 / np.arange(1, epochs + 1) + generator.normal(0, 0.01, (rows, 1))
    return Table("made", tuple({"x": float(v)} for v in x), curves)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 99), train=st.integers(2, 60), test=st.integers(1, 60))
def test_no_configuration_is_trained_and_tested_on(seed, train, test):
    made, seen = table(), []
    for training, held in benchmark.splits(made, train, test, seed):
        keys = [{made.configurations[i]["x"] for i in rows} for rows in (training, held)]
        assert not keys[0] & keys[1]
        assert len(training) <= train
        assert len(held) <= test
        seen += held.tolist()
    assert len(seen) == len(set(seen))
    if test == 60:
        assert sorted(seen) == list(range(60))


def test_the_truth_scores_best_and_its_reverse_worst():
    truth = np.random.default_rng(0).random(50)
    right = benchmark.scores(truth, np.zeros(50), truth)
    assert right == pytest.approx({"R2": 1, "rho": 1, "recall": 1, "wrong": 0, "z": 0})
    turned = benchmark.scores(-truth, np.ones(50), truth)
    assert turned["rho"] == pytest.approx(-1)
    assert (turned["recall"], turned["wrong"]) == (0, 1)
    flat = benchmark.scores(np.full(50, truth.mean()), np.full(50, truth.std()), truth)
    assert flat["R2"] == pytest.approx(0)
    assert flat["z"] == pytest.approx(1)


def test_rows_that_diverged_are_left_out():
    made = table(rows=6)
    made.curves[0, 3] = np.nan
    made.curves[1, -1] = 100
    assert len(benchmark.sound(made).curves) == 4


def test_figures_against_persistence():
    figures = benchmark.compare(
        table(), ("persistence", "svr", "oracle"), [0.5], train=30, test=12, seeds=1
    )["0.5"]
    assert figures["persistence"]["against persistence"]["R2"] == {"mean": 0, "sem": 0, "p": 1}
    for name in ("svr", "oracle"):
        gain = figures[name]["R2"] - figures["persistence"]["R2"]
        assert figures[name]["against persistence"]["R2"]["mean"] == pytest.approx(gain)
    assert figures["oracle"]["R2"] == 1


def test_predictors_in_a_scheduler_meet_the_same_seeds():
    made, seeds = table(rows=60, epochs=8), range(3)
    full, base, oracle = (
        predictors_in_swift.play(made, name, 8, 2, seeds)
        for name in ("hyperband", "persistence", "oracle")
    )
    row = predictors_in_swift.against(oracle, base, full)
    assert row["epochs"] == np.mean([p.epochs for p in oracle])
    assert all(p.epochs <= f.epochs for p, f in zip(oracle, full, strict=True))
    same = predictors_in_swift.against(base, base, full)
    assert same["epochs_vs_persistence"]["mean"] == 0
    assert "persistence" in predictors_in_swift.line("persistence", same)


def test_searchers_find_rows_of_the_table(tmp_path):
    made = table(rows=30, epochs=9)
    losses = [
        searchers.found(made, make, 0, 12, 3) for make in (random_search, quasi_random_search)
    ]
    assert set(losses) <= set(made.curves[:, -1].tolist())
    assert searchers.proposals(random_search, 3, 2) > 0
