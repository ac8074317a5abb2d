"""A study as text, followed as it grows, and handed to other tools by a program."""

import threading

import pytest

from hpo.executors.inline import InlineExecutor
from hpo.schedulers.asynchronous import asynchronous_swift
from hpo.schedulers.halving import hyperband
from hpo.schedulers.improved import Risk, swift_improved
from hpo.showing.recorded import of_log, view_of
from hpo.space import Float, Space
from hpo.study.journal import Journal, read_journal
from hpo.study.run import run_study
from launch import study
from launch.pages import study as text
from launch.shell.runs import RunError


def objective(trial):
    for epoch in range(trial.first_epoch + 1, trial.last_epoch + 1):
        if trial.number == 2:
            raise RuntimeError("it diverged")
        yield {"loss": trial.configuration["clip"] + 1 / epoch}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("mlp") / "study.db"
    with Journal(path) as journal:
        space = Space({"clip": Float(0, 1)})
        run_study(hyperband(space, 4, 2), InlineExecutor(objective, 2), journal, 3)
    return path


def test_who_trains_where_and_how_much_is_left(path):
    header, entries = read_journal(path)
    for cut in range(1, len(entries), 9):
        view = of_log(header, entries[:cut])
        lines = text.lines(path, header, entries[:cut])
        training = [line for line in lines if " trains: epoch " in line]
        running = [t for t in view.trials if t.status == "running"]
        assert len(training) == len(running)
        for line, trial in zip(training, running, strict=True):
            assert f"trial {trial.number} trains: epoch {trial.epochs} of " in line
        head = " ".join(lines[:6])
        assert ("it is over" in head) == view.over
        assert ("epochs left" in head) != view.over
    assert "it is over" in " ".join(text.lines(path, header, entries))


def test_every_best_that_is_said_has_its_epoch(path):
    view = view_of(path)
    best = view.best
    said = f"best loss {best.curve[-1]:.6g} at epoch {best.epochs} of 4 (trial {best.number})"
    assert said in text.now(view)
    assert said in " ".join(text.lines(path, *read_journal(path)))
    header, entries = read_journal(path)
    assert "no best yet" in text.now(of_log(header, entries[:1]))


@pytest.mark.parametrize("make", [swift_improved, asynchronous_swift])
def test_what_the_rule_was_told_is_shown(make, tmp_path):
    """Whether a scheduler keeps it among its settings or by itself."""
    scheduler = make(Space({"clip": Float(0, 1)}), 4, 2, risk=Risk(forecast="in_context"))
    with Journal(tmp_path / "study.db") as journal:
        run_study(scheduler, InlineExecutor(objective, 2), journal, 3)
    said = text.lines(tmp_path / "study.db", *read_journal(tmp_path / "study.db"))[1]
    assert {"forecast in_context", "lost 0.3", "metric loss"} <= set(said.split(", "))


def test_a_study_is_followed_to_its_end(path, tmp_path, capsys, monkeypatch):
    """Its rows appear while it is followed."""
    monkeypatch.setattr(study, "SHARE", 0.1)  # nobody else needs the processor
    header, entries = read_journal(path)
    growing = tmp_path / "grows" / "study.db"
    with Journal(growing) as journal:
        journal.begin(header["settings"], header["seed"])
        journal.extend(entries[:5])
        follower = threading.Thread(
            target=study.follow, args=(growing, tmp_path / "page.html", 0.01)
        )
        follower.start()
        for entry in entries[5:]:
            journal.extend([entry])
        follower.join(60)
        assert not follower.is_alive()
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].strip() == text.now(view_of(path))
    assert ", over, best loss" in lines[-1]
    page = (tmp_path / "page.html").read_text()
    assert "Study grows" in page
    assert "http-equiv" not in page


def test_the_program_writes_for_other_tools(path, tmp_path, capsys):
    study.export(path, str(tmp_path / "trials.csv"), "")
    study.export(path, str(tmp_path / "trials.parquet"), "")
    assert (tmp_path / "trials.csv").read_text().startswith("number,bracket,status,epochs,value")
    assert (tmp_path / "trials.parquet").read_bytes()[:4] == b"PAR1"
    assert "trials.csv: the study of" in capsys.readouterr().out
    with pytest.raises(RunError, match=r"no \.csv or \.parquet file"):
        study.export(path, "elsewhere", "")
    assert study.title(path) == path.parent.name
