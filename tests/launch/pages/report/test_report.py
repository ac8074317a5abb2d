"""The report says what stages of a run left, and which have not been."""

import json
import tarfile

import numpy as np
import pytest

from hpo.study.journal import Journal, read_journal
from launch import report
from launch.pages.report import sections
from launch.shell.runs import RunError, open_run
from mlpf_jax.physics.evaluation import figures, measure_responses, reconstructions
from tests.launch.pages.drawn import SAVED
from tests.launch.programs import refused
from tests.mlpf_jax.physics.observed_events import photons, scaled

OF_TUNING = ("study.db", "best.json")
TUNED = {"epochs_spent", "epochs_hyperband", "trials"}
WIDTHS = {f"{who}_{what}_iqr" for who in ("baseline", "mlpf") for what in ("jet", "met")}


@pytest.fixture
def folder(tmp_path):
    """A run of which all stages have been, but for the datasets."""
    with tarfile.open(SAVED) as file:
        file.extractall(tmp_path, filter="data")
    (tmp_path / "run" / "metrics.json").unlink()
    return tmp_path / "run"


def without(folder, *files):
    for file in files:
        (folder / file).unlink()
    return open_run(folder)


def headings(page):
    return [part.split("<")[0] for part in page.split("<h2>")[1:]]


def test_a_run_without_a_study_shows_its_training(folder, launch):
    without(folder, *OF_TUNING, "evaluation.json", "seconds.json")
    done = launch("report", f"--run={folder}")
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said == [
        f"  without tuning: there is none in {folder} (launch.tune makes it)",
        f"  without evaluation: there is none in {folder} (launch.evaluate makes it)",
        f"report: {folder / 'report.html'}",
    ]
    page = (folder / "report.html").read_text()
    assert headings(page) == ["The training", "Provenance"]
    assert "untuned, was trained on all events" in page
    assert "<title>Particle flow, not tuned: " in page
    assert json.loads((folder / "metrics.json").read_text()) == {}  # of no time nothing is said
    assert " min<" not in page
    without(folder, "metrics.jsonl")
    refused(launch("report", f"--run={folder}"), "nothing to report", "launch.train")


def test_a_run_without_a_study_shows_its_evaluation(folder):
    pytest.importorskip("fastjet", reason="jets need the extra 'physics'")
    run, samples = without(folder, *OF_TUNING), photons([30] * 12)
    rows = scaled(samples.ytarget, 1.1)
    responses = measure_responses(samples, reconstructions(samples, rows))
    np.savez(folder / "evaluation.npz", mlpf_rows=rows, **responses)
    found = figures(samples, rows, responses)
    metrics = report.headline(run, None, found)
    assert set(metrics) == {*WIDTHS, "seconds"}
    page = report.drawn(run, None, found, metrics, samples)
    assert {"Jets", "Missing momentum", "One event", "The training"} <= set(headings(page))
    assert "Tuning" not in headings(page)


def test_a_run_that_is_only_tuned_shows_its_study(folder, monkeypatch):
    monkeypatch.setattr(sections, "predictions", lambda run, study: [])  # of an annealer: slow
    run = without(folder, "evaluation.json", "metrics.jsonl")
    told = "swift_improved (risk.jumps = 1.5)"
    monkeypatch.setattr(sections.studies, "described", lambda settings: told)
    assert report.write_report(run) == folder / "report.html"
    page = (folder / "report.html").read_text()
    assert headings(page) == ["Tuning", "The winner", "Provenance"]
    assert f"{told}, R = 4, eta = 2; qsvr, fitted to " in page
    assert "Its configuration has not been trained." in page
    assert set(json.loads((folder / "metrics.json").read_text())) == {*TUNED, "seconds"}
    without(folder, "best.json")  # a study that has not come to its end
    assert sections.trained(run) == []
    assert [what for what, _ in report.lacking(run)] == ["training", "evaluation"]


def test_a_predictor_is_named_where_the_scheduler_asks_one(folder):
    settings = open_run(folder).config.tune.copy_and_resolve_references()
    assert sections.method(settings).startswith("swift_hyperband, R = 4, eta = 2; qsvr, fitted to ")
    with settings.unlocked():
        settings.scheduler = "hyperband"
    assert sections.method(settings) == "hyperband, R = 4, eta = 2"


def test_a_study_that_never_began_is_none(folder, launch):
    header, _ = read_journal(folder / "study.db")
    without(folder, *OF_TUNING, "evaluation.json")
    Journal(folder / "study.db").close()
    for _ in range(2):  # a log without a header, then one with it and without rows
        done = launch("report", f"--run={folder}")
        assert done.returncode == 0, done.stderr
        assert "  without tuning: " in done.stdout
        assert headings((folder / "report.html").read_text()) == ["The training", "Provenance"]
        with Journal(folder / "study.db") as journal:
            journal.begin(header["settings"], header["seed"])
    without(folder, "metrics.jsonl")
    refused(launch("report", f"--run={folder}"), "nothing to report but a study that has not begun")


@pytest.mark.parametrize("stages", [("train",), ("data", "tune"), ("data", "train", "evaluate")])
def test_the_time_is_that_of_the_stages_that_ran(folder, stages):
    run = without(folder, *OF_TUNING, "evaluation.json")
    (folder / "seconds.json").write_text(json.dumps(dict.fromkeys(stages, 60.0)))
    page = report.write_report(run).read_text()
    words = ", ".join(report.STAGES[stage] for stage in stages)
    assert f">{words}<" in page


def test_a_run_of_nothing_is_refused(folder):
    run = without(folder, *OF_TUNING, "evaluation.json", "metrics.jsonl")
    with pytest.raises(RunError, match=r"neither tuned.*launch\.tune, launch\.train, launch\.eval"):
        report.write_report(run)
    assert not (folder / "report.html").exists()
