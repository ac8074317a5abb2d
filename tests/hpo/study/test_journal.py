"""The file of a study: what is written comes back, whoever is killed, and nothing else passes."""

import json
import shutil
import sqlite3
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.core.types import (
    Completed,
    Failed,
    Job,
    Predict,
    Predicted,
    Proposed,
    Reported,
    WorkerLost,
)
from hpo.executors.inline import InlineExecutor
from hpo.schedulers.halving import hyperband
from hpo.space import Float, Space
from hpo.study.errors import (
    JournalCorrupt,
    JournalError,
    JournalLocked,
    JournalNewer,
    SettingsChanged,
)
from hpo.study.journal import Journal, read_journal
from hpo.study.run import run_study

SPACE = Space({"x": Float(0, 1)})


def objective(trial):
    return ({"loss": trial.configuration["x"]} for _ in range(trial.first_epoch, trial.last_epoch))


def study(path, scheduler=None, seed=0):
    with Journal(path) as journal:
        scheduler = scheduler or hyperband(SPACE, 4, 2)
        return run_study(scheduler, InlineExecutor(objective, workers=2), journal, seed)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "study.db"


def test_what_is_appended_is_read_back(path):
    items = [
        Job(3, {"a.b": 0.1, "c": "x", "d": True, "e": 2}, 0, 4),
        Reported(3, 1, {"loss": 0.1 + 0.2, "other": float("inf"), "note": "x", "good": True}),
        Completed(3, 4),
        Failed(3, "ValueError: ü"),
        WorkerLost(3),
        Predicted(Predict(4, 2, (1, 2), (5,)), (0.1,), (float("inf"),)),
    ]
    with Journal(path) as journal:
        journal.append(items[:2])
        journal.append(items[2:])
    with Journal(path) as journal:
        assert [entry.item for entry in journal.entries()] == items
    assert [entry.item for entry in read_journal(path)[1]] == items


numbers = st.integers(0, 10**6)
values = st.one_of(
    st.floats(allow_nan=False), st.integers(-(2**53), 2**53), st.text(max_size=9), st.booleans()
)
configurations = st.dictionaries(st.text(min_size=1, max_size=9), values, max_size=4)
floats = st.floats(allow_nan=False)
requests = st.builds(
    Predict, numbers, numbers, st.lists(numbers).map(tuple), st.lists(numbers).map(tuple)
)
items = st.one_of(
    st.builds(Job, numbers, configurations, numbers, numbers),
    st.builds(Reported, numbers, numbers, st.dictionaries(st.text(max_size=9), floats)),
    st.builds(Completed, numbers, numbers),
    st.builds(Failed, numbers, st.text()),
    st.builds(WorkerLost, numbers),
    st.builds(Proposed, numbers, configurations),
    st.builds(Predicted, requests, st.lists(floats).map(tuple), st.lists(floats).map(tuple)),
)


@settings(max_examples=30, deadline=None)
@given(batches=st.lists(st.lists(items, max_size=5), max_size=5))
def test_any_batches_are_read_back_in_order_and_to_the_bit(tmp_path_factory, batches):
    path = tmp_path_factory.mktemp("any") / "study.db"
    with Journal(path) as journal:
        for batch in batches:
            journal.append(batch)
        found = [entry.item for entry in journal.entries()]
    assert found == [item for batch in batches for item in batch]
    assert [entry.item for entry in read_journal(path)[1]] == found


def test_a_second_driver_is_refused(path):
    with Journal(path), pytest.raises(JournalLocked, match="in use by process"):
        Journal(path)
    Journal(path).close()


def test_a_reader_needs_no_lock(path):
    with Journal(path) as journal:
        journal.begin({"metric": "loss"}, 4)
        journal.append([Completed(1, 2)])
        header, entries = read_journal(path)
    assert header["seed"] == 4
    assert {"created", "versions", "settings"} <= header.keys()
    assert [entry.item for entry in entries] == [Completed(1, 2)]
    with pytest.raises(FileNotFoundError, match="no study"):
        read_journal(path.with_name("absent.db"))


def test_half_a_transaction_of_a_killed_driver_is_taken_back(path):
    study(path)
    before = read_journal(path)
    code = """
import os, signal, sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.execute("PRAGMA cache_size = 1")  # so that pages reach the file before the commit
rows = [("told", "x" * 1000)] * 500
database.executemany("INSERT INTO log (time, kind, payload) VALUES (0, ?, ?)", rows)
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert path.with_name("study.db-journal").exists()
    assert read_journal(path) == before


@pytest.mark.parametrize(
    ("scheduler", "seed", "named"),
    [
        (hyperband(SPACE, 4, 2), 1, "seed: 0, now 1"),
        (hyperband(Space({"x": Float(0, 2)}), 4, 2), 0, r"settings\.space\.x"),
        (hyperband(SPACE, 4, 2, metric="accuracy"), 0, r'settings\.metric: "loss", now "accuracy"'),
    ],
)
def test_other_settings_are_named(path, scheduler, seed, named):
    study(path)
    with pytest.raises(SettingsChanged, match=named):
        study(path, scheduler, seed)


def overwrite(path):
    path.write_bytes(b"this is no database, whatever its name says" * 100)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-5000])


def scramble(path):
    data = bytearray(path.read_bytes())
    data[4096:] = bytes(len(data) - 4096)
    path.write_bytes(data)


def execute(*statements):
    def change(path):
        with sqlite3.connect(path) as database:
            for statement in statements:
                database.execute(statement)
        database.close()

    return change


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "study.db"
    study(path, hyperband(SPACE, 16, 2))
    return path


@pytest.mark.parametrize(
    "damage",
    [
        overwrite,
        truncate,
        scramble,
        execute("PRAGMA application_id = 1"),
        execute("DELETE FROM log WHERE number = 7"),
        execute("UPDATE log SET payload = '{' WHERE number = 3"),
        execute("UPDATE log SET payload = '1, 2' WHERE number = 4"),
        execute("UPDATE log SET payload = '[]' WHERE number = 4"),
        execute("""UPDATE log SET payload = '{"kind": "Rumoured"}' WHERE number = 5"""),
        execute("UPDATE log SET payload = CAST(x'7BFF0A7D' AS TEXT) WHERE number = 5"),
        execute("""UPDATE log SET payload = '{"kind": "Reported", "trial": 1}' WHERE number = 5"""),
    ],
)
def test_a_damaged_file_is_named(whole, path, damage):
    shutil.copy(whole, path)
    damage(path)
    with pytest.raises(JournalCorrupt, match=r"study\.db is damaged or no study"):
        study(path, hyperband(SPACE, 16, 2))
    with pytest.raises(JournalCorrupt, match=r"study\.db is damaged or no study"):
        read_journal(path)


def test_a_newer_format_is_named(path):
    study(path)
    execute("PRAGMA user_version = 99")(path)
    with pytest.raises(JournalNewer, match="format 99"):
        Journal(path)


def test_a_file_that_cannot_be_written_is_named(path):
    with Journal(path) as journal:
        journal._database.execute("PRAGMA query_only = ON")
        with pytest.raises(JournalError, match=r"study\.db: .*recorded so far is safe"):
            journal.append([Completed(1, 2)])


def test_payloads_are_plain_json(path):
    study(path)
    with sqlite3.connect(path) as database:
        rows = database.execute("SELECT kind, payload FROM log").fetchall()
    database.close()
    assert {kind for kind, _ in rows} == {"asked", "told"}
    assert all(isinstance(json.loads(payload), dict) for _, payload in rows)
