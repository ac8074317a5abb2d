"""One process of this project's models for all tests: it takes seconds to start."""

import pytest

from benchmarks.models.processes import ours


@pytest.fixture(scope="session")
def worker():
    with ours() as process:
        yield process
