"""Who ran what is in the log, and older versions read it as they did."""

import itertools
import json
import sqlite3

import pytest

import hpo
from hpo.core.types import Completed, Job, Reported, to_json
from hpo.showing import figures
from hpo.showing.recorded import view_of
from hpo.study.memory import Memory
from tests.hpo.front import front_objectives as objectives

JOBS = [Job(0, {"x": 0.5}, 0, 1), Job(1, {"x": 0.1}, 0, 1), Job(2, {"x": 0.2}, 0, 1)]
HEADER = ({"metric": "loss", "mode": "minimise"}, 0)


def told(log):
    """Three jobs asked at once, of two workers: the last waits for the second one."""
    log.begin(*HEADER)
    log.append(JOBS)
    for trial, worker in ((1, 1), (0, 0), (2, 1)):
        log.append([Reported(trial, 1, {"loss": 1.0})], {trial: worker})
        log.append([Completed(trial, 1)], {trial: worker})


@pytest.mark.parametrize("kept", [True, False])
def test_a_lane_is_a_worker_and_a_job_begins_when_its_worker_is_free(tmp_path, kept):
    if kept:
        with hpo.Journal(tmp_path / "study.db") as log:
            told(log)
        view = view_of(tmp_path / "study.db")
    else:
        told(log := Memory())
        view = view_of(log)
    spans = {span.trial: span for span in view.spans}
    assert {trial: span.worker for trial, span in spans.items()} == {0: 0, 1: 1, 2: 1}
    assert spans[2].begun == spans[1].ended
    assert [figures.lanes(view.spans)[view.spans.index(spans[n])] for n in range(3)] == [0, 1, 1]


def test_workers_of_a_real_study_are_told(tmp_path):
    study = hpo.tune(
        objectives.yielding, {"x": hpo.Float(0, 1)}, max_epochs=3, scheduler="hyperband",
        workers=2, folder=tmp_path, verbose=False,
    )  # fmt: skip
    spans = view_of(study).spans
    assert {span.worker for span in spans} <= {0, 1}
    for worker in (0, 1):
        own = [span for span in spans if span.worker == worker]
        assert all(a.ended <= b.begun for a, b in itertools.pairwise(own))


def test_a_log_without_workers_gets_a_place_for_them_and_one_with_is_read_by_position(tmp_path):
    """As older versions read (the first four columns) and write (these by name)."""
    path = tmp_path / "study.db"
    with hpo.Journal(path) as log:
        told(log)
    old = sqlite3.connect(path)
    rows = [row[:4] for row in old.execute("SELECT * FROM log ORDER BY number")]
    assert [row[0] for row in rows] == list(range(1, 10))
    assert old.execute("PRAGMA user_version").fetchone() == (2,)
    payload = json.dumps(to_json(JOBS[1]))
    with old:
        old.execute("INSERT INTO log (time, kind, payload) VALUES (?, 'asked', ?)", (0.0, payload))
        old.execute("CREATE TABLE kept AS SELECT number, time, kind, payload FROM log")
    assert hpo.read_journal(path)[1][-1].item == JOBS[1]
    with old:
        old.executescript(
            "DROP TABLE log; CREATE TABLE log (number INTEGER PRIMARY KEY, time REAL NOT NULL, "
            "kind TEXT NOT NULL, payload TEXT NOT NULL);"
            "INSERT INTO log SELECT * FROM kept; DROP TABLE kept"
        )
    old.close()
    before = hpo.read_journal(path)[1]
    assert {span.worker for span in view_of(path).spans} == {None}
    with hpo.Journal(path) as log:
        assert list(log.entries()) == before
        log.append([Job(3, {"x": 0.3}, 0, 1)])
        log.append([Reported(3, 1, {"loss": 0.1})], {3: 4})
    assert {span.worker for span in view_of(path).spans} == {None, 4}
