"""Solvers side by side: what is measured of each."""

import numpy as np
import pytest
from sklearn.metrics import r2_score

from qsvr import SAMPLERS
from qsvr.study.curves import make_task
from qsvr.study.measures import answer, check_solvers, make_model, measure


def test_records_are_means_over_the_splits(curves):
    updates = []
    (cell,) = measure(
        curves, ["classical"], [0.25], [10], range(3, 6), "ours", "proper",
        lambda done, note: updates.append(done),
    )  # fmt: skip
    assert updates == [1, 2, 3]
    tasks = [make_task(curves, 0.25, 10, split, "proper", True) for split in range(3, 6)]
    scores = []
    for task in tasks:
        model = make_model("classical", "ours", "proper", 0).fit(task.train_X, task.train_y)
        scores.append(r2_score(task.test_y, model.predict(task.test_X)))
    assert cell.record()["r2_mean"] == pytest.approx(np.mean(scores))
    assert cell.record()["r2_std"] == pytest.approx(np.std(scores))


def test_the_published_protocol_swaps_the_arguments_as_it_did(curves):
    task = make_task(curves, 0.25, 10, 0, "published", True)
    outcome = answer(task, "classical", "published", "published", 0)
    assert outcome.r2 == pytest.approx(r2_score(outcome.predicted, outcome.truth))
    proper = make_task(curves, 0.25, 10, 0, "proper", False)
    outcome = answer(proper, "classical", "published", "proper", 0)
    assert outcome.r2 == pytest.approx(r2_score(outcome.truth, outcome.predicted))


def test_a_perfect_prediction_finds_all_and_stops_nobody_good(curves):
    task = make_task(curves, 0.25, 10, 0, "proper", True)
    perfect = answer(task._replace(test_seen=task.test_y), "persistence", "ours", "proper", 0)
    assert (perfect.r2, perfect.recall, perfect.wrong_stops) == (1, 1, 0)
    assert perfect.spearman == pytest.approx(1)
    reverse = answer(task._replace(test_seen=-task.test_y), "persistence", "ours", "proper", 0)
    assert (reverse.recall, reverse.wrong_stops) == (0, 1)


def test_every_sampler_is_a_solver():
    check_solvers(list(SAMPLERS))
    for name in SAMPLERS:
        assert make_model(name, "published", "published", 1).get_params()["bits"] == 3
        assert make_model(name, "ours", "proper", 1).get_params()["sampler"] == name
    with pytest.raises(ValueError, match="unknown solver 'oracle'"):
        check_solvers(["classical", "oracle"])
