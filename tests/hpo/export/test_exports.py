"""Studies in the hands of other tools: nothing is lost on the way, and nothing made up."""

import csv
import json
import re
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from hpo import export
from hpo.showing.recorded import of_log, view_of
from hpo.study.journal import read_journal
from mlpf_install import extras

EXTRA = "is an extra: pip install 'mlpf-jax[export]'"


def library(name):
    return pytest.importorskip(name, reason=f"{name} {EXTRA}")


@pytest.mark.parametrize("name", ["improved", "asha", "maximise"])
def test_rows_hold_every_trial_and_every_report(study, name, tmp_path):
    path, _ = study(name)
    view = view_of(path)
    trials = export.rows(path)
    assert [row["number"] for row in trials] == [t.number for t in view.trials]
    for row, trial in zip(trials, view.trials, strict=True):
        assert row["value"] == (trial.curve[-1] if trial.curve else None)
        assert row["epochs"] == trial.epochs
        assert row["status"] == trial.status
        params = {k.removeprefix("params_"): v for k, v in row.items() if "params_" in k}
        assert {k: v for k, v in params.items() if v is not None} == trial.configuration
    assert len({tuple(row) for row in trials}) == 1
    export.to_csv(path, tmp_path / "reports.csv", "reports")
    with open(tmp_path / "reports.csv", newline="") as file:
        back = [
            (int(r["trial"]), int(r["epoch"]), float(r[view.metric])) for r in csv.DictReader(file)
        ]
    assert back == [(r.trial, r.epoch, r.value) for r in view.reports]
    assert [p.name for p in tmp_path.iterdir()] == ["reports.csv"]


def test_parquet_holds_the_same_rows(study, tmp_path):
    parquet = library("pyarrow.parquet")
    path, state = study("improved")
    for source in (path, state):
        for what in ("trials", "reports"):
            export.to_parquet(source, tmp_path / "file.parquet", what)
            assert parquet.read_table(tmp_path / "file.parquet").to_pylist() == export.rows(
                source, what
            )


@pytest.mark.parametrize(
    ("module", "write"),
    [
        ("pyarrow", export.to_parquet),
        ("optuna", export.to_optuna),
        ("tensorboardX", export.to_tensorboard),
        ("optuna", lambda source, place: export.from_optuna(place)),
    ],
)
def test_what_is_missing_is_asked_for_by_the_extra_that_has_it(
    study, monkeypatch, tmp_path, module, write
):
    monkeypatch.setitem(sys.modules, module, None)
    command = extras.command("export")
    line = f"^(to|from)_[a-z]+ needs {module}, not installed: {re.escape(command)}$"
    with pytest.raises(ImportError, match=line):
        write(study("asha")[0], tmp_path / "file")
    assert command == "pip install 'mlpf-jax[export]'"
    assert module in extras.MODULES["export"]
    assert not (tmp_path / "file").exists()


def test_what_is_no_table_is_named(study):
    with pytest.raises(ValueError, match="trials or reports, not of 'all'"):
        export.rows(study("asha")[0], "all")


@pytest.mark.parametrize("missing", [(), ("pandas",), ("pandas", "polars")])
def test_a_frame_is_made_of_what_is_installed(study, monkeypatch, missing):
    for name in missing:
        monkeypatch.setitem(sys.modules, name, None)
    source, _ = study("asha")
    made, rows = export.to_frame(source), export.rows(source)
    assert list(made["number"]) == [row["number"] for row in rows]
    assert type(made).__module__.partition(".")[0] not in missing


@pytest.mark.parametrize("name", ["improved", "maximise"])
def test_optuna_has_every_trial(study, name):
    optuna = library("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path, _ = study(name)
    view, storage = view_of(path), optuna.storages.InMemoryStorage()
    made = export.to_optuna(path, storage, name)
    assert made.best_trial.number == view.best.number
    assert made.best_value == view.best.curve[-1]
    for theirs, ours in zip(made.trials, view.trials, strict=True):
        assert theirs.number == ours.number
        assert theirs.params == dict(ours.configuration)
        assert list(theirs.intermediate_values.items()) == list(enumerate(ours.curve, 1))
        assert theirs.user_attrs["status"] == ours.status
        assert theirs.datetime_start <= theirs.datetime_complete
    with pytest.raises(ValueError, match="has a study"):
        export.to_optuna(path, storage, name)
    with pytest.warns(UserWarning, match="were not trained to the end"):
        table = export.from_optuna(storage)
    whole = [t for t in view.trials if t.status in ("completed", "failed")]
    assert [dict(t.configuration) for t in whole] == list(table.configurations)
    assert [len(t.curve) for t in whole] == [int((row == row).sum()) for row in table.curves]


def test_a_study_that_goes_on_is_exported_too(study):
    optuna = library("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    header, entries = read_journal(study("improved")[0])
    from hpo.export import optuna_studies

    view = of_log(header, entries[:50])
    states = {optuna_studies._STATES[t.status] for t in view.trials}
    assert "RUNNING" in states


def test_optunas_dashboard_opens_it(study, tmp_path):
    library("optuna")
    library("optuna_dashboard")
    path, _ = study("full")
    url = f"sqlite:///{tmp_path / 'optuna.db'}"
    export.to_optuna(path, url, "full")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = "from optuna_dashboard._cli import main; main()"
    command = [sys.executable, "-c", code, url, "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        listed = asked(server, f"http://127.0.0.1:{port}/api/studies")
        (summary,) = listed["study_summaries"]
        assert summary["study_name"] == "full"
        found = asked(server, f"http://127.0.0.1:{port}/api/studies/{summary['study_id']}")
    finally:
        server.kill()
        server.communicate()
    view = view_of(path)
    assert len(found["trials"]) == len(view.trials)
    best = found["best_trials"][0]
    assert best["number"] == view.best.number
    assert [v["value"] for v in best["intermediate_values"]] == list(view.best.curve)


def asked(server, url):
    """The JSON of an address, once somebody answers there."""
    for _ in range(600):
        if server.poll() is not None:
            raise AssertionError(server.communicate()[0])
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise AssertionError("the dashboard does not answer")


def test_tensorboard_finds_every_report(study, tmp_path):
    library("tensorboardX")
    from tensorboardX.proto.event_pb2 import Event

    path, _ = study("maximise")
    view = view_of(path)
    assert export.to_tensorboard(path, tmp_path / "runs") == len(view.trials)
    for trial in view.trials:
        (file,) = (tmp_path / "runs" / f"trial-{trial.number:04d}").iterdir()
        events = [Event.FromString(record) for record in records(file.read_bytes())]
        scalars = [(v.tag, e.step, v.simple_value) for e in events for v in e.summary.value]
        curve = [(step, value) for tag, step, value in scalars if tag == view.metric and step]
        assert [step for step, _ in curve] == list(range(1, trial.epochs + 1))
        assert [value for _, value in curve] == pytest.approx(trial.curve, rel=1e-6)
        assert ("other", 1, 1.0) in scalars or not trial.curve
    with pytest.raises(FileExistsError, match="not empty"):
        export.to_tensorboard(path, tmp_path / "runs")


def records(content):
    """The records of a file of TensorFlow's framing: length, its sum, content, its sum."""
    at = 0
    while at < len(content):
        (length,) = struct.unpack_from("<Q", content, at)
        yield content[at + 12 : at + 12 + length]
        at += 16 + length
