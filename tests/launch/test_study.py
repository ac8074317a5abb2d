"""Looking at a study's log, and branching from it, as a person does."""

import numpy as np
import pytest

from hpo.executors.inline import InlineExecutor
from hpo.schedulers.halving import full_training, hyperband
from hpo.simulation.tables import read_table
from hpo.space import Float, Space
from hpo.study.journal import Journal, read_journal
from hpo.study.run import Unrecorded, run_study
from launch import study
from launch.pages import study as text
from launch.shell.runs import RunError

SPACE = Space({"train.clip": Float(0, 1)})


def objective(trial):
    for epoch in range(trial.first_epoch + 1, trial.last_epoch + 1):
        if trial.number == 2:
            raise RuntimeError("it diverged")
        yield {"loss": trial.configuration["train.clip"] + 1 / epoch}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("study") / "study.db"
    with Journal(path) as journal:
        run_study(full_training(SPACE, 14, 8), InlineExecutor(objective, 2), journal, 3)
    return path


def test_a_study_is_shown(path, capsys):
    study.inspect(path)
    shown = capsys.readouterr().out
    assert "14 trials (0 running), 104 epochs" in shown
    assert "trial 2 failed: RuntimeError: it diverged" in shown
    losses = [float(row.split()[2]) for row in shown.splitlines() if "train.clip 0" in row]
    assert losses == sorted(losses)
    assert len(losses) == text.SHOWN


def test_a_fork_has_begun_before_its_last_row(path, tmp_path):
    header, entries = read_journal(path)
    fork = tmp_path / "fork.db"
    with Journal(fork) as journal:  # made long after its rows
        journal.begin(header["settings"], header["seed"], header["executor"])
        journal.extend([entry._replace(time=86400.0 + i) for i, entry in enumerate(entries)])
    head = text.lines(fork, *read_journal(fork))[0]
    begun, last = (head.split(f", {word} ")[1][:19] for word in ("begun", "last"))
    assert begun < last
    assert begun.startswith("1970")


def test_branches_stand_beside_the_study(path, capsys):
    study.compare(path, ["random", "hyperband"], max_epochs=4, eta=2)
    rows = {row.split("  ")[0]: row.split() for row in capsys.readouterr().out.splitlines()[1:]}
    assert rows["the study"][2:4] == ["14", "104"]
    direct = run_study(hyperband(SPACE, 4, 2), InlineExecutor(objective, 1), Unrecorded(), 3)
    assert rows["hyperband"][2] == str(sum(len(t.curve) for t in direct.trials))
    assert rows["hyperband"][-1] == "0"


def test_what_cannot_be_branched_is_told(path, tmp_path):
    with pytest.raises(RunError, match=r"'oracle' is none of .*hyperband"):
        study.compare(path, ["oracle"], 0, 0)
    Journal(tmp_path / "empty.db").close()
    with pytest.raises(RunError, match="holds no epoch yet"):
        study.compare(tmp_path / "empty.db", ["hyperband"], 0, 0)


def test_the_program(launch, path, tmp_path):
    done = launch("study", f"--study={path}", f"--fork={tmp_path / 'copy.db'}", "--rows=5")
    assert done.returncode == 0, done.stderr
    assert len(read_journal(tmp_path / "copy.db")[1]) == 5
    again = launch("study", f"--study={path}", f"--fork={tmp_path / 'copy.db'}")
    assert again.returncode == 1
    assert again.stderr.startswith("error: ")
    assert "exists already" in again.stderr
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(b"no database" * 1000)
    for wish in ("page=none/x.html", "table=none/x.csv", "export=none/x.csv", "fork=none/x.db"):
        absent = launch("study", f"--study={path}", f"--{wish}")
        assert absent.stderr.startswith("error: cannot write none/x."), absent.stderr
    refused = launch("study", f"--study={damaged}")
    assert refused.returncode == 1
    assert "damaged or no study" in refused.stderr
    assert "python -m launch.study " in launch("study", "--help").stdout


def test_all_that_is_asked_of_it_is_done(launch, path, tmp_path):
    files = {name: tmp_path / f"x.{name}" for name in ("table", "page", "fork")}
    files["export"] = tmp_path / "y.csv"
    files["table"] = tmp_path / "x.csv"
    wishes = [f"--{name}={file}" for name, file in files.items()]
    done = launch("study", f"--study={path}", "--branch=hyperband", "--max_epochs=4", *wishes)
    assert done.returncode == 0, done.stderr
    assert "hyperband" in done.stdout
    assert all(file.is_file() for file in files.values())


def test_an_export_to_optuna_says_its_one_line(launch, path, tmp_path):
    pytest.importorskip("optuna")
    url = f"sqlite:///{tmp_path / 'optuna.db'}"
    done = launch("study", f"--study={path}", f"--export={url}")
    assert (done.returncode, done.stdout) == (0, f"{url}: the study of {path}\n")
    assert "study created" not in done.stderr


def test_the_trials_trained_to_the_end_make_a_table(path, tmp_path, capsys):
    study.tabulate(path, tmp_path / "table.csv.xz")
    assert "14 curves of 8 epochs, 1 of them diverged" in capsys.readouterr().out
    table = read_table(tmp_path / "table.csv.xz")
    with_curves = zip(table.configurations, table.curves, strict=True)
    for number, (configuration, curve) in enumerate(with_curves):
        if number != 2:
            expected = [configuration["train.clip"] + 1 / epoch for epoch in range(1, 9)]
            np.testing.assert_allclose(curve, expected, rtol=1e-5)
    assert np.isnan(table.curves[2]).all()


def test_a_table_leaves_out_who_was_stopped(tmp_path, capsys):
    path = tmp_path / "study.db"
    with Journal(path) as journal:
        run_study(hyperband(SPACE, 4, 2), InlineExecutor(objective, 1), journal, 3)
    study.tabulate(path, tmp_path / "table.csv")
    shown = capsys.readouterr().out
    curves = read_table(tmp_path / "table.csv").curves
    assert "left out, for not trained to epoch 4: " in shown
    assert f"{len(curves)} curves of 4 epochs" in shown
