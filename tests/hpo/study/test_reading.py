"""A log read on while it grows: everything is seen, and its driver is not held up."""

import subprocess
import sys
from pathlib import Path

from hpo.core.types import Completed, Job, Reported
from hpo.study.journal import Journal, Reading, read_journal

DRIVER = """
import sys
from hpo.core.types import Completed, Job, Reported
from hpo.study.journal import Journal
with Journal(sys.argv[1]) as journal:
    journal.begin({"metric": "loss"}, 0)
    print("begun", flush=True)
    for trial in range(60):
        journal.append([Job(trial, {}, 0, 2)])
        journal.append([Reported(trial, epoch, {"loss": 1.0}) for epoch in (1, 2)])
        journal.append([Completed(trial, 2)])
"""


def items(entries):
    return [item for _, item in entries]


def test_a_reader_that_stays_does_not_lock_the_driver_out(tmp_path):
    path = tmp_path / "study.db"
    with Journal(path) as journal:
        journal.begin({"metric": "loss"}, 0)
        with Reading(path) as log:
            assert log.look()[1] == []
            journal.append([Job(0, {}, 0, 1)])
            header, entries = log.look()
            assert header["settings"] == {"metric": "loss"}
            assert items(entries) == [Job(0, {}, 0, 1)]
            journal.append([Reported(0, 1, {"loss": 2.0}), Completed(0, 1)])
            assert log.look() == read_journal(path)
    with Reading(path) as log, Journal(path) as again:
        before = log.look()[1]
        again.append([Job(1, {}, 0, 1)])
        assert log.look()[1][: len(before)] == before
        assert len(log.look()[1]) == 4


def test_a_process_that_writes_is_read_row_by_row(tmp_path):
    path, seen = tmp_path / "study.db", 0
    command = [sys.executable, "-c", DRIVER, str(path)]
    root = Path(__file__).parents[3]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout.readline() == "begun\n"
        with Reading(path) as log:
            while driver.poll() is None:
                _, entries = log.look()
                assert len(entries) >= seen
                seen = len(entries)
            _, entries = log.look()
    assert driver.returncode == 0
    assert len(entries) == 60 * 4
    assert items(entries) == items(read_journal(path)[1])
