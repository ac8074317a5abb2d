"""Launchers are tested as people run them: `python -m launch.<verb>` in a process of its own."""

from pathlib import Path

import pytest

from tests.forks import Forks

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def launch():
    forks = Forks(ROOT)

    def run(verb: str, *arguments: object, limit_s: float = 500):
        return forks.run(f"launch.{verb}", *map(str, arguments), limit_s=limit_s)

    yield run
    forks.close()
