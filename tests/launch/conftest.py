"""Launchers are tested as people run them: `python -m launch.<verb>` in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def launch():
    def run(verb: str, *arguments: object, limit_s: float = 500) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", f"launch.{verb}", *map(str, arguments)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=limit_s)

    return run
