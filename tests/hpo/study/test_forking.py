"""A fork is the beginning of a study, and goes on as the study would have."""

import pytest

from hpo.core.types import Job
from hpo.executors.inline import InlineExecutor
from hpo.schedulers.halving import hyperband
from hpo.showing.recorded import view_of
from hpo.space import Float, Space
from hpo.study.errors import JournalError
from hpo.study.forking import fork
from hpo.study.journal import Journal, read_journal, read_workers
from hpo.study.records import read
from hpo.study.run import run_study
from hpo.study.summary import summarise

SPACE = Space({"x": Float(0, 1)})


def objective(trial):
    for epoch in range(trial.first_epoch + 1, trial.last_epoch + 1):
        yield {"loss": trial.configuration["x"] + 1 / epoch}


def study(path):
    with Journal(path) as journal:
        executor = InlineExecutor(objective, 3, lambda c: 1 + c["x"])
        return summarise(run_study(hyperband(SPACE, 8, 2), executor, journal, 0))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "a.db"
    return path, study(path)


@pytest.mark.parametrize("rows", [0, 1, 7, 20, 45])
def test_a_fork_is_the_beginning_and_goes_on(whole, tmp_path, rows):
    path, summary = whole
    header, entries = read_journal(path)
    assert rows < len(entries)
    fork(path, rows, tmp_path / "b.db")
    copied, beginning = read_journal(tmp_path / "b.db")
    assert beginning == entries[:rows]  # with the times that they had
    for name in ("settings", "seed", "executor"):
        assert copied[name] == header[name]
    assert study(tmp_path / "b.db") == summary


def test_a_fork_knows_how_long_its_trials_trained(whole, tmp_path):
    header, entries = read_journal(whole[0])
    with Journal(tmp_path / "slow.db") as journal:
        journal.begin(header["settings"], header["seed"], header["executor"])
        journal.extend([entry._replace(time=100.0 * i) for i, entry in enumerate(entries)])
    fork(tmp_path / "slow.db", len(entries), tmp_path / "b.db")
    seconds = [t.seconds for t in read(read_journal(tmp_path / "b.db")[1], "loss").trials]
    assert seconds == [
        t.seconds for t in read(read_journal(tmp_path / "slow.db")[1], "loss").trials
    ]
    assert min(seconds) >= 100


def test_a_fork_knows_who_told_its_rows(whole, tmp_path):
    header, entries = read_journal(whole[0])
    workers = {row: row % 3 for row in range(1, len(entries), 2)}
    with Journal(tmp_path / "told.db") as journal:
        journal.begin(header["settings"], header["seed"], header["executor"])
        journal.extend(entries, workers)
    asked = {row for row, (_, item) in enumerate(entries) if isinstance(item, Job)}
    known = {row: worker for row, worker in workers.items() if row not in asked}
    fork(tmp_path / "told.db", 30, tmp_path / "b.db")
    kept = {row: worker for row, worker in known.items() if row < 30}
    assert kept
    assert read_workers(tmp_path / "b.db") == kept
    whole_spans = view_of(tmp_path / "told.db").spans
    fork(tmp_path / "told.db", len(entries), tmp_path / "c.db")
    assert view_of(tmp_path / "c.db").spans == whole_spans
    assert {span.worker for span in whole_spans} >= {0, 1, 2}


def test_forks_that_cannot_be_are_refused(whole, tmp_path):
    path, _ = whole
    with pytest.raises(JournalError, match="cannot be cut after row 9999"):
        fork(path, 9999, tmp_path / "b.db")
    with pytest.raises(JournalError, match="exists already"):
        fork(path, 3, path)
    Journal(tmp_path / "empty.db").close()
    with pytest.raises(JournalError, match="has not begun"):
        fork(tmp_path / "empty.db", 0, tmp_path / "b.db")
    assert not (tmp_path / "b.db").exists()
