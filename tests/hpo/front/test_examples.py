"""What the guide shows to outsiders runs, on real trainings, and survives kill -9."""

import os
import re
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import hpo

ROOT = Path(__file__).parents[3]
DIGITS, FLAX = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "hpo.md").read_text(), re.S)[:2]
TORCH = '''
import torch
import hpo
from sklearn.datasets import load_digits

torch.set_num_threads(1)
X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X / 16, dtype=torch.float32), torch.tensor(y)


def objective(trial):
    torch.manual_seed(trial.seed)
    model = torch.nn.Linear(64, 10)
    optimiser = torch.optim.Adam(model.parameters(), trial.params["rate"])
    if state := trial.load():
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
    for epoch in trial.epochs:
        for i in range(0, 1200, 100):
            loss = torch.nn.functional.cross_entropy(model(X[i : i + 100]), y[i : i + 100])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        trial.save({"model": model.state_dict(), "optimiser": optimiser.state_dict()})
        yield {"accuracy": (model(X[1200:]).argmax(-1) == y[1200:]).float().mean()}


study = hpo.tune(
    objective, {"rate": hpo.LogFloat(1e-4, 1)}, max_epochs=9, metric="accuracy", mode="max",
    folder="runs/torch",
)
'''  # fmt: skip


def script(tmp_path, text, **changes):
    """The example as a file in a folder of its own, with some arguments of `tune` changed."""
    for name, value in changes.items():
        text, count = re.subn(rf"\b{name}=[\w/\"]+", f"{name}={value!r}", text)
        assert count == 1
    path = tmp_path / "study.py"
    path.write_text(text)
    return path


def run_here(path, monkeypatch):
    """The study of a script that is run in this process."""
    monkeypatch.chdir(path.parent)
    return runpy.run_path(str(path), run_name="__main__")["study"]


def run(path, kill_at=None):
    """Runs a script as its user does; kills it when its study has so many rows."""
    command = [sys.executable, "-W", "error", path.name]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=path.parent, env=environment) as process:
        while kill_at is not None and rows(path) < kill_at:
            assert process.poll() is None
            time.sleep(0.02)
        if kill_at is not None:
            process.send_signal(signal.SIGKILL)
    assert process.returncode == (0 if kill_at is None else -signal.SIGKILL)


def rows(path):
    (log,) = (*path.parent.glob("runs/*/study.db"), None)[:1]
    try:
        return len(hpo.read_journal(log)[1]) if log else 0
    except hpo.JournalError:  # it is just being made
        return 0


def curves(study):
    return [(trial.number, trial.params, trial.curve, trial.error) for trial in study.trials]


def killed_and_not(tmp_path, monkeypatch, text, **changes):
    """The study that was killed once and went on, and the one that was not."""
    for name in ("killed", "whole"):
        (tmp_path / name).mkdir()
    killed = script(tmp_path / "killed", text, **changes)
    run(killed, kill_at=30)
    before = rows(killed)
    study = run_here(killed, monkeypatch)
    assert 30 <= before < rows(killed)
    whole = run_here(script(tmp_path / "whole", text, **changes), monkeypatch)
    assert not any(trial.error for trial in whole.trials)
    return study, whole


def test_digits_killed_and_gone_on(tmp_path, monkeypatch):
    study, whole = killed_and_not(tmp_path, monkeypatch, DIGITS, max_epochs=4, workers=1)
    assert curves(study) == curves(whole)
    assert study.best_value > 0.85


def test_flax_trains_in_this_process(tmp_path, monkeypatch):
    study = run_here(script(tmp_path, FLAX, max_epochs=4), monkeypatch)
    assert not any(trial.error for trial in study.trials)
    assert study.best_value > 0.8


@pytest.mark.soak
@pytest.mark.parametrize("example", ["digits", "flax", "torch"])
def test_examples_killed_and_gone_on(tmp_path, monkeypatch, example):
    if example == "torch":
        pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch")
    text = {"digits": DIGITS, "flax": FLAX, "torch": TORCH}[example]
    study, whole = killed_and_not(tmp_path, monkeypatch, text)
    assert curves(study) == curves(whole)
    assert study.best_trial == whole.best_trial or study.best_params == whole.best_params


def test_a_notebook_reaches_its_workers(tmp_path):
    """Its cells are in no file, so nothing of it can be imported."""
    cells = (
        "import hpo\n"
        "offset = 2.0\n"
        "def objective(trial):\n"
        "    for epoch in trial.epochs:\n"
        "        yield {'loss': offset + trial.params['x'] / epoch}\n"
        "space = {'x': hpo.Float(0, 1)}\n"
        "study = hpo.tune(objective, space, max_epochs=4, workers=2, verbose=False)\n"
        "assert not any(trial.error for trial in study.trials), study.trials\n"
        "print(study.best_value > 2)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-"],
        input=cells, cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("True\n", "")
