"""mlpf: every program by its verb."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from launch import __main__ as mlpf
from tests.launch.programs import ROOT

PROGRAMS = {
    path.stem if path.parent.name == "launch" else path.parent.name
    for path in (Path(mlpf.__file__).parent).glob("**/*.py")
    if '__name__ == "__main__"' in path.read_text()
} - {"__main__"}


def test_every_program_has_a_verb():
    assert sorted(mlpf.KNOWN) == sorted(PROGRAMS - {"launch"})


@pytest.mark.parametrize("verb", mlpf.KNOWN)
def test_every_program_says_what_it_is_for(verb):
    assert mlpf.purpose(verb).endswith((".", ":")) or mlpf.purpose(verb).rstrip().endswith(".")
    assert mlpf.purpose(verb) in mlpf.overview()


def test_a_verb_runs_its_program_with_its_flags(monkeypatch, capsys):
    ran = []
    monkeypatch.setattr(mlpf.sys, "argv", ["mlpf"])
    monkeypatch.setattr(mlpf.sys, "path", [*mlpf.sys.path])
    monkeypatch.setattr(
        mlpf.runpy, "run_module", lambda name, **how: ran.append((name, how, [*mlpf.sys.argv]))
    )
    mlpf.main(["build-dataset", "--run=x"])
    assert ran == [
        (
            "launch.build_dataset",
            {"run_name": "__main__", "alter_sys": True},
            ["mlpf build_dataset", "--run=x"],
        )
    ]
    mlpf.main(["--help"])
    assert capsys.readouterr().out.strip() == mlpf.overview()


def test_a_verb_that_is_none(monkeypatch):
    with pytest.raises(SystemExit, match="did you mean train"):
        mlpf.main(["trian"])
    with pytest.raises(SystemExit, match="mlpf --help"):
        mlpf.main(["xyz"])


def test_set_up_from_a_clone_it_is_a_command_in_every_folder(tmp_path):
    """What `make setup` writes, where the environment is there already."""
    clone, away = tmp_path / "a clone", tmp_path / "away"
    for folder in (clone / ".venv/bin", away):
        folder.mkdir(parents=True)
    for name in ("Makefile", "requirements.lock", "datasets", "launch", "mlpf_install"):
        (clone / name).symlink_to(ROOT / name)
    python = clone / ".venv/bin/python"  # a link would not find what is installed
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (clone / ".venv/.ready").touch()
    subprocess.run(["make", "setup"], cwd=clone, check=True, capture_output=True)
    command = [clone / ".venv/bin/mlpf", "--help"]
    done = subprocess.run(command, cwd=away, capture_output=True, text=True)
    assert done.stdout.strip() == mlpf.overview(), done.stderr


def test_the_programs_themselves(launch):
    """As a user types it: help of a verb, and an error of one."""
    from tests.launch.programs import refused

    shown = launch("__main__", "predict", "--help")
    assert "Reconstructs the events" in shown.stdout
    refused(launch("__main__", "tune", "--config=tinny"), "did you mean tiny")


@pytest.mark.parametrize("arguments", [["--help"], ["datasets"], ["datasets", "--help"]])
def test_a_reader_that_has_seen_enough_ends_a_program_silently(arguments):
    """As `mlpf --help | head` does."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "launch", *arguments]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")
