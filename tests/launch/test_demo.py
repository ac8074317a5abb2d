"""The whole system at tiny size, through the real launchers: interrupted, killed, gone on with."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as parquet
import pytest

from tests.places import read_only

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"
TINY = ROOT / "configs" / "tiny.py"
METRICS = {
    "baseline_jet_iqr", "mlpf_jet_iqr", "baseline_met_iqr", "mlpf_met_iqr", "epochs_spent",
    "epochs_hyperband", "trials", "seconds",
}  # fmt: skip


def heed_interrupts() -> None:
    """What a shell starts in the background ignores Ctrl-C, and so would what that starts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def demo(folder: Path, *arguments: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "launch.demo", f"--config={TINY}", f"--run={folder}"]
    heed_interrupts()
    return subprocess.Popen(
        [*command, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, start_new_session=True,
    )  # fmt: skip


def wait_for(condition, process, limit_s=240):
    end = time.monotonic() + limit_s
    while not condition():
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < end, "nothing happened in time"
        time.sleep(0.05)


def reports(folder: Path) -> list:
    """What the study's log holds, while somebody else may be writing it."""
    import hpo

    if not (folder / "study.db").exists():
        return []
    try:
        return [e.item for e in hpo.read_journal(folder / "study.db")[1]]
    except hpo.JournalError:  # between the file's making and its first transaction
        return []


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A tiny demo, killed -9 while simulating, interrupted while tuning, then left to end."""
    folder = tmp_path_factory.mktemp("demo") / "run"
    first = demo(folder)
    shards = folder / "data" / ".shards" / "clic_edm_ttbar_pf"
    wait_for(lambda: shards.is_dir() and any(shards.glob("*/*.json")), first)
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    second = demo(folder)
    wait_for(lambda: len(reports(folder)) > 8, second)
    before = reports(folder)
    os.kill(second.pid, signal.SIGINT)
    out, _ = second.communicate(timeout=60)
    assert second.returncode == 130
    assert "start the same command again" in out
    third = demo(folder)
    out, _ = third.communicate(timeout=500)
    assert third.returncode == 0, out
    assert reports(folder)[: len(before)] == before
    return folder, out


def test_it_ends_with_the_path_of_the_report(run):
    folder, out = run
    assert out.splitlines()[-1] == f"report: {folder / 'report.html'}"


def test_the_metrics_are_all_there(run):
    folder, _ = run
    metrics = json.loads((folder / "metrics.json").read_text())
    assert set(metrics) == METRICS
    assert 0 < metrics["epochs_spent"] <= metrics["epochs_hyperband"] == 28
    assert metrics["trials"] == 10
    assert metrics["baseline_jet_iqr"] > 0


def test_its_report_can_be_drawn_where_the_run_cannot_be_written_to(run, tmp_path):
    from launch.report import write_report
    from launch.shell.runs import going_on_in

    folder, _ = run
    with read_only(folder), going_on_in(folder) as opened:
        page = write_report(opened, tmp_path / "page.html")
    assert page.stat().st_size > 100_000


def test_interruptions_cost_no_trial(run):
    import hpo

    folder, _ = run
    told = reports(folder)
    assert not [e for e in told if isinstance(e, hpo.Failed)]
    epochs = [e for e in told if isinstance(e, hpo.Reported)]
    assert len(epochs) == json.loads((folder / "metrics.json").read_text())["epochs_spent"]


@pytest.mark.soak
def test_training_goes_on_where_it_was_killed(run, launch, tmp_path):
    """Killed after the last checkpoint, before the model: the last epoch is trained again."""
    from launch.shell.outcomes import records
    from launch.shell.runs import open_run

    folder = tmp_path / "run"
    shutil.copytree(run[0], folder)
    before = (folder / "model" / "arrays.npz").read_bytes()
    shutil.rmtree(folder / "model")
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 2, "lo')
    done = demo(folder)
    out, _ = done.communicate(timeout=300)
    assert done.returncode == 0, out
    assert not (folder / "model").exists()  # the report was there: nothing was to be done
    (folder / "report.html").unlink()
    done = demo(folder)
    out, _ = done.communicate(timeout=300)
    assert done.returncode == 0, out
    assert (folder / "model" / "arrays.npz").read_bytes() == before
    assert sorted(records(open_run(folder))) == [1, 2]


def test_the_report_stands_alone(run):
    folder, _ = run
    page = (folder / "report.html").read_text()
    assert page.count("<figure") >= 9
    for word in ("Jets", "Missing momentum", "Tuning", "One event", "The winner", "rule-based"):
        assert word in page
    assert page.count("<script>") == 1
    assert 'src="http' not in page
    assert "<link" not in page


def test_a_second_demo_finds_everything_done(run):
    folder, _ = run
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    again = demo(folder)
    out, _ = again.communicate(timeout=60)
    assert again.returncode == 0
    assert "everything is done already" in out
    after = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    before.pop(folder / ".lock"), after.pop(folder / ".lock")
    assert before == after


def test_two_programs_in_one_run_are_refused(run, launch):
    import fcntl

    folder, _ = run
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = launch("demo", f"--config={TINY}", f"--run={folder}")
    assert done.returncode == 1
    assert "another program is working" in done.stderr


@pytest.mark.soak
def test_a_full_disk_leaves_what_was_computed(run, tmp_path):
    """No room for the report: the old one stays, and the next start writes it."""
    folder = tmp_path / "run"
    shutil.copytree(run[0], folder)
    old = (folder / "report.html").read_text()
    command = [sys.executable, "-m", "launch.report", f"--run={folder}"]
    # 200 blocks of 512 bytes a file: metrics fit, the page does not
    command = ["sh", "-c", 'ulimit -f 200; exec "$@"', "sh", *command]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("error: cannot write")
    assert (folder / "report.html").read_text() == old
    assert not list(folder.glob(".*.partial"))


def test_predict_reconstructs_a_real_event(run, launch, tmp_path):
    source = SHARED / "edm4hep" / "cld_zh_nunubb_240gev.root"
    if not source.exists():
        pytest.skip(f"no real event in {source}")
    output = tmp_path / "cld.parquet"
    done = launch("predict", f"--run={run[0]}", f"--input={source}", f"--output={output}")
    assert done.returncode == 0, done.stderr
    assert "rule-based 117.7 GeV" in done.stdout
    assert "truth 116.5 GeV" in done.stdout
    table = parquet.read_table(output).to_pydict()
    assert len(table["pt"]) == 72
    assert set(table) >= {"class", "pt", "eta", "phi", "energy"}
    for pt, eta, energy, kind in zip(
        table["pt"], table["eta"], table["energy"], table["class"], strict=True
    ):
        assert (energy > 0) == (kind != "none")
        assert energy * 1.0001 >= pt >= 0
        assert abs(eta) < 6
    assert max(table["energy"]) < 240  # of the collision
    assert 30 < sum(table["energy"]) < 400
    of_tracks = {
        k for k, t in zip(table["class"], table["element_type"], strict=True) if t == "track"
    }
    assert not of_tracks & {"photon", "neutral hadron"}


def test_predict_refuses_what_it_cannot_read(run, launch, tmp_path):
    missing, text = tmp_path / "none.root", tmp_path / "text.root"
    text.write_text("not ROOT")
    for source, word in ((missing, "no such file"), (text, "text.root")):
        done = launch(
            "predict", f"--run={run[0]}", f"--input={source}", f"--output={tmp_path}/o.root"
        )
        assert done.returncode == 1
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1
        assert word in done.stderr
        assert not (tmp_path / "o.root").exists()


@pytest.mark.soak
def test_a_diverging_trial_is_recorded_and_the_study_goes_on(run, tmp_path):
    """Learning rates up to absurd ones: some trials fail, the study ends with a winner, by jets."""
    import hpo

    folder = tmp_path / "run"
    space = "(('train.learning_rate', 'categorical', 1e-3, 1e30),)"
    data = f"--config.data.root={run[0] / 'data'}"
    command = [sys.executable, "-m", "launch.tune", f"--config={TINY}", f"--run={folder}", data]
    done = subprocess.run(
        [
            *command, f"--config.tune.space={space}", "--config.train.clip=1e30",
            "--config.tune.max_epochs=2", "--config.tune.metric=jets",
        ],
        cwd=ROOT, capture_output=True, text=True, timeout=400,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    failed = [e for e in reports(folder) if isinstance(e, hpo.Failed)]
    assert failed
    assert all("diverged" in e.error for e in failed)
    best = json.loads((folder / "best.json").read_text())
    assert best["values"]["train.learning_rate"] == 1e-3
    widths = [e.metrics["jets"] for e in reports(folder) if isinstance(e, hpo.Reported)]
    assert best["loss"] == min(widths)
    assert 0.1 < best["loss"] < 10
